package packed

import "encoding/binary"

// HeadBytes is how many bytes at the beginning of a bzImage contain its boot header.
const HeadBytes = 0x264

// BzImage is the boot header of an x86 kernel (Documentation/arch/x86/boot.rst). Offsets and
// lengths are in bytes.
type BzImage struct {
	// Bytes is the length of the file.
	Bytes int64
	// Version is the offset of the release, and Payload to PayloadEnd that of the compressed
	// kernel.
	Version, Payload, PayloadEnd int64
	// MaxCommandLine is the length of the longest command line, without its final zero.
	MaxCommandLine int
	// MemoryEnd is the address up to which the kernel needs memory until it has unpacked itself.
	MemoryEnd int64
}

// ParseBzImage reads the boot header at the beginning of data; ok is false if there is none.
func ParseBzImage(data []byte) (h BzImage, ok bool) {
	if len(data) < HeadBytes || string(data[0x202:0x206]) != "HdrS" {
		return BzImage{}, false
	}
	field := func(at int) int64 { return int64(binary.LittleEndian.Uint32(data[at:])) }
	sectors := int64(data[0x1f1])
	if sectors == 0 {
		sectors = 4
	}
	setup := (sectors + 1) * 512 // which do not include the boot sector
	h = BzImage{
		Bytes:          setup + field(0x1f4)*16,
		Version:        0x200 + int64(binary.LittleEndian.Uint16(data[0x20e:])),
		Payload:        setup + field(0x248),
		PayloadEnd:     setup + field(0x248) + field(0x24c),
		MaxCommandLine: MaxCommandLine,
		MemoryEnd:      int64(binary.LittleEndian.Uint64(data[0x258:])) + field(0x260),
	}
	if binary.LittleEndian.Uint16(data[0x206:]) >= 0x206 { // the protocol's version
		h.MaxCommandLine = int(field(0x238))
	}
	return h, true
}

// MaxCommandLine is the length for a kernel whose header does not have it: COMMAND_LINE_SIZE
// (arch/x86/include/asm/setup.h:7) without the zero.
const MaxCommandLine = 2047
