// Package kernel describes a built kernel independently of where it is stored. It runs on the host.
package kernel

import "fmt"

// Built is the identity and the sizes of a kernel.
type Built struct {
	// Key is the kernel's key in the cache: a hash of final config, source and compiler.
	Key string `json:"key"`
	// Version is the kernel release, for example 6.12.117.
	Version string `json:"version"`
	// Arch is the name of its architecture (arch.Arch); empty means x86_64.
	Arch string `json:"arch,omitempty"`
	// Source is the origin of the source, Compiler the compiler and its version.
	Source   string `json:"source"`
	Compiler string `json:"compiler"`
	// ConfigSHA256 is the hash of the final .config.
	ConfigSHA256 string `json:"config_sha256"`
	// ImageBytes is the size of the image; Text, Data and BSS are those of vmlinux
	// according to size(1). All in bytes.
	ImageBytes int64 `json:"image_bytes"`
	Text       int64 `json:"text"`
	Data       int64 `json:"data"`
	BSS        int64 `json:"bss"`
}

// Series returns the kernel series: 6.12 for 6.12.117.
func (b Built) Series() string {
	major, minor := 0, 0
	if _, err := fmt.Sscanf(b.Version, "%d.%d", &major, &minor); err != nil {
		return b.Version
	}
	return fmt.Sprintf("%d.%d", major, minor)
}
