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

// appendByte is the byte of a results file that a writer locks while it appends. It lies
// far behind the end, where nothing is ever written, as those of the runs do (runByte).
// Locks of bytes, unlike flock(2)'s, let one file carry both kinds, on NFS too; those of
// open file descriptions (F_OFD_SETLK) go away with the process, however it ends.
const appendByte = int64(1) << 62

// errLocked says that another has a lock.
var errLocked = errors.New("another program has it locked")

// lock waits for a lock of one byte of f: F_RDLCK to share it, F_WRLCK to have it alone.
// It ends with ctx, but for that takes a lock that is free: what is to be written down when
// netstrip is interrupted still is. The function told, if there is one, is called once if
// that takes long.
func lock(ctx context.Context, f *os.File, how int16, at int64, told func()) error {
	start := time.Now()
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		err := control(f, unix.F_OFD_SETLK, how, at)
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EACCES) { // as fcntl(2) has it
			return err
		}
		if told != nil && time.Since(start) > time.Second {
			told()
			told = nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", errLocked, context.Cause(ctx))
		case <-time.After(wait):
		}
	}
}

// tryLock locks one byte of f, if nobody has it.
func tryLock(f *os.File, at int64) bool {
	return control(f, unix.F_OFD_SETLK, unix.F_WRLCK, at) == nil
}

// unlock lets go of one byte of f. It cannot go wrong: what is not locked stays so.
func unlock(f *os.File, at int64) { _ = control(f, unix.F_OFD_SETLK, unix.F_UNLCK, at) }

func control(f *os.File, command int, how int16, at int64) error {
	return unix.FcntlFlock(f.Fd(), command, &unix.Flock_t{Type: how, Whence: io.SeekStart, Start: at, Len: 1})
}

// lockedAppend appends a line while no other netstrip does.
func (s Store) lockedAppend(ctx context.Context, f *os.File, line []byte) error {
	if err := lock(ctx, f, unix.F_WRLCK, appendByte, s.told()); err != nil {
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

// errPruned says that the file was replaced between its opening and its locking. It is to be
// opened again.
var errPruned = errors.New("it was replaced")

// told returns what tells of a wait.
func (s Store) told() func() {
	return func() {
		if s.OnWait != nil {
			s.OnWait(s.Path)
		}
	}
}
