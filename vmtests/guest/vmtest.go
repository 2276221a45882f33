package guest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hugelgupf/vmtest/qemu"

	"github.com/netstrip/netstrip/kconfigs/process"
)

// This file adapts vmtest, which starts QEMU and waits for its end:
//   - Its options are made without qemu.OptionsFor, which reads VMTEST_ variables: nothing in
//     the environment may change what is measured.
//   - It does not tell QEMU's process ID, so the shell that becomes QEMU does (confine).
//   - Its Wait waits for all who hold QEMU's standard streams, so the shell redirects them.
//   - Its event channel (qevent) ends at a line over 64 KiB or one that is not JSON, and an
//     event after "done" makes it panic. A guest may send all of that, so a task of ours
//     reads the same format (decoder).

// options returns vmtest's options for a boot. files are kernel, initramfs and disk, if there is
// one.
func (b *boot) options(files []*os.File) *qemu.Options {
	o := &qemu.Options{Tasks: []qemu.Task{b.read}, SerialOutput: []io.WriteCloser{&b.said}}
	c := b.channels
	// These come first, since a shell can name no descriptor over 9.
	id, output := o.AddFile(c.id.guest), o.AddFile(c.output.guest)
	console, events, fallback := o.AddFile(c.console.guest), o.AddFile(c.events.guest), o.AddFile(c.fallback.guest)
	monitor := o.AddFile(c.monitor.guest)
	fds := [3]int{}
	for i, f := range files {
		fds[i] = o.AddFile(f)
	}
	w := fdWiring(console, events, fallback, monitor, fds)
	if c.session.guest != nil {
		w.session = fmt.Sprintf("socket,fd=%d", o.AddFile(c.session.guest))
	}
	o.AppendQEMU("env", "-i")
	o.AppendQEMU(process.Environ(b.guest.arch().QEMU)...)
	o.AppendQEMU(confine(b.guest.Accel, id, output)...)
	o.AppendQEMU(b.guest.QEMU)
	o.AppendQEMU(sandbox()...)
	o.AppendQEMU(b.guest.args(w)...)
	return o
}

// straggle is how long other processes may hold the channels open after QEMU has ended and its
// process group has been killed.
const straggle = time.Second

// held is the reason of a boot whose channels others hold open for longer.
const held = "a process started by QEMU has left QEMU's process group and holds its output open"

// read is vmtest's task. It reads all channels to their ends, or until QEMU and its process group
// have ended and straggle has passed.
func (b *boot) read(ctx context.Context, n *qemu.Notifications) error {
	id, _ := io.ReadAll(io.LimitReader(b.channels.id.host, 20))       // up to the start of QEMU
	pid, _ := strconv.ParseInt(strings.TrimSpace(string(id)), 10, 32) // 0 if the shell did not get there
	b.pid.Store(pid)
	if pid > 0 {
		b.watchdog.reach(Started)
	}
	var readers sync.WaitGroup
	readers.Go(func() { b.capture.read(b.channels.console.host) })
	readers.Go(func() { b.decoder.read(b.channels.events.host, b.channels.fallback.host) })
	readers.Go(func() { b.monitor.read(b.channels.monitor.host) })
	readers.Go(func() { _, _ = io.Copy(&b.said, b.channels.output.host) })
	ended := make(chan struct{})
	go func() { readers.Wait(); close(ended) }()
	session := b.attend()
	select {
	case <-n.VMExited:
	case <-ctx.Done():
	}
	defer session.finish(ctx)
	b.Phases.Exit = time.Since(b.Started).Seconds()
	if pid > 0 {
		_ = syscall.Kill(int(-pid), syscall.SIGKILL) // usually nothing is left
	}
	for range 3 { // one wait can pass while netstrip itself does not run
		select {
		case <-ended:
			return nil
		case <-time.After(straggle):
		}
	}
	b.held = true
	b.channels.close()
	<-ended
	return nil
}

// tail keeps the last few KiB written to it.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Write(p)
	if over := t.buf.Len() - 4096; over > 4096 {
		t.buf.Next(over)
	}
	return len(p), nil
}

// Close does nothing; vmtest closes what it writes to.
func (t *tail) Close() error { return nil }

// String returns QEMU's last line that is not a warning, or the first about KVM, since QEMU dumps
// registers after that.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	last := ""
	for line := range strings.Lines(t.buf.String()) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "KVM") {
			return line
		}
		if line != "" && (last == "" || !strings.Contains(line, "warning:")) {
			last = line
		}
	}
	return last
}
