// Package arch holds everything that differs between the architectures of kernels, one value
// for each. It runs on the host. Adding an architecture takes a value here, the fragment that
// its guests need, and expectations.
package arch

import (
	"cmp"
	"debug/elf"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
)

// Arch is an architecture.
type Arch struct {
	// Name is the name on the command line, as uname -m prints it except for arm64. The fragment
	// that guests need has it too.
	Name string
	// GOARCH is Go's name, Debian that of Debian's packages, Multiarch that of its directories of
	// libraries, and ELF that of ELF files.
	GOARCH, Debian, Multiarch string
	ELF                       elf.Machine
	// ARCH is the variable of the kernel's makefiles, and Dir the directory under arch.
	ARCH, Dir string
	// Symbol is on in every .config of the architecture; the Kconfig files of the others do not
	// define it. Header is what the first line of a .config calls it.
	Symbol, Header string
	// Cross is the prefix of a compiler that runs on another architecture.
	Cross string
	// Target is what make builds: the kernel's image, whose path in the object tree is Image.
	Target, Image string
	// Magic is what an image has at byte 56; empty if it is a bzImage or a vmlinux.
	Magic string
	// Defconfig is the path of the defconfig.
	Defconfig string
	// QEMU is the program that emulates it, Machine are its arguments for the machine, and CPU is
	// the model under TCG.
	QEMU    string
	Machine []string
	CPU     string
	// Console is the kernel's name of the first serial port. Fallback is the device of the second
	// event channel, and FallbackDevice QEMU's device for it; empty means the second serial port.
	Console, Fallback, FallbackDevice string
	// CommandLine is the length of the longest command line of the kernel, without its final zero
	// (COMMAND_LINE_SIZE in arch/*/include).
	CommandLine int
	// Args are further arguments for the kernel.
	Args []string
	// TSC is set if the kernel takes the frequency of the processor's time stamp counter as an
	// argument.
	TSC bool
}

// Env names the variable with the default architecture.
const Env = "NETSTRIP_ARCH"

// All returns all architectures.
func All() []Arch {
	return []Arch{
		x86(),
		arm64(),
		riscv64(),
	}
}

// Names returns the names of all architectures.
func Names() (names []string) {
	for _, a := range All() {
		names = append(names, a.Name)
	}
	return names
}

// Default returns the architecture in NETSTRIP_ARCH, or else that of this machine, or x86_64 if
// kernels for this machine cannot be built.
func Default() Arch {
	if a, err := Parse(os.Getenv(Env)); err == nil {
		return a
	}
	return host()
}

// host returns the architecture of this machine.
func host() Arch {
	all := All()
	i := slices.IndexFunc(all, func(a Arch) bool { return a.GOARCH == runtime.GOARCH })
	return all[max(i, 0)]
}

// Parse returns the architecture with a name, as uname -m, Go, Debian or the kernel's makefiles
// write it. The empty name means the default.
func Parse(name string) (Arch, error) {
	if name == "" {
		name = cmp.Or(os.Getenv(Env), host().Name)
	}
	for _, a := range All() {
		if slices.Contains([]string{a.Name, a.GOARCH, a.ARCH, strings.TrimSuffix(a.Multiarch, "-linux-gnu")}, name) {
			return a, nil
		}
	}
	return Arch{}, fmt.Errorf("no such architecture: %q; want %s", name, strings.Join(Names(), ", "))
}

// Native reports whether this machine runs programs of the architecture.
func (a Arch) Native() bool { return a.GOARCH == runtime.GOARCH }

// Compiler returns the prefix of the compiler's programs; empty for that of this machine.
func (a Arch) Compiler() string {
	if a.Native() {
		return ""
	}
	return a.Cross
}

// Label returns the name as records and the names of kernels have it: empty for x86_64.
func (a Arch) Label() string {
	if a.Name == All()[0].Name {
		return ""
	}
	return a.Name
}

// Labelled returns the architecture with a label.
func Labelled(label string) (Arch, error) { return Parse(cmp.Or(label, All()[0].Name)) }
