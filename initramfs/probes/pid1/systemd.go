//go:build linux

package pid1

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"time"

	"github.com/netstrip/netstrip/initramfs/probes"
)

// systemd returns the probes of systemd's units, its journal and its bus.
func systemd() []probes.Probe {
	var all []probes.Probe
	for _, unit := range []string{
		"sysinit.target", "sockets.target", "basic.target", "multi-user.target",
		"systemd-journald.service", "systemd-udevd.service", "systemd-udev-trigger.service", "systemd-tmpfiles-setup.service",
		"systemd-sysctl.service", "dbus.service", "systemd-logind.service",
	} {
		all = append(all, probes.Probe{
			ID:  "init/unit/" + unit,
			Ask: func(ctx context.Context) (probes.Answer, error) { return unitState(ctx, unit) },
		})
	}
	return append(all,
		probes.Probe{ID: "init/journal", Limit: 20 * time.Second, Ask: askJournal},
		probes.Probe{ID: "init/dbus", Limit: 20 * time.Second, Ask: askBus},
		probes.Probe{ID: "init/failed-units", Ask: failedUnits})
}

// output runs a program of the system. If it fails, its output is the error.
func output(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
	text := strings.TrimSpace(string(out))
	if err != nil {
		return text, &probes.Failure{Call: args[0], Err: &told{said: fmt.Sprintf("%v: %.300s", err, text), errno: errnoIn(text)}}
	}
	return text, nil
}

// unitState reports a unit that is not active as absent, because systemd starts the probes only
// after all units have started or failed.
func unitState(ctx context.Context, unit string) (probes.Answer, error) {
	call := "systemctl show " + unit
	out, err := output(ctx, "systemctl", "show", "--property=ActiveState,SubState,Result", unit)
	if err != nil {
		return probes.Answer{}, err
	}
	said := strings.Join(strings.Fields(out), ", ")
	if !strings.Contains(said, "ActiveState=active") {
		log, _ := output(ctx, "journalctl", "--no-pager", "-o", "cat", "-n", "3", "-u", unit)
		return probes.Answer{}, &probes.Failure{Call: call, Gone: true, Err: fmt.Errorf("%s; %s", said, log)}
	}
	return probes.Answer{Call: call, Detail: said}, nil
}

// askJournal logs as syslog(3) does, and looks for it in the journal.
func askJournal(ctx context.Context) (probes.Answer, error) {
	const call, token = "connect(/dev/log)", "netstrip asks whether this arrives"
	c, err := net.Dial("unixgram", "/dev/log")
	if err != nil {
		return probes.Answer{}, probes.Try(call, err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("<14>netstrip: " + token)); err != nil {
		return probes.Answer{}, probes.Try(call, err)
	}
	err = probes.Eventually(func() error {
		log, err := output(ctx, "journalctl", "--no-pager", "-o", "cat", "-t", "netstrip")
		if err == nil && !strings.Contains(log, token) {
			err = probes.Wrong("journalctl", "the message is missing: %.200q", log)
		}
		return err
	})
	return probes.Answer{Call: call, Detail: "a datagram to an AF_UNIX socket, read back by journalctl"}, err
}

// askBus calls logind, which is a client of the bus too.
func askBus(ctx context.Context) (probes.Answer, error) {
	err := probes.Eventually(func() error {
		_, err := output(ctx, "busctl", "call", "org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager", "ListSeats")
		return err
	})
	return probes.Answer{Call: "connect(/run/dbus/system_bus_socket)", Detail: "a call through dbus-daemon to logind and back"}, err
}

// failedUnits lists the failed units; it works also if there are none.
func failedUnits(ctx context.Context) (probes.Answer, error) {
	out, err := output(ctx, "systemctl", "list-units", "--failed", "--plain", "--no-legend", "--no-pager")
	var units []string
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) > 0 {
			units = append(units, f[0])
		}
	}
	return probes.Answer{Call: "systemctl list-units --failed", Value: strings.Join(units, ",")}, err
}
