package kconf

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/process"
)

// maxSaid is the number of kconfig's messages about one command that are kept.
const maxSaid = 100

// server is the running program. It ends when its standard input does, which includes the
// death of netstrip.
type server struct {
	mail    *os.File // an unnamed file for the request and then the answer
	in      *os.File
	said    []string // since the last reply
	replies chan reply
	ended   chan struct{} // closed once err is set
	err     error
	cancel  func()
}

// reply is the line that ends an answer, and kconfig's messages before it.
type reply struct {
	line string
	said []string
}

// refusal is the failure of one command, after which the program continues.
type refusal struct{ command, said string }

func (r refusal) Error() string {
	return fmt.Sprintf("asking Kconfig for %s: %s", r.command, r.said)
}

func isRefusal(err error) bool {
	_, ok := errors.AsType[refusal](err)
	return ok
}

// start starts the program in a directory of its own: Kconfig's tests of the compiler leave
// files in the working directory (scripts/Kconfig.include:33), and a killed compiler in
// TMPDIR.
func start(c *cache.Cache, path string, env []string) (*server, error) {
	dir, guarded, err := c.TempDir(kind)
	if err != nil {
		return nil, fmt.Errorf("starting the Kconfig program: %w", err)
	}
	s := &server{replies: make(chan reply, 1), ended: make(chan struct{})}
	stdin, err := s.open()
	if err != nil {
		guarded()
		return nil, fmt.Errorf("starting the Kconfig program: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	go func() {
		defer close(s.ended)
		defer guarded()
		defer stdin.Close()
		_, err := process.Run(ctx, process.Command{
			Args: []string{path, "Kconfig"}, Dir: dir, Env: append(slices.Clone(env), "TMPDIR="+dir),
			Stdin: stdin, Files: []*os.File{s.mail}, OnLine: s.hear,
		})
		if pe, ok := errors.AsType[*process.Error](err); ok && len(s.said) > 0 {
			err = fmt.Errorf("%w: %s", pe.Err, s.said[0]) // without messages about earlier commands
		}
		s.err = err
	}()
	return s, nil
}

// open makes the mailbox and the pipe for commands, and returns the reading end.
func (s *server) open() (*os.File, error) {
	fd, err := unix.MemfdCreate("netstrip-kconf", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("making a file in memory: %w", err)
	}
	s.mail = os.NewFile(uintptr(fd), "the Kconfig program's mailbox")
	r, w, err := os.Pipe()
	if err != nil {
		s.mail.Close()
		return nil, err
	}
	s.in = w
	return r, nil
}

// hear receives the program's lines. All but those that begin with "= " are kconfig's own.
func (s *server) hear(line string) {
	if strings.HasPrefix(line, "= ") {
		s.replies <- reply{line, s.said}
		s.said = nil
	} else if len(s.said) < maxSaid && strings.TrimSpace(line) != "" {
		s.said = append(s.said, line)
	}
}

// ask runs one command.
func (s *server) ask(ctx context.Context, command string, request []byte) ([]byte, error) {
	err := s.mail.Truncate(0)
	if err == nil {
		_, err = s.mail.WriteAt(request, 0)
	}
	if err == nil {
		// If the program has ended, s.err says more than this error.
		_, _ = s.in.WriteString(command + "\n")
	}
	if err != nil {
		return nil, fmt.Errorf("asking Kconfig for %s: %w", command, err)
	}
	select {
	case r := <-s.replies:
		if r.line != "= ok" {
			return nil, refusal{command, strings.Join(append(r.said[:min(len(r.said), 1)], r.line[2:]), ": ")}
		}
	case <-s.ended:
		return nil, fmt.Errorf("asking Kconfig for %s: %w", command, cmp.Or(s.err, errors.New("the program has ended")))
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	info, err := s.mail.Stat()
	if err != nil {
		return nil, fmt.Errorf("reading Kconfig's answer: %w", err)
	}
	answer := make([]byte, info.Size())
	if _, err := s.mail.ReadAt(answer, 0); err != nil && len(answer) > 0 {
		return nil, fmt.Errorf("reading Kconfig's answer: %w", err)
	}
	return answer, nil
}

// stop ends the program and waits for it.
func (s *server) stop() {
	s.in.Close()
	s.cancel()
	<-s.ended
	s.mail.Close()
}
