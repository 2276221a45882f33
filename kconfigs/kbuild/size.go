package kbuild

import (
	"debug/elf"
	"fmt"
)

// sizes gives what size(1) prints for an ELF file, in bytes: text is all that is
// loaded and never written, data what is loaded and written, bss what has room in
// memory and none in the file.
func sizes(path string) (text, data, bss int64, err error) {
	f, err := elf.Open(path)
	if err != nil {
		return 0, 0, 0, fmt.Errorf("reading the sizes of %s: %w", path, err)
	}
	defer f.Close()
	for _, s := range f.Sections {
		switch {
		case s.Flags&elf.SHF_ALLOC == 0:
		case s.Flags&elf.SHF_WRITE == 0 || s.Flags&elf.SHF_EXECINSTR != 0:
			text += int64(s.Size)
		case s.Type == elf.SHT_NOBITS:
			bss += int64(s.Size)
		default:
			data += int64(s.Size)
		}
	}
	return text, data, bss, nil
}
