//go:build linux

package trace

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTelling(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "",
		"one\n\ntwo\n":            "two",
		"an error\nshutting down": "an error",
		"socket() 127.0.0.1:80 failed (97: Address family not supported by protocol)\nerror: aborting": "socket() 127.0.0.1:80 failed (97: Address family not supported by protocol)",
		"Error: listen EAFNOSUPPORT: unknown\n    at Server\nNode.js v18":                              "Error: listen EAFNOSUPPORT: unknown",
		"can't set limits: Operation not permitted\nunable to bind socket, errno: 97\nbye":             "unable to bind socket, errno: 97",
		"Warning: x\nFailed listening on port 6379 (tcp), aborting.\nbye":                              "Failed listening on port 6379 (tcp), aborting.",
	} {
		assert.Equal(t, want, Telling(text), "%q", text)
	}
	assert.LessOrEqual(t, len(Telling(strings.Repeat("x", 10_000))), 510)
}

func TestTailKeepsTheEnd(t *testing.T) {
	var tl Tail
	for range 5 {
		_, _ = tl.Write([]byte(strings.Repeat("x", TailBytes)))
	}
	_, _ = tl.Write([]byte("end"))
	assert.True(t, strings.HasSuffix(tl.String(), "xend"))
	assert.LessOrEqual(t, len(tl.kept), 2*TailBytes+3)
}
