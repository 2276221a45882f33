package record

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// appendByte is the byte of a results file that a writer locks while it appends. It lies
// far behind the end, where nothing is ever written, as those of the runs do (runByte).
// Locks of bytes, unlike flock(2)'s, let one file carry both kinds, on NFS too; those of
// open file descriptions (F_OFD_SETLK) go away with the process, however it ends.
const appendByte = int64(1) << 62

// lock waits for a lock of one byte of f: F_RDLCK to share it, F_WRLCK to have it alone.
// It ends when f is closed.
func lock(f *os.File, how int16, at int64) error {
	for {
		err := control(f, unix.F_OFD_SETLKW, how, at)
		if !errors.Is(err, unix.EINTR) {
			return err
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
func lockedAppend(f *os.File, line []byte) error {
	if err := lock(f, unix.F_WRLCK, appendByte); err != nil {
		return fmt.Errorf("locking %s: %w", f.Name(), err)
	}
	defer unlock(f, appendByte)
	return appendLine(f, line)
}
