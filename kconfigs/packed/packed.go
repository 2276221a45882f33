// Package packed reads kernel images, and a .config from where it is stored: a compressed
// file such as /proc/config.gz, or a kernel built with CONFIG_IKCONFIG. It runs on the host
// and starts nothing.
package packed

import (
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// format is a compression format, recognized by its magic.
type format struct {
	name, magic string
	open        func(io.Reader) (io.Reader, error)
}

// formats are the known formats. One without open is recognized but cannot be read.
func formats() []format {
	return []format{
		{"gzip", "\x1f\x8b", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
		{"xz", "\xfd7zXZ\x00", func(r io.Reader) (io.Reader, error) { return xz.ReaderConfig{DictCap: maxWindow}.NewReader(r) }},
		{"zstd", "\x28\xb5\x2f\xfd", openZstd},
		{"bzip2", "BZh", func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }},
		{"lz4", "\x04\x22\x4d\x18", nil},
		{"lz4", "\x02\x21\x4c\x18", nil},
		{"lzma", "\x5d\x00\x00", nil},
		{"lzop", "\x89LZO", nil},
		{"zip", "PK\x03\x04", nil},
	}
}

// maxWindow is the largest window of a decompressor, in bytes.
const maxWindow = 64 << 20

func openZstd(r io.Reader) (io.Reader, error) {
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}

func formatOf(data []byte) (format, bool) {
	for _, f := range formats() {
		if bytes.HasPrefix(data, []byte(f.magic)) {
			return f, true
		}
	}
	return format{}, false
}

// Compressed reports whether data begins like a compressed file.
func Compressed(data []byte) bool {
	_, ok := formatOf(data)
	return ok
}

// Unpack decompresses data, and returns other data as it is. More than limit bytes are an
// error: a few bytes can unpack to more than a disk holds.
func Unpack(data []byte, limit int64) ([]byte, error) {
	f, ok := formatOf(data)
	if !ok {
		return data, nil
	}
	if f.open == nil {
		return nil, fmt.Errorf("it is compressed with %s, which is not supported: unpack it first", f.name)
	}
	r, err := f.open(bytes.NewReader(data))
	if err == nil {
		if c, ok := r.(io.Closer); ok {
			defer c.Close()
		}
		data, err = io.ReadAll(io.LimitReader(r, limit+1))
	}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return nil, fmt.Errorf("its %s data is truncated", f.name)
	case err != nil:
		return nil, fmt.Errorf("its %s data is damaged: %w", f.name, err)
	case int64(len(data)) > limit:
		return nil, fmt.Errorf("it unpacks to more than %d bytes", limit)
	}
	return data, nil
}

// MaxImage is the largest size of a kernel image, unpacked or not, in bytes.
const MaxImage = 512 << 20

// IsImage reports whether data begins like a kernel image (ParseImage) or another ELF file; 1 KiB is
// enough.
func IsImage(data []byte) bool {
	_, _, ok := ParseImage(data)
	return ok || bytes.HasPrefix(data, []byte("\x7fELF"))
}

// Config returns the .config in a kernel image, of at most limit bytes. kernel/configs.c puts
// it between two marks, compressed with gzip.
func Config(image []byte, limit int64) ([]byte, error) {
	// Compressed data may contain the mark by chance: the kernel inside has precedence.
	inner, err := payload(image)
	if err != nil {
		return nil, err
	}
	if inner != nil {
		image = inner
	}
	at := bytes.Index(image, []byte("IKCFG_ST\x1f\x8b"))
	if at < 0 {
		return nil, errors.New("it is a kernel without its .config (CONFIG_IKCONFIG)")
	}
	data := image[at+len("IKCFG_ST"):]
	if end := bytes.Index(data, []byte("IKCFG_ED")); end >= 0 {
		data = data[:end]
	}
	return Unpack(data, limit)
}

// payload returns the kernel inside a bzImage, unpacked; nil for other files.
func payload(image []byte) ([]byte, error) {
	head, ok := ParseBzImage(image)
	if !ok {
		return nil, nil
	}
	from, to := head.Payload, head.PayloadEnd
	if from > to-4 || to > int64(len(image)) {
		return nil, errors.New("it is a truncated kernel")
	}
	f, ok := formatOf(image[from:to])
	if !ok {
		return nil, nil
	}
	if f.name != "gzip" {
		to -= 4 // the unpacked size, which is part of gzip's own format (scripts/Makefile.lib, size_append)
	}
	inner, err := Unpack(image[from:to], MaxImage)
	if err != nil {
		return nil, fmt.Errorf("unpacking the kernel in it, compressed with %s: %w", f.name, err)
	}
	return inner, nil
}
