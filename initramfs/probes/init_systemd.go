//go:build linux

package probes

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"time"
)

// systemdProbes ask what a system under systemd has come to, and whether its journal and
// its bus do their work.
func systemdProbes() []Probe {
	var all []Probe
	for _, unit := range []string{
		"sysinit.target", "sockets.target", "basic.target", "multi-user.target",
		"systemd-journald.service", "systemd-udevd.service", "systemd-udev-trigger.service", "systemd-tmpfiles-setup.service",
		"systemd-sysctl.service", "dbus.service", "systemd-logind.service",
	} {
		all = append(all, Probe{
			ID: "init/unit/" + unit, Question: "Is the unit " + unit + " active?",
			ask: func(ctx context.Context) (answer, error) { return unitState(ctx, unit) },
		})
	}
	return append(all,
		Probe{ID: "init/journal", Question: "Does journald give back what a program logs?", Limit: 20 * time.Second, ask: askJournal},
		Probe{ID: "init/dbus", Question: "Does logind answer over the D-Bus system bus?", Limit: 20 * time.Second, ask: askBus},
		Probe{ID: "init/failed-units", Question: "Which units have failed?", ask: failedUnits})
}

// output runs a program of the system's. Its own words are the error.
func output(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
	text := strings.TrimSpace(string(out))
	if err != nil {
		return text, &failure{call: args[0], err: &told{said: fmt.Sprintf("%v: %.300s", err, text), errno: errnoIn(text)}}
	}
	return text, nil
}

// unitState says that a unit which is not active is absent: systemd has settled that when
// it starts the probes.
func unitState(ctx context.Context, unit string) (answer, error) {
	call := "systemctl show " + unit
	out, err := output(ctx, "systemctl", "show", "--property=ActiveState,SubState,Result", unit)
	if err != nil {
		return answer{}, err
	}
	said := strings.Join(strings.Fields(out), ", ")
	if !strings.Contains(said, "ActiveState=active") {
		log, _ := output(ctx, "journalctl", "--no-pager", "-o", "cat", "-n", "3", "-u", unit)
		return answer{}, &failure{call: call, gone: true, err: fmt.Errorf("%s; %s", said, log)}
	}
	return answer{call: call, detail: said}, nil
}

// askJournal logs as syslog(3) does, and looks for it in the journal.
func askJournal(ctx context.Context) (answer, error) {
	const call, token = "connect(/dev/log)", "netstrip asks whether this arrives"
	c, err := net.Dial("unixgram", "/dev/log")
	if err != nil {
		return answer{}, try(call, err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("<14>netstrip: " + token)); err != nil {
		return answer{}, try(call, err)
	}
	err = eventually(func() error {
		log, err := output(ctx, "journalctl", "--no-pager", "-o", "cat", "-t", "netstrip")
		if err == nil && !strings.Contains(log, token) {
			err = wrong("journalctl", "it is not there: %.200q", log)
		}
		return err
	})
	return answer{call: call, detail: "a datagram to an AF_UNIX socket, read back by journalctl"}, err
}

// askBus asks logind, which is a client of the bus as we are.
func askBus(ctx context.Context) (answer, error) {
	err := eventually(func() error {
		_, err := output(ctx, "busctl", "call", "org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager", "ListSeats")
		return err
	})
	return answer{call: "connect(/run/dbus/system_bus_socket)", detail: "a call through dbus-daemon to logind and back"}, err
}

// failedUnits lists them; none at all is a yes too.
func failedUnits(ctx context.Context) (answer, error) {
	out, err := output(ctx, "systemctl", "list-units", "--failed", "--plain", "--no-legend", "--no-pager")
	var units []string
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) > 0 {
			units = append(units, f[0])
		}
	}
	return answer{call: "systemctl list-units --failed", value: strings.Join(units, ",")}, err
}
