package run

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCheckAppend(t *testing.T) {
	for _, good := range []string{"", "ipv6.disable=1 nosmp", `dyndbg="file x.c +p"`, "consoleblank=0", "panic_on_warn=1"} {
		assert.NoError(t, checkAppend(good), good)
	}
	for bad, want := range map[string]string{
		"x init=/bin/sh": "--append init=/bin/sh is refused: it names the program",
		"rdinit=/x":      "--init does that",
		"console=tty0":   "the outcome is read from the console",
		"quiet":          "which it silences",
		"panic=0":        "must reset the machine",
		"netstrip.lo=up": "netstrip itself",
		"a -- b":         "for the init",
		`x="y`:           "pairs of quotation marks",
		"a\nb":           "on one line",
	} {
		assert.ErrorContains(t, checkAppend(bad), want)
	}
}
