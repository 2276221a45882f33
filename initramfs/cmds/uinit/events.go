//go:build linux

package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hugelgupf/vmtest/guest"
	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/netstrip/netstrip/initramfs/wire"
)

const (
	// sendLimit is how long the host may take to receive one event.
	sendLimit = 20 * time.Second
	// portLimit is how long to wait for the port if there is a virtio console: its ports
	// appear one by one, through messages from the host.
	portLimit = 2 * time.Second
)

// consoles matches the driver's devices: a link called virtioN for each.
const consoles = "/sys/bus/virtio/drivers/virtio_console/virtio*"

// events is the channel to the host. A host that stops reading blocks the writer for ever, so each
// event has a time limit. After the first error, err, nothing more is sent.
type events struct {
	device  string
	emitter *guest.Emitter[wire.Event]
	err     error
}

// openEvents opens the virtio-serial port, or a serial port if there is none.
func openEvents(cmdline string) (*events, error) {
	device, portErr := findPort(wire.Port)
	if portErr == nil {
		e, err := guest.EventChannel[wire.Event](device)
		if err == nil {
			return &events{device: device, emitter: e}, nil
		}
		portErr = err
	}
	device = cmp.Or(parameter(cmdline, wire.ParamFallback), wire.FallbackTTY)
	if err := rawTTY(device); err != nil {
		return nil, fmt.Errorf("opening the event channel: %w; %w", portErr, err)
	}
	say("no event port (%v)", portErr)
	e, err := guest.EventChannel[wire.Event](device)
	if err != nil {
		return nil, fmt.Errorf("opening the event channel: %w", err)
	}
	return &events{device: device, emitter: e}, nil
}

// findPort returns the device of the port called name. It waits for it a little if there is a device
// that may still add it.
func findPort(name string) (string, error) {
	for end := time.Now().Add(portLimit); ; time.Sleep(5 * time.Millisecond) {
		device, err := guest.VirtioSerialDevice(name)
		if err == nil {
			return device, nil
		}
		drivers, _ := filepath.Glob(consoles)
		if len(drivers) == 0 || time.Now().After(end) {
			return "", err
		}
	}
}

// rawTTY stops a terminal from changing output (it would send CR LF for LF) and from echoing
// input. Without a UART the device node exists too, and returns EIO.
func rawTTY(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	// Left open: the settings are lost when the last one closes it.
	if _, err := term.MakeRaw(int(f.Fd())); err != nil {
		f.Close()
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// send sends e, unless the channel is broken.
func (v *events) send(e wire.Event) {
	if v.err != nil {
		return
	}
	e.Uptime = uptime()
	v.err = within(sendLimit, func() error { return v.emitter.Emit(e) })
	if v.err != nil {
		v.err = fmt.Errorf("sending a %s event to %s: %w", e.Kind, v.device, v.err)
	}
}

// close ends the channel with vmtest's "done", the only proof that nothing is missing.
func (v *events) close() error {
	if v.err != nil {
		return v.err
	}
	if err := within(sendLimit, v.emitter.Close); err != nil {
		return fmt.Errorf("ending the event channel %s: %w", v.device, err)
	}
	return nil
}

// within returns the error of f, or one that says that f took too long.
func within(limit time.Duration, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return fmt.Errorf("the host took nothing for %v", limit)
	}
}
