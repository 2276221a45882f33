// Package kernel describes a kernel that was built, wherever it is now. It runs on the host.
package kernel

import "fmt"

// Built identifies a kernel, and has its sizes.
type Built struct {
	// Key is the kernel's key in the cache: a hash of final config, source and compiler.
	Key string `json:"key"`
	// Version is the kernel release, for example 6.12.117.
	Version string `json:"version"`
	// Source is where the source came from, Compiler what compiled it.
	Source   string `json:"source"`
	Compiler string `json:"compiler"`
	// ConfigSHA256 is the hash of the final .config.
	ConfigSHA256 string `json:"config_sha256"`
	// ImageBytes is the size of the bzImage; Text, Data and BSS are those of vmlinux
	// according to size(1). All in bytes.
	ImageBytes int64 `json:"image_bytes"`
	Text       int64 `json:"text"`
	Data       int64 `json:"data"`
	BSS        int64 `json:"bss"`
}

// Series is the kernel series: 6.12 of 6.12.117.
func (b Built) Series() string {
	major, minor := 0, 0
	if _, err := fmt.Sscanf(b.Version, "%d.%d", &major, &minor); err != nil {
		return b.Version
	}
	return fmt.Sprintf("%d.%d", major, minor)
}
