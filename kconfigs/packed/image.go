package packed

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// ParseImage reads the beginning of a kernel image, HeadBytes of it: a bzImage, an Image of arm64
// (Documentation/arch/arm64/booting.rst) or riscv (Documentation/arch/riscv/boot-image-header.rst),
// or an ELF file. It returns the name of the architecture and, for an Image, how much memory the
// kernel needs in bytes, counted from the beginning of the memory. ok is false for other data.
func ParseImage(head []byte) (arch string, memory int64, ok bool) {
	if _, ok := ParseBzImage(head); ok {
		return "x86_64", 0, true
	}
	if len(head) < 64 {
		return "", 0, false
	}
	field := func(at int) int64 { return int64(binary.LittleEndian.Uint64(head[at:])) }
	switch {
	case bytes.HasPrefix(head, []byte(elf.ELFMAG)):
		switch elf.Machine(binary.LittleEndian.Uint16(head[18:])) {
		case elf.EM_X86_64:
			return "x86_64", 0, true
		case elf.EM_AARCH64:
			return "arm64", 0, true
		case elf.EM_RISCV:
			return "riscv64", 0, true
		}
	case string(head[56:60]) == "ARM\x64":
		return "arm64", field(8) + field(16), true
	case string(head[56:60]) == "RSC\x05":
		return "riscv64", field(8) + field(16), true
	}
	return "", 0, false
}
