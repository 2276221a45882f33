package run

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// cgroupMiB returns the memory that the control groups of this process leave it, in MiB: the
// least of what any of them does, and 0 where none has a limit. The root is that of the file
// system (proc(5), cgroups(7)).
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
		if strings.Contains(","+fields[1]+",", ",memory,") { // of version 1
			files, mount = [3]string{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file "}, "sys/fs/cgroup/memory"
		} else if fields[1] != "" {
			continue
		}
		// In a container the path may be that of the host, and the container's own group be
		// the root of what is mounted; what is not there limits nothing.
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

// unlimited is what version 1 has in the place of no limit, or more.
const unlimited = int64(1) << 60

// groupLeft returns how many bytes a group leaves, 0 where it has no limit; files are those of
// its limit and its use, and the line of its memory.stat of what the kernel can drop.
func groupLeft(root fs.FS, dir string, files [3]string) int64 {
	limit, ok := number(root, path.Join(dir, files[0]))
	if !ok || limit >= unlimited {
		return 0
	}
	used, _ := number(root, path.Join(dir, files[1]))
	stat, _ := fs.ReadFile(root, path.Join(dir, "memory.stat")) // without it nothing can be dropped
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
