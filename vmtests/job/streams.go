package job

import (
	"bytes"
	"errors"
	"io"
	"os"
	"sync"

	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/session"
)

// streams are the streams of all guests.
type streams struct {
	Options
	back    returns
	several bool
	stdin   *spool
	mu      sync.Mutex // held while a line is written
}

func newStreams(o Options, back returns, several bool) *streams {
	return &streams{Options: o, back: back, several: several, stdin: newSpool(o.Stdin)}
}

// session returns the streams of one boot, and what ends them.
func (s *streams) session(kernel string, traced bool) (one session.Session, end func() error) {
	one.Stdin = s.stdin.reader()
	var ends []io.Closer
	end = func() error {
		var bad []error
		for _, e := range ends {
			bad = append(bad, e.Close())
		}
		return errors.Join(bad...)
	}
	if traced {
		return one, end
	}
	one.Stdout, one.Stderr = s.Stdout, s.Stderr
	for _, to := range []*io.Writer{&one.Stdout, &one.Stderr} {
		if s.several && *to != nil {
			l := &lines{to: *to, mu: &s.mu, prefix: []byte(report.Escape(kernel, 100) + " | ")}
			ends, *to = append(ends, l), l
		}
	}
	if s.back.out != "" || len(s.back.places) > 0 {
		u := s.back.writer(kernel)
		ends, one.Files = append(ends, u), u
	}
	return one, end
}

// lines writes whole lines with a prefix, so that those of several writers do not mix. A line
// longer than maxHeld is written in parts.
type lines struct {
	to     io.Writer
	mu     *sync.Mutex
	prefix []byte
	held   []byte
}

const maxHeld = 4 << 10

// Write holds what has no line end yet.
func (l *lines) Write(p []byte) (int, error) {
	l.held = append(l.held, p...)
	for {
		end := bytes.IndexByte(l.held, '\n') + 1
		if end == 0 && len(l.held) < maxHeld {
			return len(p), nil
		}
		if end == 0 || end > maxHeld {
			end = maxHeld
		}
		if err := l.line(l.held[:end]); err != nil {
			return 0, err
		}
		l.held = append(l.held[:0], l.held[end:]...)
	}
}

// Close writes what has no line end.
func (l *lines) Close() error {
	if len(l.held) == 0 {
		return nil
	}
	defer func() { l.held = nil }()
	return l.line(l.held)
}

func (l *lines) line(text []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	text = append(bytes.Clone(l.prefix), text...)
	if text[len(text)-1] != '\n' {
		text = append(text, '\n')
	}
	_, err := l.to.Write(text)
	return err
}

// spool keeps the standard input in a file without a name, so that each guest can read it from its
// beginning. It reads only once somebody asks, and no further than anybody has.
type spool struct {
	from io.Reader

	mu   sync.Mutex
	file *os.File
	size int64
	err  error
}

func newSpool(from io.Reader) *spool { return &spool{from: from} }

// reader returns a reader of the whole input; nil if there is none.
func (s *spool) reader() io.Reader {
	if s.from == nil {
		return nil
	}
	return &spooled{spool: s}
}

// spooled is a reader of a spool.
type spooled struct {
	*spool
	at int64
}

// Read reads what another has read already, or more of the input.
func (s *spooled) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at == s.size {
		if err := s.more(); err != nil {
			return 0, err
		}
	}
	n, err := s.file.ReadAt(p[:min(int64(len(p)), s.size-s.at)], s.at)
	s.at += int64(n)
	return n, err
}

// more reads another part of the input.
func (s *spool) more() error {
	if s.err != nil {
		return s.err
	}
	if s.file == nil {
		if s.file, s.err = unnamed(); s.err != nil {
			return s.err
		}
	}
	buf := make([]byte, 32<<10)
	n, err := s.from.Read(buf)
	if n > 0 {
		if _, werr := s.file.WriteAt(buf[:n], s.size); werr != nil {
			s.err = werr
			return werr
		}
		s.size += int64(n)
		s.err = err
		return nil
	}
	if err == nil {
		return s.more()
	}
	s.err = err
	return err
}

// unnamed returns a file that is gone when it is closed.
func unnamed() (*os.File, error) {
	f, err := os.CreateTemp("", "netstrip-stdin-*")
	if err == nil {
		err = os.Remove(f.Name())
	}
	return f, err
}
