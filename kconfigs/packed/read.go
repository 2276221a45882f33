package packed

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/kconfigs/file"
)

// pipeLimit is how long the writer of a pipe may be silent.
const pipeLimit = 20 * time.Second

// ReadFile reads a .config or a fragment of at most limit bytes from a file or a pipe: text,
// compressed text, or a kernel image built with CONFIG_IKCONFIG. Errors omit the path.
func ReadFile(path string, limit int64) ([]byte, error) {
	f, err := openUser(path)
	if err != nil {
		return nil, file.Cause(err)
	}
	defer f.Close()
	data, err := readPart(f, limit+1)
	switch {
	case err != nil:
		return nil, file.Cause(err)
	case IsImage(data):
		rest, err := readPart(f, MaxImage)
		if err != nil {
			return nil, file.Cause(err)
		}
		data, err = Config(append(data, rest...), limit)
		if err != nil {
			return nil, err
		}
	case int64(len(data)) > limit:
		return nil, fmt.Errorf("longer than %d bytes", limit)
	}
	if data, err = Unpack(data, limit); err != nil {
		return nil, err
	}
	return data, checkBinary(data)
}

// openUser opens a regular file, or a pipe such as /dev/stdin or a shell's <(...), without
// blocking.
func openUser(path string) (*os.File, error) {
	if info, err := os.Stat(path); err != nil || info.Mode()&fs.ModeNamedPipe == 0 {
		return file.Open(path)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// readPart reads at most limit bytes. An empty pipe is an error, as nobody writes to it.
func readPart(f *os.File, limit int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Mode()&fs.ModeNamedPipe == 0 {
		return io.ReadAll(io.LimitReader(f, limit))
	}
	data, err := io.ReadAll(io.LimitReader(patient{f}, limit))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = fmt.Errorf("nothing came through the pipe for %v", pipeLimit)
	case err == nil && len(data) == 0:
		err = errors.New("nothing came through the pipe")
	}
	return data, err
}

// patient reads a pipe and waits for each piece at most pipeLimit.
type patient struct{ *os.File }

func (p patient) Read(b []byte) (int, error) {
	if err := p.SetReadDeadline(time.Now().Add(pipeLimit)); err != nil {
		return 0, err
	}
	return p.File.Read(b)
}

// checkBinary returns an error for data that is not text in UTF-8.
func checkBinary(data []byte) error {
	for i, b := range data {
		switch {
		case b != 0:
		case i < 4 && len(data) > 2:
			return errors.New("it is not text, or text in UTF-16: save it as UTF-8")
		default:
			return fmt.Errorf("it is not text: byte %d is 0", i+1)
		}
	}
	if head := data[:min(len(data), 2)]; len(head) == 2 && !utf8.Valid(head) && (head[0] == 0xff || head[0] == 0xfe) {
		return errors.New("it is text in UTF-16: save it as UTF-8")
	}
	return nil
}
