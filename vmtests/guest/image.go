package guest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/packed"
)

// openFiles opens kernel, initramfs and disk, if there is one, and checks the first two: with a
// truncated file the guest stays silent or has no init, which looks like the kernel's fault. So
// does too little memory: QEMU loads the initramfs over the kernel, which then crashes. With an
// error it returns the files opened so far.
func (g Guest) openFiles() (files []*os.File, err error) {
	kernel, end, err := openChecked(g.Kernel, g.checkKernel)
	if err != nil {
		return files, fmt.Errorf("opening the kernel: %w", err)
	}
	files = append(files, kernel)
	if err := checkLine(kernel, g.arch().CommandLine, g.commandLine()); err != nil {
		return files, fmt.Errorf("opening the kernel: %s: %w", g.Kernel, err)
	}
	image, size, err := openChecked(g.Image, checkInitramfs)
	if err != nil {
		return files, fmt.Errorf("opening the initramfs: %w", err)
	}
	files = append(files, image)
	if err := checkRoom(end+size, int64(g.MemoryMiB)<<20); err != nil {
		return files, fmt.Errorf("opening the initramfs: %w", err)
	}
	if g.Disk != "" {
		disk, err := openForQEMU(g.Disk)
		if err != nil {
			return files, fmt.Errorf("opening the disk: %w", err)
		}
		files = append(files, disk)
	}
	return files, nil
}

// openChecked opens a file and returns the result of check.
func openChecked(path string, check func(r io.ReaderAt, size int64) (int64, error)) (*os.File, int64, error) {
	f, err := openForQEMU(path)
	if err != nil {
		return nil, 0, err
	}
	var n int64
	info, err := f.Stat()
	if err == nil {
		n, err = check(f, info.Size())
	}
	if err != nil {
		f.Close()
		return nil, 0, fmt.Errorf("%s: %w", path, err)
	}
	return f, n, nil
}

// checkLine returns an error for a command line that the kernel would truncate silently.
func checkLine(kernel io.ReaderAt, longest int, line string) error {
	head, err := readHead(kernel)
	if err != nil {
		return err
	}
	if h, ok := packed.ParseBzImage(head); ok {
		longest = h.MaxCommandLine
	}
	if len(line) > longest {
		return fmt.Errorf("its command line has %d bytes; the kernel takes %d", len(line), longest)
	}
	return nil
}

// openForQEMU opens a file whose descriptor is passed to QEMU, which opens it again through /proc
// (fdWiring). If netstrip is root, QEMU runs as nobody, which cannot open a file created with
// umask 077, so the file is made readable; the permissions of directories do not matter.
func openForQEMU(path string) (*os.File, error) {
	f, err := file.Open(path)
	if err != nil || os.Geteuid() != 0 {
		return f, err
	}
	info, err := f.Stat()
	if err == nil && info.Mode()&0o444 != 0o444 {
		err = f.Chmod(info.Mode() | 0o444)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("letting QEMU read %s: %w", path, err)
	}
	return f, nil
}

func checkRoom(need, memory int64) error {
	if memory < need {
		const mib = 1 << 20
		return fmt.Errorf("initramfs and kernel take %d MiB of memory; the machine has %d", (need+mib-1)/mib, memory/mib)
	}
	return nil
}

// readHead reads the beginning of a kernel, followed by zeros where the file is shorter.
func readHead(kernel io.ReaderAt) ([]byte, error) {
	head := make([]byte, packed.HeadBytes)
	if _, err := kernel.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return head, nil
}

