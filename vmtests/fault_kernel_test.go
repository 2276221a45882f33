package vmtests

import (
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/vmtests/guest"
)

// Code that a tiny kernel runs after printing its text.
var (
	spins  = []byte{0xfa, 0xeb, 0xfe}                               // cli; here: jmp here
	resets = []byte{0x2e, 0x0f, 0x01, 0x1e, 0x00, 0x01, 0xcd, 0x03} // lidt cs:[0x100]; int 3
)

// tinyKernel writes an x86 kernel image that only prints text on the first serial port and then
// runs end: it spins with interrupts off, which no program in a guest can do, or causes a triple
// fault, before any byte if text is empty.
func tinyKernel(t *testing.T, text string, end []byte) string {
	t.Helper()
	const setup = 0x200 // where the boot loader jumps to, and cs:0
	image := make([]byte, 1024+4096)
	image[0x1f1] = 1                                      // sectors
	binary.LittleEndian.PutUint32(image[0x1f4:], 4096/16) // length of the rest
	binary.LittleEndian.PutUint16(image[0x1fe:], 0xaa55)
	copy(image[setup:], []byte{0xeb, 0x66}) // jmp 0x268
	copy(image[0x202:], "HdrS")
	binary.LittleEndian.PutUint16(image[0x206:], 0x020c)     // protocol 2.12
	image[0x211] = 1                                         // loaded high
	binary.LittleEndian.PutUint32(image[0x22c:], 0x7fffffff) // highest address of an initrd
	binary.LittleEndian.PutUint32(image[0x238:], 2047)       // longest command line
	const message, table = 0x320, 0x300
	code := []byte{
		0xbe, (message - setup) & 0xff, (message - setup) >> 8, // mov si, message
		0xba, 0xf8, 0x03, //                                       mov dx, 0x3f8
		0x2e, 0xac, //                                             next: lodsb cs:[si]
		0x84, 0xc0, //                                             test al, al
		0x74, 0x03, //                                             jz end
		0xee,       //                                             out dx, al
		0xeb, 0xf7, //                                             jmp next
	}
	copy(image[0x268:], append(code, end...))
	// The table that resets loads is at cs:0x100, all zero: an interrupt finds no entry.
	require.Less(t, len(text), 2*512-message)
	require.Less(t, 0x268+len(code)+len(end), table)
	copy(image[message:], text)
	return fileOf(t, "tiny", image)
}

// arm64Image writes the 64 bytes that every arm64 kernel image begins with
// (Documentation/arch/arm64/booting.rst), and room for code.
func arm64Image(t *testing.T) string {
	t.Helper()
	image := make([]byte, 64<<10)
	binary.LittleEndian.PutUint32(image[0:], 0x14000010) // b .+0x40
	binary.LittleEndian.PutUint64(image[16:], uint64(len(image)))
	copy(image[56:], "ARM\x64")
	return fileOf(t, "Image", image)
}

// arm64ELF writes an arm64 vmlinux without sections.
func arm64ELF(t *testing.T) string {
	t.Helper()
	image := make([]byte, 4096)
	copy(image, elf.ELFMAG)
	image[elf.EI_CLASS], image[elf.EI_DATA], image[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)
	binary.LittleEndian.PutUint16(image[16:], uint16(elf.ET_EXEC))
	binary.LittleEndian.PutUint16(image[18:], uint16(elf.EM_AARCH64))
	binary.LittleEndian.PutUint32(image[20:], uint32(elf.EV_CURRENT))
	binary.LittleEndian.PutUint16(image[52:], 64) // this header's length
	return fileOf(t, "vmlinux", image)
}

// fileOf writes a file that everybody can read, since QEMU may run as nobody.
func fileOf(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, data, 0o644))
	return path
}

// cut returns a copy of a file that ends after the given part of it.
func cut(t *testing.T, path string, part float64) string {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return fileOf(t, filepath.Base(path), data[:int(float64(len(data))*part)])
}

// scratched returns a copy of an initramfs in which init is not a program.
func scratched(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	for at := 0; at+4 < len(data); at += 4 { // content in a cpio begins at a multiple of 4
		if string(data[at:at+4]) == elf.ELFMAG {
			copy(data[at:], "!!!!")
		}
	}
	return fileOf(t, filepath.Base(path), data)
}

// private returns a copy of a file as created with umask 077.
func private(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	copied := filepath.Join(t.TempDir(), "private")
	require.NoError(t, os.WriteFile(copied, data, 0o600))
	return copied
}

func fifo(t *testing.T, _ *guest.Guest) string {
	path := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, unix.Mkfifo(path, 0o600))
	return path
}
