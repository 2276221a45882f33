//go:build linux

// Package perf measures how long a byte takes to another thread and back, and how many bytes
// pass in a second. It runs in the guest, and in tests on the host.
package perf

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/netdev"
	"github.com/netstrip/netstrip/initramfs/wire"
)

// Probes returns the family.
func Probes() []probes.Probe {
	var all []probes.Probe
	for _, m := range []struct {
		name string
		ask  probes.Ask
	}{
		{"tcp4", overTCP(unix.AF_INET)},
		{"tcp6", overTCP(unix.AF_INET6)},
		{"udp4", overUDP},
		{"unix/stream", overUnix(unix.SOCK_STREAM, bigMessage)},
		{"unix/datagram", overUnix(unix.SOCK_DGRAM, smallMessage)},
		{"pipe", overPipe},
		{"mqueue", overQueue},
		{"memory", overMemory},
		{"veth", netdev.Crossing{Domain: unix.AF_INET, Join: netdev.JoinVeth, Ask: across}.Run},
		{"nic", netdev.Crossing{Domain: unix.AF_INET, Join: netdev.JoinCards, Ask: across}.Run},
	} {
		all = append(all, probes.Probe{ID: wire.PerfFamily + "/" + m.name, Ask: m.ask, Limit: 45 * time.Second})
	}
	return all
}

// One measurement, which takes an emulated guest about half a second. The first repeat warms up
// and does not count. Each timed operation is short: a busy host interrupts few of them, and
// medians ignore those.
const (
	repeatCount = 21
	tripCount   = 100
	loadCount   = 5 // in a repeat, of loadBytes each
	loadBytes   = 256 << 10
)

// Bytes written at once in a load: what a pipe holds, and what a message queue takes.
const (
	bigMessage   = 64 << 10
	smallMessage = 8 << 10
)

// end is one end of a channel. Its calls block the thread.
type end struct {
	send func([]byte) error
	recv func([]byte) (int, error)
}

// receive receives n bytes.
func (e end) receive(buf []byte, n int) error {
	for n > 0 {
		got, err := e.recv(buf[:min(n, len(buf))])
		if err == nil && got == 0 {
			err = probes.Wrong("read", "end of stream with %d bytes missing", n)
		}
		if err != nil {
			return err
		}
		n -= got
	}
	return nil
}

// channel is what is measured: two ends, how many bytes are written at once, and after how many
// bytes the receiver acknowledges them.
type channel struct {
	ends            [2]end
	message, window int
}

// exchange sends a message several times and waits for a byte.
func (c channel) exchange(message []byte, times int) error {
	for range times {
		if err := c.ends[0].send(message); err != nil {
			return err
		}
	}
	return c.ends[0].receive(make([]byte, 1), 1)
}

// reply receives n bytes and sends one.
func (c channel) reply(buf []byte, n int) error {
	if err := c.ends[1].receive(buf, n); err != nil {
		return err
	}
	return c.ends[1].send(buf[:1])
}

// task is what is timed, n times in a repeat: what each of the two threads does.
type task struct {
	n             int
	ask, answered func(channel, []byte) error
}

// tasks are the round trip of a byte, and a load.
func tasks() [2]task {
	return [2]task{
		{
			tripCount,
			func(c channel, buf []byte) error { return c.exchange(buf[:1], 1) },
			func(c channel, buf []byte) error { return c.reply(buf, 1) },
		},
		{
			loadCount,
			func(c channel, buf []byte) (err error) {
				for i := 0; err == nil && i < loadBytes/c.window; i++ {
					err = c.exchange(buf[:c.message], c.window/c.message)
				}
				return err
			},
			func(c channel, buf []byte) (err error) {
				for i := 0; err == nil && i < loadBytes/c.window; i++ {
					err = c.reply(buf[:c.message], c.window)
				}
				return err
			},
		},
	}
}

// inTurn calls do for each task, repeat and channel. The channels alternate, so that other load on
// the host affects both alike.
func inTurn(channels [2]channel, do func(t task, number, which int, c channel) error) error {
	for number, t := range tasks() {
		for range 1 + repeatCount {
			for which, c := range channels {
				for range t.n {
					if err := do(t, number, which, c); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// measure makes two threads talk over a channel and, alternating, over a pipe. Each thread has one
// of Go's processors to itself, and blocks in it (see raw), so that only the kernel decides which
// thread runs. The garbage collector is off: it would wait for both.
func (c channel) measure() (map[string]float64, error) {
	pipe, closePipe, err := pipeChannel()
	if err != nil {
		return nil, err
	}
	defer closePipe()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	both := [2]channel{c, pipe}
	served := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		buf := make([]byte, bigMessage)
		served <- inTurn(both, func(t task, _, _ int, c channel) error { return t.answered(c, buf) })
	}()
	var took [2][2][]float64 // seconds, by task and channel
	buf := probes.Pattern(bigMessage)
	err = inTurn(both, func(t task, number, which int, c channel) error {
		start := time.Now()
		err := t.ask(c, buf)
		took[number][which] = append(took[number][which], time.Since(start).Seconds())
		return err
	})
	if err := errors.Join(err, <-served); err != nil {
		return nil, err
	}
	numbers := summary(took)
	for name, x := range numbers {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, fmt.Errorf("the guest's clock stood still: %s cannot be computed", name)
		}
	}
	return numbers, nil
}

// finding measures the channel and returns the answer.
func (c channel) finding(call string) (probes.Answer, error) {
	numbers, err := c.measure()
	return probes.Answer{
		Call: call, Numbers: numbers,
		Detail: "a byte to another thread and back, and 256 KiB at a time; of emulated guests only ratios count",
	}, err
}
