package vmtests

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
)

// openImages opens what the guest is booted from and looks at both, since a file cut
// short boots to a silent guest or to one without an init, which looks like a verdict
// on the kernel. So does too little memory for both.
func (g guest) openImages() (kernel, initramfs *os.File, err error) {
	if kernel, err = openChecked(g.kernel, checkKernel); err != nil {
		return nil, nil, fmt.Errorf("opening the kernel: %w", err)
	}
	if initramfs, err = openChecked(g.image, checkInitramfs); err == nil {
		if err = checkRoom(kernel, initramfs, int64(g.memoryMiB)<<20); err == nil {
			return kernel, initramfs, nil
		}
		initramfs.Close()
	}
	kernel.Close()
	return nil, nil, fmt.Errorf("opening the initramfs: %w", err)
}

func openChecked(path string, check func(r io.ReaderAt, size int64) error) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = check(f, info.Size())
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// The x86 boot header (Documentation/arch/x86/boot.rst): where it has its magic, how
// many sectors of 512 bytes come before the kernel proper (0 means 4, and the boot
// sector is not among them), and how long that is in units of 16 bytes.
// Then the address it is loaded at and the memory it takes until it has unpacked itself.
const (
	headMagic, headSectors, headLength = 0x202, 0x1f1, 0x1f4
	headAddress, headSpace             = 0x258, 0x260
	headEnd                            = 0x264
)

// checkKernel says why a file is not a whole x86 kernel image.
func checkKernel(r io.ReaderAt, size int64) error {
	head := make([]byte, headEnd)
	if n, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	} else if string(head[headMagic:headMagic+4]) != "HdrS" {
		return fmt.Errorf("it is no x86 kernel image%s", otherKernel(r, head[:n]))
	}
	sectors := int64(head[headSectors])
	if sectors == 0 {
		sectors = 4
	}
	want := (sectors+1)*512 + int64(binary.LittleEndian.Uint32(head[headLength:]))*16
	if size < want {
		return fmt.Errorf("it has %d bytes of %d", size, want)
	}
	return nil
}

// checkRoom says by how much a machine has too little memory for a kernel that unpacks
// itself and an initramfs above it. QEMU then puts the one over the other, and the
// kernel dies of what looks like its own faults.
func checkRoom(kernel io.ReaderAt, initramfs *os.File, memory int64) error {
	head := make([]byte, headEnd)
	if _, err := kernel.ReadAt(head, 0); err != nil {
		return err
	}
	info, err := initramfs.Stat()
	if err != nil {
		return err
	}
	need := int64(binary.LittleEndian.Uint64(head[headAddress:])) +
		int64(binary.LittleEndian.Uint32(head[headSpace:])) + info.Size()
	if memory < need {
		const mib = 1 << 20
		return fmt.Errorf("it and the kernel take %d MiB of memory; the machine has %d", (need+mib-1)/mib, memory/mib)
	}
	return nil
}

// otherKernel says what a file is that is no x86 kernel image, if that can be told.
func otherKernel(r io.ReaderAt, head []byte) string {
	if f, err := elf.NewFile(r); err == nil {
		return fmt.Sprintf(" but an ELF file for %s", f.Machine)
	}
	// Documentation/arch/arm64/booting.rst
	if len(head) >= 64 && string(head[56:60]) == "ARM\x64" {
		return " but an arm64 one"
	}
	return ""
}

// newcHeader is the length of a record's header in a "newc" cpio archive
// (Documentation/driver-api/early-userspace/buffer-format.rst): a magic and 13 fields
// of 8 hexadecimal digits.
const newcHeader = 110

// checkInitramfs says why a file is not a whole cpio archive: it walks from record to
// record to the one that ends the archive.
func checkInitramfs(r io.ReaderAt, size int64) error {
	const trailer = "TRAILER!!!\x00"
	head := make([]byte, newcHeader+len(trailer))
	for at := int64(0); ; {
		n, err := r.ReadAt(head, at)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if n < len(head) {
			return fmt.Errorf("the cpio archive ends at byte %d in the middle", size)
		}
		if string(head[:6]) != "070701" {
			return fmt.Errorf("no cpio record at byte %d", at)
		}
		content, err1 := strconv.ParseInt(string(head[54:62]), 16, 64)
		name, err2 := strconv.ParseInt(string(head[94:102]), 16, 64)
		if err := errors.Join(err1, err2); err != nil {
			return fmt.Errorf("a broken cpio record at byte %d: %w", at, err)
		}
		if string(head[newcHeader:]) == trailer {
			return nil
		}
		at += align4(newcHeader+name) + align4(content)
	}
}

func align4(n int64) int64 { return (n + 3) &^ 3 }
