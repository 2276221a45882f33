package duplex

import (
	"time"

	"github.com/netstrip/netstrip/initramfs/wire"
)

// Names and times that host and guest share about a user's program.
const (
	// JobRoot is the directory in the initramfs that becomes the program's root. With a disk it lies
	// over the disk's.
	JobRoot = "/program"
	// JobSlack is what the guest needs for a job beside the program.
	JobSlack = 20 * time.Second
)

// Job is what a guest must know about a user's program beside its command.
type Job struct {
	// ID is exec/NAME, which is that of the finding.
	ID string `json:"id"`
	// UID and GID are whom it runs as.
	UID int `json:"uid"`
	GID int `json:"gid"`
	// Seconds is its time limit, under any accelerator. MaxOutput is how many bytes it may print.
	Seconds   int   `json:"seconds"`
	MaxOutput int64 `json:"max_output"`
	// Trace asks for the system call that decides why the program fails. The program then runs
	// under ptrace, and its output stays in the guest.
	Trace bool `json:"trace,omitempty"`
	// Disk is set if the disk of the applications is below its root.
	Disk bool `json:"disk,omitempty"`
	// Back are the absolute paths of files and directories to send to the host when it has ended;
	// of a directory only what is new or changed. MaxBack is how many bytes of them there may be.
	Back    []string `json:"back,omitempty"`
	MaxBack int64    `json:"max_back,omitempty"`
}

// Limit returns how long the guest may take for the job. Traced, it takes longer.
func (j Job) Limit(traced bool) time.Duration {
	limit := time.Duration(j.Seconds) * time.Second
	if traced {
		limit *= wire.AppSlower
	}
	return limit + JobSlack
}
