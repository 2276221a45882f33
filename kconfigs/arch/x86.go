package arch

import "debug/elf"

// x86 is the architecture of most servers. The reasons for the arguments that are not obvious:
//   - qboot.rom starts a kernel without looking for disks and option ROMs as SeaBIOS does. It
//     saves 0.1 s of 1.2 (median of seven boots).
//   - reboot=t is a triple fault, which needs no device.
//   - tsc=reliable: under TCG the kernel's watchdog sometimes finds the TSC skewed and falls back
//     to jiffies, in which a probe takes 0 or 4 ms.
//   - no_timer_check: a guest that must wait for its processor while it counts ticks for 60 ms
//     considers its timer broken and panics (timer_irq_works, arch/x86/kernel/apic/io_apic.c:1519).
func x86() Arch {
	return Arch{
		Name: "x86_64", GOARCH: "amd64", Debian: "amd64", Multiarch: "x86_64-linux-gnu", ELF: elf.EM_X86_64,
		ARCH: "x86_64", Dir: "x86", Symbol: "X86_64", Header: "x86", Cross: "x86_64-linux-gnu-",
		Target: "bzImage", Image: "arch/x86/boot/bzImage", Defconfig: "arch/x86/configs/x86_64_defconfig",
		QEMU: "qemu-system-x86_64", Machine: []string{"-M", "pc", "-bios", "qboot.rom"},
		Console: "ttyS0", Fallback: "/dev/ttyS1", CommandLine: 2047,
		Args: []string{"reboot=t", "tsc=reliable", "no_timer_check"}, TSC: true,
	}
}
