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
	// Symbol is on in every .config of the architecture, and only other architectures' Kconfig
	// files do not define it. Header is what the first line of a .config calls it.
	Symbol, Header string
	// Cross is the prefix of a compiler that runs on another architecture.
	Cross string
	// Target is what make builds: the kernel's image, whose path in the object tree is Image.
	Target, Image string
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
//
// The reasons for the arguments that are not obvious:
//   - qboot.rom starts a kernel without looking for disks and option ROMs as SeaBIOS does. It
//     saves 0.1 s of 1.2 (median of seven boots).
//   - reboot=t is a triple fault, which needs no device; arm64 reboots through PSCI and riscv64
//     through SBI.
//   - tsc=reliable: under TCG the kernel's watchdog sometimes finds the TSC skewed and falls back
//     to jiffies, in which a probe takes 0 or 4 ms.
//   - no_timer_check: a guest that waits for its processor while it counts ticks for 60 ms takes
//     its timer for broken and panics (timer_irq_works, arch/x86/kernel/apic/io_apic.c:1519).
//   - The virt machines have one serial port, so that the second is a PCI device.
//   - gic-version=3 is the interrupt controller of most servers, and the one whose MSIs need no
//     frames in the device tree.
func All() []Arch {
	return []Arch{
		{
			Name: "x86_64", GOARCH: "amd64", Debian: "amd64", Multiarch: "x86_64-linux-gnu", ELF: elf.EM_X86_64,
			ARCH: "x86_64", Dir: "x86", Symbol: "X86_64", Header: "x86",
			Cross: "x86_64-linux-gnu-", Target: "bzImage", Image: "arch/x86/boot/bzImage", Defconfig: "arch/x86/configs/x86_64_defconfig",
			QEMU: "qemu-system-x86_64", Machine: []string{"-M", "pc", "-bios", "qboot.rom"},
			Console: "ttyS0", Fallback: "/dev/ttyS1",
			CommandLine: 2047, Args: []string{"reboot=t", "tsc=reliable", "no_timer_check"}, TSC: true,
		},
		{
			Name: "arm64", GOARCH: "arm64", Debian: "arm64", Multiarch: "aarch64-linux-gnu", ELF: elf.EM_AARCH64,
			ARCH: "arm64", Dir: "arm64", Symbol: "ARM64", Header: "arm64",
			Cross: "aarch64-linux-gnu-", Target: "Image", Image: "arch/arm64/boot/Image", Defconfig: "arch/arm64/configs/defconfig",
			QEMU: "qemu-system-aarch64", Machine: []string{"-M", "virt,gic-version=3"}, CPU: "cortex-a57",
			Console: "ttyAMA0", Fallback: "/dev/ttyS0", FallbackDevice: "pci-serial", CommandLine: 2047,
		},
		{
			Name: "riscv64", GOARCH: "riscv64", Debian: "riscv64", Multiarch: "riscv64-linux-gnu", ELF: elf.EM_RISCV,
			ARCH: "riscv", Dir: "riscv", Symbol: "RISCV", Header: "riscv",
			Cross: "riscv64-linux-gnu-", Target: "Image", Image: "arch/riscv/boot/Image", Defconfig: "arch/riscv/configs/defconfig",
			QEMU: "qemu-system-riscv64", Machine: []string{"-M", "virt"},
			Console: "ttyS0", Fallback: "/dev/ttyS1", FallbackDevice: "pci-serial", CommandLine: 1023,
		},
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
