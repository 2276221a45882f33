package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// TrustEnv is the environment variable with the path of a cache to use although others can
// write to it.
const TrustEnv = "NETSTRIP_TRUST_CACHE"

// ErrUntrusted means that another user can write to a cache. Its programs are run and its
// kernels booted, and whoever can replace them can also replace their hashes.
var ErrUntrusted = errors.New("not trusted")

// checkTrust returns ErrUntrusted if a user other than root and this one can change the
// cache or replace it: root must not run what a user wrote, nor one user what another did.
// What does not exist yet is no problem: this user will own it.
func checkTrust(dir string) error {
	if os.Getenv(TrustEnv) != "" {
		if trusted, err := filepath.Abs(os.Getenv(TrustEnv)); err == nil && trusted == dir {
			return nil
		}
	}
	me := os.Geteuid()
	real, err := filepath.EvalSymlinks(dir)
	if isAbsent(err) {
		real, err = dir, nil
	}
	for _, check := range []func() error{
		func() error { return checkWay(dir, me) },
		func() error { return checkWay(real, me) },
		func() error { return checkContents(real, me, 1) },
	} {
		if err == nil {
			err = check()
		}
	}
	if err == nil {
		return nil
	}
	if !errors.Is(err, ErrUntrusted) {
		return fmt.Errorf("opening the cache: %w; set %s to a directory you can read and write", err, Env)
	}
	return fmt.Errorf("opening the cache %s: %w, so others could make netstrip run anything; set %s or --cache to a directory of your own, or %s=%s if you trust it",
		dir, err, Env, TrustEnv, dir)
}

// checkWay checks a path and the directories above it: whoever owns one of them, or can
// write to it, can replace the next. A sticky directory such as /tmp prevents that. A group
// may write to the directories above: /usr/local belongs to a group of administrators.
func checkWay(path string, me int) error {
	for at, mask := path, fs.FileMode(0o022); ; at, mask = filepath.Dir(at), 0o002 {
		info, err := os.Lstat(at)
		if err == nil && info.Mode()&fs.ModeSticky != 0 && at != path {
			mask = 0
		}
		if err == nil && !(at != path && isUnmapped(info)) {
			err = checkOwner(at, info, me, mask)
		}
		if err != nil && !isAbsent(err) {
			return err
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}

// overflow is the user ID that a user namespace shows for users it does not map.
const overflow = 65534

// isUnmapped reports whether the owner of a file is unknown: in the user namespace of a
// rootless container, the owner of / often is.
func isUnmapped(info fs.FileInfo) bool {
	if info.Sys().(*syscall.Stat_t).Uid != overflow {
		return false
	}
	ids, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && strings.Join(strings.Fields(string(ids)), " ") != "0 0 4294967295"
}

// checkContents checks the contents of a cache, parts of which may be links to another:
// kinds, entries, and the files of an entry, which are run and booted. What is below is
// protected by the directories above it.
func checkContents(dir string, me, depth int) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		info, lerr := os.Lstat(path)
		if lerr == nil && info.Mode()&fs.ModeSymlink != 0 {
			err = errors.Join(err, checkOwner(path, info, me, 0))
			info, lerr = os.Stat(path)
		}
		if errors.Is(lerr, fs.ErrNotExist) {
			continue // removed meanwhile, or a dangling link
		}
		if err = errors.Join(err, lerr); err != nil {
			return err
		}
		if depth == 3 && isForOthers(path, info) {
			continue
		}
		if err := checkOwner(path, info, me, contentMask(info, depth)); err != nil {
			return err
		}
		if info.IsDir() && depth < 3 {
			if err := checkContents(path, me, depth+1); err != nil {
				return err
			}
		}
	}
	if isAbsent(err) {
		return nil
	}
	return err
}

// isAbsent reports whether err means that there is no such directory. If it cannot be made,
// making it tells why.
func isAbsent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// isForOthers reports whether something in an entry may belong to another user: nobody uses
// incomplete entries, and apt makes the directory for partial downloads belong to its own
// user.
func isForOthers(path string, info fs.FileInfo) bool {
	kind := filepath.Base(filepath.Dir(filepath.Dir(path)))
	return kind == kindHalf || kind == "apps-debs" && info.IsDir()
}

// contentMask returns the mode bits with which others can change a cache. Kinds and entries
// are made with 0755. Inside an entry, compilers and tar make files with the user's umask,
// which may let the user's own group write.
func contentMask(info fs.FileInfo, depth int) fs.FileMode {
	gid := int(info.Sys().(*syscall.Stat_t).Gid)
	switch {
	case depth < 3:
		return 0o022
	case info.IsDir() && info.Mode()&fs.ModeSticky != 0: // the /tmp of a file system
		return 0
	case gid == os.Getegid() || gid == 0:
		return 0o002
	}
	return 0o022
}

// checkOwner checks that only root and me can change a file; mask are the mode bits with
// which others could.
func checkOwner(path string, info fs.FileInfo, me int, mask fs.FileMode) error {
	owner := int(info.Sys().(*syscall.Stat_t).Uid)
	if owner != 0 && owner != me {
		return fmt.Errorf("%w: %s belongs to %s", ErrUntrusted, path, userName(owner))
	}
	if info.Mode()&fs.ModeSymlink != 0 || info.Mode().Perm()&mask == 0 {
		return nil
	}
	who := "its group"
	if info.Mode().Perm()&0o002 != 0 {
		who = "everybody"
	}
	return fmt.Errorf("%w: %s can be written by %s (mode %04o)", ErrUntrusted, path, who, info.Mode().Perm())
}

func userName(uid int) string {
	id := strconv.Itoa(uid)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "the user " + id
}
