package job_test

import (
	"context"
	"fmt"

	"github.com/netstrip/netstrip/vmtests/job"
)

// A Go test boots two kernels, runs a program on both, and looks at how it ended.
func ExampleRun() {
	results, err := job.Run(context.Background(), job.Options{
		Command: []string{"sh", "-c", "test -e /proc/net/unix"},
	}, "full", "no-net")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range results {
		fmt.Printf("%s: %s\n", r.Kernel, r.Exit)
	}
	// prints:
	// full: exit status 0
	// no-net: exit status 1
}
