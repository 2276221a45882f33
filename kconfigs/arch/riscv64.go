package arch

import "debug/elf"

// riscv64 is the 64-bit RISC-V architecture. It reboots through SBI. The virt machine has one
// serial port, so that the second is a PCI device. An image has its magic at byte 56
// (Documentation/arch/riscv/boot-image-header.rst).
func riscv64() Arch {
	return Arch{
		Name: "riscv64", GOARCH: "riscv64", Debian: "riscv64", Multiarch: "riscv64-linux-gnu", ELF: elf.EM_RISCV,
		ARCH: "riscv", Dir: "riscv", Symbol: "RISCV", Header: "riscv", Cross: "riscv64-linux-gnu-",
		Target: "Image", Image: "arch/riscv/boot/Image", Magic: "RSC\x05", Defconfig: "arch/riscv/configs/defconfig",
		QEMU: "qemu-system-riscv64", Machine: []string{"-M", "virt"},
		Console: "ttyS0", Fallback: "/dev/ttyS1", FallbackDevice: "pci-serial", CommandLine: 1023,
	}
}
