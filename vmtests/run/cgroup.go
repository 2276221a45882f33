package run

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// cgroupMiB returns the memory that is left in the control groups of this process, in MiB: the
// least of all of them, 0 if none has a limit. root is the root of the file system (proc(5),
// cgroups(7)).
func cgroupMiB(root fs.FS) int {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0
	}
	least := int64(0)
	for line := range strings.Lines(string(groups)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		files, mount := [3]string{"memory.max", "memory.current", "inactive_file "}, "sys/fs/cgroup"
		if strings.Contains(","+fields[1]+",", ",memory,") { // version 1
			files, mount = [3]string{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file "}, "sys/fs/cgroup/memory"
		} else if fields[1] != "" {
			continue
		}
		// In a container the path may be the host's, while the container's own group is mounted as
		// the root. A directory that does not exist sets no limit.
		for dir := path.Clean("/" + fields[2]); ; dir = path.Dir(dir) {
			if left := groupLeft(root, path.Join(mount, dir), files); left > 0 && (least == 0 || left < least) {
				least = left
			}
			if dir == "/" {
				break
			}
		}
	}
	if least == 0 {
		return 0
	}
	return max(int(least>>20), 1)
}

// unlimited is at most what version 1 reports for no limit.
const unlimited = int64(1) << 60

// groupLeft returns how many bytes are left in a group, 0 if it has no limit. files are the names
// of the files with its limit and its use, and of the line in memory.stat with what the kernel can
// drop.
func groupLeft(root fs.FS, dir string, files [3]string) int64 {
	limit, ok := number(root, path.Join(dir, files[0]))
	if !ok || limit >= unlimited {
		return 0
	}
	used, _ := number(root, path.Join(dir, files[1]))
	stat, _ := fs.ReadFile(root, path.Join(dir, "memory.stat")) // without it nothing counts as droppable
	for line := range strings.Lines(string(stat)) {
		if v, found := strings.CutPrefix(line, files[2]); found {
			dropped, _ := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
			used -= dropped
		}
	}
	return max(limit-max(used, 0), 1)
}

func number(root fs.FS, name string) (int64, bool) {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil
}
