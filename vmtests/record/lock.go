package record

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// appendByte is the byte of a results file that a writer locks while it appends. Like the
// bytes of the runs (runByte) it is far beyond the end, where nothing is ever written. Byte
// locks, unlike flock(2), allow both kinds of lock on one file, on NFS too; those of open
// file descriptions (F_OFD_SETLK) disappear with the process, however it ends.
const appendByte = int64(1) << 62

// errLocked says that another program holds a lock.
var errLocked = errors.New("another program has it locked")

// lock waits for a lock on one byte of f: shared with F_RDLCK, exclusive with F_WRLCK. It
// tries once even if ctx is done, so that netstrip can still write records when it is
// interrupted. waiting, unless nil, is called once if the wait is long.
func lock(ctx context.Context, f *os.File, how int16, at int64, waiting func()) error {
	start := time.Now()
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		err := control(f, unix.F_OFD_SETLK, how, at)
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EACCES) { // see fcntl(2)
			return err
		}
		if waiting != nil && time.Since(start) > time.Second {
			waiting()
			waiting = nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", errLocked, context.Cause(ctx))
		case <-time.After(wait):
		}
	}
}

// tryLock locks one byte of f unless another program holds it.
func tryLock(f *os.File, at int64) bool {
	return control(f, unix.F_OFD_SETLK, unix.F_WRLCK, at) == nil
}

// unlock unlocks one byte of f. Unlocking an unlocked byte is a no-op.
func unlock(f *os.File, at int64) { _ = control(f, unix.F_OFD_SETLK, unix.F_UNLCK, at) }

func control(f *os.File, command int, how int16, at int64) error {
	return unix.FcntlFlock(f.Fd(), command, &unix.Flock_t{Type: how, Whence: io.SeekStart, Start: at, Len: 1})
}

// lockedAppend appends a line under the lock.
func (s Store) lockedAppend(ctx context.Context, f *os.File, line []byte) error {
	if err := lock(ctx, f, unix.F_WRLCK, appendByte, s.waiting); err != nil {
		return fmt.Errorf("locking %s: %w", f.Name(), err)
	}
	defer unlock(f, appendByte)
	mine, err := f.Stat()
	if err != nil {
		return err
	}
	if there, err := os.Stat(s.Path); err != nil || !os.SameFile(mine, there) {
		return errPruned
	}
	return appendLine(f, line)
}

// errPruned says that the file was replaced between opening and locking, and has to be opened
// again.
var errPruned = errors.New("it was replaced")

// waiting reports a long wait for a lock.
func (s Store) waiting() {
	if s.OnWait != nil {
		s.OnWait(s.Path)
	}
}
