package run

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
)

func TestCgroupMiB(t *testing.T) {
	files := func(pairs ...string) fstest.MapFS {
		m := fstest.MapFS{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
		}
		return m
	}
	const v2, v1 = "sys/fs/cgroup/", "sys/fs/cgroup/memory/"
	for name, tc := range map[string]struct {
		root fstest.MapFS
		want int
	}{
		"nothing is known": {files(), 0},
		"no limit":         {files("proc/self/cgroup", "0::/a\n", v2+"a/memory.max", "max\n"), 0},
		"a container": {files("proc/self/cgroup", "0::/\n", v2+"memory.max", "1073741824\n", v2+"memory.current", "536870912\n",
			v2+"memory.stat", "anon 1\ninactive_file 104857600\nactive_file 7\n"), 612},
		"the group above": {files("proc/self/cgroup", "0::/a/b\n", v2+"a/b/memory.max", "max\n", v2+"a/memory.max", "1073741824\n"), 1024},
		"the least":       {files("proc/self/cgroup", "0::/a/b\n", v2+"a/b/memory.max", "536870912\n", v2+"a/memory.max", "1073741824\n"), 512},
		"the host's path": {files("proc/self/cgroup", "0::/system.slice/docker-1.scope\n", v2+"memory.max", "1073741824\n"), 1024},
		"used up":         {files("proc/self/cgroup", "0::/\n", v2+"memory.max", "1048576\n", v2+"memory.current", "2097152\n"), 1},
		"version 1": {files("proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/a\n", v1+"a/memory.limit_in_bytes", "1073741824\n",
			v1+"a/memory.usage_in_bytes", "1048576\n", v1+"memory.limit_in_bytes", "9223372036854771712\n"), 1023},
		"version 1 without a limit": {files("proc/self/cgroup", "4:memory:/\n", v1+"memory.limit_in_bytes", "9223372036854771712\n"), 0},
		"both":                      {files("proc/self/cgroup", "4:memory:/\n0::/u\n", v1+"memory.limit_in_bytes", "1073741824\n", v2+"u/memory.max", "536870912\n"), 512},
		"garbage":                   {files("proc/self/cgroup", "x\n::\n0::../..\n", v2+"memory.max", "many\n"), 0},
	} {
		assert.Equal(t, tc.want, cgroupMiB(tc.root), name)
	}
}