// checkKernel returns the address up to which a kernel needs memory, or an error if the file is
// not a whole kernel of the guest's architecture that QEMU can start.
func (g Guest) checkKernel(r io.ReaderAt, size int64) (end int64, err error) {
	a := g.arch()
	head, err := readHead(r)
	if err != nil {
		return 0, err
	}
	if string(head[:4]) == elf.ELFMAG {
		return checkVmlinux(a, r, head, size)
	}
	of, memory, ok := packed.ParseImage(head)
	switch {
	case !ok:
		return 0, fmt.Errorf("it is not a kernel image for %s", a.Name)
	case of.Name != a.Name:
		return 0, fmt.Errorf("it is not a kernel image for %s but for %s", a.Name, of.Name)
	}
	h, ok := packed.ParseBzImage(head)
	if !ok {
		return memory, nil // its size is not in the header
	}
	if size < h.Bytes {
		return 0, fmt.Errorf("truncated: %d of %d bytes", size, h.Bytes)
	}
	return h.MemoryEnd, nil
}

// checkVmlinux is checkKernel for an ELF file. It must end with its section headers, like the
// output of linker and objcopy, and have the note with its PVH entry point.
func checkVmlinux(a arch.Arch, r io.ReaderAt, head []byte, size int64) (end int64, err error) {
	if machine := elf.Machine(binary.LittleEndian.Uint16(head[18:])); machine != a.ELF {
		return 0, fmt.Errorf("it is not a kernel image for %s but an ELF file for %s", a.Name, machine)
	}
	if a.Magic != "" {
		return 0, fmt.Errorf("it is a vmlinux, which does not start on %s; use the %s", a.Name, a.Target)
	}
	sections, length, number := binary.LittleEndian.Uint64(head[40:]), head[58], binary.LittleEndian.Uint16(head[60:])
	if want := int64(sections) + int64(length)*int64(number); want > size || want < 0 {
		return 0, fmt.Errorf("truncated: %d of %d bytes", size, want)
	}
	f, err := elf.NewFile(r)
	if err != nil {
		return 0, err
	}
	started := a.ELF != elf.EM_X86_64
	for _, p := range f.Progs {
		switch p.Type {
		case elf.PT_LOAD:
			end = max(end, int64(p.Paddr+p.Memsz))
		case elf.PT_NOTE:
			notes, err := io.ReadAll(io.LimitReader(p.Open(), 1<<16))
			if err != nil {
				return 0, err
			}
			started = started || bytes.Contains(notes, []byte(pvhNote))
		}
	}
	if !started {
		return 0, errors.New("it is a vmlinux without CONFIG_PVH, which QEMU cannot start; use the bzImage")
	}
	return end, nil
}

// pvhNote is the beginning, after its two lengths, of the ELF note with the PVH entry point:
// XEN_ELFNOTE_PHYS32_ENTRY (include/xen/interface/elfnote.h:197).
const pvhNote = "\x12\x00\x00\x00Xen\x00"

// newcHeader is the length of a record's header in a "newc" cpio archive
// (Documentation/driver-api/early-userspace/buffer-format.rst): a magic and 13 fields
// of 8 hexadecimal digits.
const newcHeader = 110

// checkInitramfs walks through the records of a cpio archive. It returns the size of the file, or an
// error if the archive is not complete.
func checkInitramfs(r io.ReaderAt, size int64) (int64, error) {
	const trailer = "TRAILER!!!\x00"
	head := make([]byte, newcHeader+len(trailer))
	for at := int64(0); ; {
		n, err := r.ReadAt(head, at)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if n < len(head) {
			return 0, fmt.Errorf("cpio archive truncated at byte %d", size)
		}
		if string(head[:6]) != "070701" {
			return 0, fmt.Errorf("no cpio record at byte %d", at)
		}
		content, err1 := strconv.ParseInt(string(head[54:62]), 16, 64)
		name, err2 := strconv.ParseInt(string(head[94:102]), 16, 64)
		if err := errors.Join(err1, err2); err != nil {
			return 0, fmt.Errorf("broken cpio record at byte %d: %w", at, err)
		}
		if string(head[newcHeader:]) == trailer {
			return size, nil
		}
		at += align4(newcHeader+name) + align4(content)
	}
}

func align4(n int64) int64 { return (n + 3) &^ 3 }
