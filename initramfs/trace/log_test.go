//go:build linux

package trace

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"
)

// The latest failure is kept and comes last, however many came before it, and the log is
// bounded.
func TestLastFailureIsKept(t *testing.T) {
	for _, network := range []bool{false, true} {
		t.Run(fmt.Sprint("network ", network), func(t *testing.T) {
			var l log
			call := func(text string) Call { return Call{Text: text, Errno: unix.ENOENT, Command: 7, network: network} }
			known, fresh := call(`openat("/etc/needed.conf")`), call(`openat("/etc/other.conf")`)
			l.add(known)
			for i := range maxKept + 10 {
				if i == maxKept/2 {
					l.add(known)
				}
				l.add(call(fmt.Sprintf("openat(%d)", i)))
			}
			all := l.calls()
			assert.Len(t, all, maxKept)
			assert.Contains(t, all, known, "the oldest is by when it was last")
			assert.NotContains(t, all, call("openat(0)"))
			l.add(fresh)
			l.add(known)
			all = l.calls()
			assert.Len(t, all, maxKept)
			assert.Equal(t, []Call{fresh, known}, all[maxKept-2:])
			got, ok := Decisive(all, 7, map[int]string{7: "needed.conf: no such file or directory"})
			assert.True(t, ok)
			assert.Equal(t, known, got)
		})
	}
}

// Many failed file calls do not evict an earlier socket call, nor many socket calls a file.
func TestLogKeepsBothKinds(t *testing.T) {
	var l log
	socket := Call{Text: "socket(AF_INET, SOCK_STREAM)", Errno: unix.ENOSYS, network: true}
	file := Call{Text: `openat("/etc/needed.conf")`, Errno: unix.ENOENT}
	l.add(socket)
	l.add(file)
	for i := range 2 * maxKept {
		l.add(Call{Text: fmt.Sprint("openat ", i), Errno: unix.ENOENT})
		l.add(Call{Text: fmt.Sprint("connect ", i), Errno: unix.ENOENT, network: true})
		if i%maxKept == maxKept/2 {
			l.add(socket)
		}
	}
	all := l.calls()
	assert.Len(t, all, 2*maxKept)
	assert.Contains(t, all, socket)
	assert.NotContains(t, all, file)
	assert.Equal(t, fmt.Sprint("openat ", 2*maxKept-1), all[len(all)-2].Text)
}
