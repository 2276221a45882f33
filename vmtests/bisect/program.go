package bisect

import (
	"strings"

	"github.com/netstrip/netstrip/kconfigs/search"
	"github.com/netstrip/netstrip/vmtests/job"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/run"
)

// undecided is the exit code of a command that cannot tell, as for git bisect run.
const undecided = 125

// Exec asks whether a program of the user's works in the guest: exit code 0 passes, 125 is no answer,
// and any other fails, as does a signal. A kernel that ends before the program fails too if it must
// work, as it must for the least kernel; else that is no answer.
func Exec(line string, must bool) Question {
	o := &job.Options{Command: job.Words(line), Plain: true}
	return Question{Text: "exec " + line, probes: run.JobID(o.Command[0]), program: o, judge: func(r record.Record) search.Reply {
		result := job.Results([]record.Record{r})[0]
		v := search.Reply{Note: strings.TrimPrefix(result.Line(), result.Kernel+": ")}
		switch {
		case r.Outcome == "" || r.Outcome.RigFault():
		case result.Exit == nil && must:
			v.Answer = search.Fail
		case result.Exit == nil || result.Exit.Unstarted != "" || result.Code() == undecided:
		case result.Code() == 0:
			v.Answer = search.Pass
		default:
			v.Answer = search.Fail
		}
		return v
	}}
}
