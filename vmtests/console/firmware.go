package console

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"time"
)

// Firmware recognises the lines that firmware and boot loaders print before a kernel. The
// zero value is at the beginning of a log.
type Firmware struct {
	names []string
	lines int
	// talks: a boot loader has started, whose lines have no fixed form.
	talks bool
	// over: the firmware has ended.
	over bool
}

// banners are the beginnings of the first lines of firmware and boot loaders. A loader may
// print anything after its own.
var banners = []struct {
	begin, name string
	loader      bool
}{
	{"OpenSBI v", "OpenSBI", false},
	{"U-Boot ", "U-Boot", true},
	{"UEFI firmware ", "UEFI", true},
	{"SeaBIOS (version ", "SeaBIOS", true},
	{"NOTICE:  BL", "Trusted Firmware-A", true},
	{"NOTICE:  Booting Trusted Firmware", "Trusted Firmware-A", true},
}

var (
	// loaded matches the first line of a firmware or a boot loader.
	loaded = regexp.MustCompile(`^(?:OpenSBI v\d|U-Boot (?:[A-Z]PL )?20\d\d\.|UEFI firmware \(|SeaBIOS \(version |NOTICE:  B)`)
	// openSBI matches what OpenSBI prints before it starts the kernel, and its errors
	// (lib/sbi/sbi_init.c and lib/sbi/sbi_trap.c in OpenSBI).
	openSBI = regexp.MustCompile(`^(?:(?:Platform|Firmware|Runtime SBI|Standard SBI|Experimental SBI|Domain\d+|Boot HART|MIDELEG|MEDELEG|PMP\d+)\b[ \w-]{0,24}(?:: |$)|(?:sbi|init)_\w+: )`)
	// starts matches what a boot loader prints when it starts a kernel.
	starts = regexp.MustCompile(`^(?:Starting kernel \.\.\.|Booting from ROM|BdsDxe: starting Boot)`)
	// early matches what only a kernel prints: its image, before there is a printk
	// (drivers/firmware/efi/libstub, arch/x86/boot/compressed/misc.c), and printk without time
	// stamps (arch/arm64/kernel/setup.c:95, arch/riscv/kernel/smp.c:63).
	early = regexp.MustCompile(`^(?:EFI stub: |(?:Dec|Unc)ompressing Linux|Booting Linux on |Linux version \d|(?:Kernel c|C)ommand line: |Run \S+ as init process|Kernel panic - not syncing: )`)
)

// artwork are the characters with which OpenSBI draws its name.
const artwork = " _/\\|'.()<,`"

// Over reads a raw line, and reports whether it, or one before it, is not from firmware.
func (f *Firmware) Over(raw []byte) bool {
	if !f.over {
		split(raw, func(l line) {
			l.text = bytes.TrimRight(l.text, " \t")
			f.over = f.over || (l.kernel || len(l.text) > 0) && !f.read(l)
		})
	}
	return f.over
}

// Maybe reports whether an unfinished line may be from firmware.
func (f *Firmware) Maybe(part []byte) bool {
	part = bytes.TrimLeft(part, "\r\n \x00")
	return !f.over && (len(f.names) > 0 || len(part) == 0 || part[0] == '\x1b' || bannerIn(part) >= 0)
}

// bannerIn returns the index of the banner that a text begins with, or is the beginning of; -1 if
// there is none.
func bannerIn(text []byte) int {
	for i, b := range banners {
		if n := min(len(text), len(b.begin)); string(text[:n]) == b.begin[:n] {
			return i
		}
	}
	return -1
}

// read reads a line, and reports whether it is from firmware.
func (f *Firmware) read(l line) bool {
	if f.over || len(l.text) == 0 {
		return false
	}
	if l.kernel && !l.odd {
		f.over = true
		return false
	}
	text := l.text[:min(len(l.text), maxText)]
	if i := bannerIn(text); i >= 0 && loaded.Match(text) {
		if !slices.Contains(f.names, banners[i].name) {
			f.names = append(f.names, banners[i].name)
		}
		f.talks = f.talks || banners[i].loader
		f.lines++
		return true
	}
	switch {
	case len(f.names) == 0:
		return false
	case early.Match(text):
		f.over = true
		return false
	case starts.Match(text):
		f.talks = false // a kernel that prints no banner may follow
	case !f.talks && !openSBI.Match(text) && len(bytes.Trim(text, artwork)) > 0:
		return false
	}
	f.lines++
	return true
}

// firmwareAlone says what the firmware printed before a kernel that printed nothing.
func firmwareAlone(l Log) string {
	lines := "1 line"
	if l.FirmwareLines > 1 {
		lines = fmt.Sprintf("%d lines", l.FirmwareLines)
	}
	return fmt.Sprintf("the firmware (%s) printed %s; the kernel none", l.Firmware, lines)
}

// onlyFirmware reports whether neither a kernel nor a program printed any line.
func (l Log) onlyFirmware() bool { return l.FirmwareLines > 0 && l.FirmwareLines == l.Lines }

func silentReason(l Log, f Facts) string {
	switch {
	case l.Bytes > 0 && f.Killed == NotKilled:
		return firmwareAlone(l) + " before the machine was reset"
	case l.Bytes > 0:
		return fmt.Sprintf("%s, and there was no event in %s", firmwareAlone(l), f.Idle.Round(time.Second))
	case f.Killed == NotKilled:
		return "the machine was reset before the first console byte"
	}
	return fmt.Sprintf("no console byte and no event in %s", f.Idle.Round(time.Second))
}
