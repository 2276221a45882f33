//go:build linux

package appguest

import (
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

	"github.com/netstrip/netstrip/initramfs/trace"
	"github.com/netstrip/netstrip/initramfs/wire"
)

// process is a running or finished command.
type process struct {
	name  string
	cmd   *exec.Cmd
	out   head       // standard output
	all   trace.Tail // standard output and standard error
	log   string
	ended chan struct{}
	err   error // from Wait; valid once ended is closed
}

// start starts a command as its user.
func start(c wire.Command) (*process, error) {
	if len(c.Argv) == 0 {
		return nil, errors.New("empty command")
	}
	p := &process{name: c.Argv[0], ended: make(chan struct{})}
	p.cmd = exec.Command(c.Argv[0], c.Argv[1:]...)
	p.cmd.Stdout, p.cmd.Stderr = io.MultiWriter(&p.out, &p.all), &p.all
	p.cmd.Dir = "/" + strings.TrimPrefix(c.Dir, "/")
	p.cmd.WaitDelay = time.Second // its children may keep its output open
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

// become sets the session, user, groups and environment of the command.
func (p *process) become(c wire.Command) error {
	name := cmp.Or(c.User, "root")
	u, err := user.Lookup(name)
	if err != nil {
		return err
	}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if c.User != "" {
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

// number parses an ID from /etc/passwd or /etc/group, which os/user has already checked.
func number(id string) uint32 {
	n, _ := strconv.ParseUint(id, 10, 32)
	return uint32(n)
}

// wait waits until p ends. It kills p when ctx ends or when one of the others ends, and
// returns the one that did.
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

// said returns the most telling line of a process's output and log.
func (p *process) said() string {
	text := p.all.String()
	if p.log != "" {
		log, _ := os.ReadFile(p.log) // it may have failed before it opened its log
		text += "\n" + string(log[max(0, len(log)-trace.TailBytes):])
	}
	return trace.Telling(text)
}

// maxAnswer is how many bytes of a command's standard output are searched for the answer.
// Pages of several megabytes without a line break are common.
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

// text returns what was kept, and whether nothing was dropped.
func (h *head) text() (text string, all bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return string(h.kept), !h.more
}
