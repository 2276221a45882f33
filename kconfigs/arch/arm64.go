package arch

import "debug/elf"

// arm64 is the 64-bit Arm architecture. It reboots through PSCI. The virt machine has one serial
// port, so that the second is a PCI device. gic-version=3 is the interrupt controller of most
// servers. An image has its magic at byte 56 (Documentation/arch/arm64/booting.rst).
func arm64() Arch {
	return Arch{
		Name: "arm64", GOARCH: "arm64", Debian: "arm64", Multiarch: "aarch64-linux-gnu", ELF: elf.EM_AARCH64,
		ARCH: "arm64", Dir: "arm64", Symbol: "ARM64", Header: "arm64", Cross: "aarch64-linux-gnu-",
		Target: "Image", Image: "arch/arm64/boot/Image", Magic: "ARM\x64", Defconfig: "arch/arm64/configs/defconfig",
		QEMU: "qemu-system-aarch64", Machine: []string{"-M", "virt,gic-version=3"}, CPU: "cortex-a57",
		Console: "ttyAMA0", Fallback: "/dev/ttyS0", FallbackDevice: "pci-serial", CommandLine: 2047,
	}
}
