package cache

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// remote are the types of file systems that several machines may have mounted (statfs(2)): NFS, SMB,
// CIFS, SMB2, 9p, FUSE, Ceph, Lustre, GPFS, AFS, OCFS2, BeeGFS.
var remote = []uint32{
	0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x01021997, 0x65735546, 0x00c36400, 0x0bd00bd0, 0x47504653, 0x5346414f, 0x7461636f, 0x19830326,
}

// Alone names whoever may change something in the cache in place: all processes that see its locks.
// It is empty for a cache on a local file system, and names this machine for one that other machines
// may have mounted, since locks need not work between machines. Where files cannot be locked at all,
// it names this process, and once is set: no other process will use what it makes.
func (c *Cache) Alone() (name string, once bool) {
	var st unix.Statfs_t
	if err := unix.Statfs(c.Dir, &st); err != nil || !slices.Contains(remote, uint32(st.Type)) && !c.lockless() { //nolint:gosec // the types have 32 bits
		return "", false
	}
	host, _ := os.Hostname()
	id, _ := os.ReadFile("/etc/machine-id")
	name = host + " " + strings.TrimSpace(string(id))
	if c.lockless() {
		return fmt.Sprintf("%s %d", name, os.Getpid()), true
	}
	return name, false
}

// lockless reports whether the file system of the cache refuses locks.
func (c *Cache) lockless() bool {
	f, err := os.Open(filepath.Join(c.Dir, "lock"))
	if err != nil {
		return false
	}
	defer f.Close()
	return refused(flock(f, unix.LOCK_SH|unix.LOCK_NB))
}

// refused reports whether an error means that a file system has no locks.
func refused(err error) bool {
	return errors.Is(err, unix.ENOLCK) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS)
}
