//go:build linux && amd64

package appguest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/netstrip/netstrip/initramfs/wire"
)

// process is a command that was started.
type process struct {
	name  string
	cmd   *exec.Cmd
	out   head // standard output
	all   tail // that with standard error
	log   string
	ended chan struct{}
	err   error // how it ended, once ended is closed
}

// start starts a command, as its user.
func start(c wire.Command) (*process, error) {
	if len(c.Argv) == 0 {
		return nil, errors.New("a command without words")
	}
	p := &process{name: c.Argv[0], ended: make(chan struct{})}
	p.cmd = exec.Command(c.Argv[0], c.Argv[1:]...)
	p.cmd.Stdout, p.cmd.Stderr = io.MultiWriter(&p.out, &p.all), &p.all
	p.cmd.Dir = "/" + strings.TrimPrefix(c.Dir, "/")
	p.cmd.WaitDelay = time.Second // children of its may hold its output open
	if err := p.become(c); err != nil {
		return nil, fmt.Errorf("%s: %w", p.name, err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		if p.err = p.cmd.Wait(); errors.Is(p.err, exec.ErrWaitDelay) {
			p.err = nil // its status was 0
		}
		close(p.ended)
	}()
	return p, nil
}

// become sets session, user, groups and environment.
func (p *process) become(c wire.Command) error {
	name := cmp.Or(c.User, "root")
	u, err := user.Lookup(name)
	if err != nil {
		return err
	}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if c.User != "" { // else it stays what this process is
		ids, err := u.GroupIds()
		if err != nil {
			return err
		}
		cred := &syscall.Credential{Uid: number(u.Uid), Gid: number(u.Gid)}
		for _, id := range ids {
			cred.Groups = append(cred.Groups, number(id))
		}
		p.cmd.SysProcAttr.Credential = cred
	}
	p.cmd.Env = []string{"PATH=" + path, "HOME=" + u.HomeDir, "USER=" + name, "LOGNAME=" + name, "LANG=C.UTF-8"}
	for k, v := range c.Env {
		p.cmd.Env = append(p.cmd.Env, k+"="+v)
	}
	return nil
}

// number is an ID from /etc/passwd or /etc/group, which os/user has found to be one.
func number(id string) uint32 {
	n, _ := strconv.ParseUint(id, 10, 32)
	return uint32(n)
}

// wait waits for the end of p, at most until ctx ends or one of the others does, when it
// kills p. It gives the other that ended.
func (p *process) wait(ctx context.Context, others []*process) (ended *process) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	gone := make(chan *process, len(others))
	for _, o := range others {
		go func() {
			select {
			case <-o.ended:
				gone <- o
			case <-ctx.Done():
			}
		}()
	}
	select {
	case <-p.ended:
		return nil
	case <-ctx.Done():
	case ended = <-gone:
	}
	_ = p.cmd.Process.Kill()
	<-p.ended
	return ended
}

// said is the line of a process's output, or of its log, that tells most of its trouble.
func (p *process) said() string {
	text := p.all.String()
	if p.log != "" {
		log, _ := os.ReadFile(p.log) // not there if it never came so far
		text += "\n" + string(log[max(0, len(log)-tailBytes):])
	}
	return telling(text)
}

// maxAnswer is how much of a command's standard output is kept to find the answer in, in
// bytes: pages of some megabytes without a line break are nothing rare.
const maxAnswer = 8 << 20

// head keeps the beginning of what is written to it.
type head struct {
	mu   sync.Mutex
	kept []byte
	more bool
}

func (h *head) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	room := min(len(b), maxAnswer-len(h.kept))
	h.kept, h.more = append(h.kept, b[:room]...), h.more || room < len(b)
	return len(b), nil
}

// text returns what is kept, and whether that is all there was.
func (h *head) text() (text string, all bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return string(h.kept), !h.more
}

// tailBytes is how much of a process's output is kept.
const tailBytes = 64 << 10

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, b...)
	if over := len(t.kept) - tailBytes; over > tailBytes {
		t.kept = bytes.Clone(t.kept[over:])
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept)
}
