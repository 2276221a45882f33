package packed

import (
	"bytes"
	"debug/elf"
	"encoding/binary"

	"github.com/netstrip/netstrip/kconfigs/arch"
)

// ParseImage reads the beginning of a kernel image, HeadBytes of it: a bzImage, an Image with the
// architecture's magic, or an ELF file. It returns the architecture and, for an Image, how much
// memory the kernel needs in bytes, counted from the beginning of the memory. ok is false for other
// data.
func ParseImage(head []byte) (of arch.Arch, memory int64, ok bool) {
	if len(head) < HeadBytes {
		return of, 0, false
	}
	field := func(at int) int64 { return int64(binary.LittleEndian.Uint64(head[at:])) }
	_, bzImage := ParseBzImage(head)
	machine := elf.Machine(0)
	if bytes.HasPrefix(head, []byte(elf.ELFMAG)) {
		machine = elf.Machine(binary.LittleEndian.Uint16(head[18:]))
	}
	for _, a := range arch.All() {
		switch {
		case bzImage && a.Target == "bzImage", machine == a.ELF:
			return a, 0, true
		case a.Magic != "" && bytes.HasPrefix(head[56:], []byte(a.Magic)):
			return a, field(8) + field(16), true
		}
	}
	return of, 0, false
}
