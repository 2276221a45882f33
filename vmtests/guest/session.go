package guest

import (
	"context"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// attendance is the host's side of a session, while it lasts.
type attendance struct {
	port *sessionPort  // nil without a session
	over chan struct{} // closed when Guest.Session has returned
}

// attend starts the host's side of the session, if there is one. When it has returned, the guest
// finds that the host is gone.
func (b *boot) attend() *attendance {
	a := &attendance{over: make(chan struct{})}
	if b.guest.Session == nil {
		close(a.over)
		return a
	}
	a.port = &sessionPort{file: b.channels.session.host.(*os.File), watchdog: b.watchdog}
	b.watchdog.attend(true)
	go func() {
		defer close(a.over)
		b.guest.Session(a.port)
		a.port.shut(unix.SHUT_RDWR)
		b.watchdog.attend(false)
	}()
	return a
}

// finish waits until the session has read everything, once QEMU has ended. It does not wait for
// long if ctx is done.
func (a *attendance) finish(ctx context.Context) {
	if a.port != nil {
		a.port.shut(unix.SHUT_RD) // whoever else holds the other end open
	}
	select {
	case <-a.over:
		return
	case <-ctx.Done():
	}
	select {
	case <-a.over:
	case <-time.After(straggle): // it writes to something that takes nothing
	}
}

// sessionPort is the host's end of a session's port. While the session neither reads nor writes, the
// guest need give no sign of life.
type sessionPort struct {
	file     *os.File
	watchdog *watchdog
}

// Read reads what the guest has sent.
func (p *sessionPort) Read(b []byte) (int, error) {
	p.watchdog.wait(1)
	defer p.watchdog.wait(-1)
	return p.file.Read(b)
}

// Write sends something to the guest, which takes it soon unless it hangs.
func (p *sessionPort) Write(b []byte) (int, error) {
	p.watchdog.wait(1)
	defer p.watchdog.wait(-1)
	return p.file.Write(b)
}

// shut ends a direction, or both. What has arrived can still be read.
func (p *sessionPort) shut(how int) {
	conn, err := p.file.SyscallConn()
	if err == nil {
		_ = conn.Control(func(fd uintptr) { _ = unix.Shutdown(int(fd), how) }) // it may have ended already
	}
}
