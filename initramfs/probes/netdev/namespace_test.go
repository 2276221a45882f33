//go:build linux

package netdev

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A probe must not change the process's first thread, which does not end.
func TestOnThread(t *testing.T) {
	for range 2000 {
		require.NoError(t, OnThread(func() error {
			if unix.Gettid() == unix.Getpid() {
				return errors.New("this is the first thread")
			}
			return nil
		}))
	}
}
