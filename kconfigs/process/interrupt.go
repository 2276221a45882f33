package process

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// Interruption is the signal that ended a context of Interruptible, as its cause.
type Interruption syscall.Signal

// Error names the signal as kill -l does.
func (i Interruption) Error() string {
	return "interrupted by " + unix.SignalName(syscall.Signal(i))
}

// Interruptible returns a context that SIGINT, SIGTERM or SIGQUIT ends. A second signal ends the
// process at once, and everything that it has started.
func Interruptible() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT)
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals)
			cancel(Interruption(s.(syscall.Signal)))
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}
