package bisect

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/apps"
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/search"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/job"
	"github.com/netstrip/netstrip/vmtests/kconfigcheck"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/run"
)

// Question is what a kernel is asked; see Probe, Require, Exec, Boot and Command.
type Question struct {
	// Text is the question in words.
	Text string

	probes  string // to run in the guest
	words   []string
	judge   func(record.Record) search.Reply
	command string       // to run on the host instead of a boot
	program *job.Options // to run in the guest instead of probes
	outcome bool         // asks for the boot's outcome; one other than that of the last end is no answer
}

// Ask returns the only question of four: whether a probe works, how a program ends in the guest,
// what a command says, or whether the kernel boots.
func Ask(probe, program, command string, boot bool) (Question, error) {
	given := len(slices.DeleteFunc([]string{probe, program, command}, func(s string) bool { return s == "" }))
	switch {
	case given == 0 && boot:
		return Boot(), nil
	case given != 1 || boot:
	case probe != "":
		return Probe(probe), Known(probe)
	case program != "":
		return Exec(program, false), nil
	default:
		return Command(command), nil
	}
	return Question{}, usage.Errorf("give one of --probe ID, --exec COMMAND, --boot and --command CMD; netstrip bisect --help has examples")
}

// Known returns an error if there is no such probe as one of these.
func Known(ids ...string) error {
	known, err := apps.ProbeIDs()
	for _, id := range ids {
		if err == nil && !slices.Contains(known, id) {
			return usage.Errorf("no such probe: %q; netstrip show and shell completion list them", id)
		}
	}
	return err
}

// Runner returns a runner for kernels that are asked the question, after checking that boots are
// possible. If dry, none is asked, and nothing is checked.
func (q Question) Runner(ctx context.Context, o run.Options, dry bool) (*run.Runner, error) {
	if q.Boots() && !dry {
		if err := o.Ready(); err != nil {
			return nil, err
		}
	}
	if q.program != nil {
		if err := q.program.Prepare(ctx, &o, 1); err != nil {
			return nil, err
		}
	}
	if apps.Asked(q.probes) && !dry {
		if err := o.UseApps(ctx, ""); err != nil {
			return nil, err
		}
	}
	return run.New(ctx, o)
}

// Probe asks whether a probe works.
func Probe(id string) Question {
	return Question{Text: "probe " + id, probes: id, words: words(id), judge: func(r record.Record) search.Reply {
		return judgeProbe(r, id)
	}}
}

// requires is the prefix of the text of a Require question.
const requires = "require "

// Require asks whether several probes all work. A kernel that cannot run them fails.
func Require(ids ...string) Question {
	q := Question{Text: requires + strings.Join(ids, ","), probes: strings.Join(ids, ",")}
	for _, id := range ids {
		q.words = append(q.words, words(id)...)
	}
	q.judge = func(r record.Record) search.Reply {
		if r.Outcome != record.Completed && r.Outcome != "" && !r.Outcome.RigFault() {
			return search.Reply{Answer: search.Fail, Note: ended(r)}
		}
		all := search.Reply{Answer: search.Pass}
		var notes []string
		for _, id := range ids {
			v := judgeProbe(r, id)
			if v.Answer != search.Pass {
				notes = append(notes, id+": "+v.Note)
			}
			if v.Answer == search.Fail || all.Answer == search.Pass {
				all.Answer = v.Answer
			}
		}
		all.Note = strings.Join(notes, "; ")
		if len(notes) == 0 {
			all.Note = "all work"
		}
		return all
	}
	return q
}

// Boot asks whether the kernel boots to the end. A failure unlike that of the last end is a
// different fault, and no answer.
func Boot() Question {
	return Question{Text: "boot", outcome: true, probes: run.NoProbes, judge: func(r record.Record) search.Reply {
		v := search.Reply{Note: ended(r)}
		switch {
		case r.Outcome == record.Completed:
			v.Answer = search.Pass
		case r.Outcome != "" && !r.Outcome.RigFault():
			v.Answer = search.Fail
		}
		return v
	}}
}

// Command asks a user's shell command, which gets the path of the kernel's image as its last
// argument. Its exit code counts as in git bisect run: 0 passes, 125 is no answer, any other up to
// 127 fails.
func Command(line string) Question { return Question{Text: "command " + line, command: line} }

// Boots reports whether kernels are booted to be asked.
func (q Question) Boots() bool { return q.command == "" }

func ended(r record.Record) string {
	if r.Reason == "" {
		return string(r.Outcome)
	}
	return string(r.Outcome) + ": " + r.Reason
}

func judgeProbe(r record.Record, id string) search.Reply {
	f, ok := report.Finding(r, id)
	if !ok {
		return search.Reply{Note: ended(r)}
	}
	v := search.Reply{Note: string(f.Verdict)}
	if f.Verdict != wire.Works {
		v.Note = strings.Trim(fmt.Sprintf("%s, %s %s", f.Verdict, f.Call, f.Errno), " ,")
	}
	switch f.Verdict {
	case wire.Works:
		v.Answer = search.Pass
	case wire.Absent:
		v.Answer = search.Fail
	}
	return v
}

// ask asks a kernel; a boot is recorded under the profile's name. sure reports whether it
// completed.
func (q Question) ask(ctx context.Context, runner *run.Runner, p kconfigs.Profile, k *kbuild.Kernel) (v search.Reply, sure bool, err error) {
	if q.command != "" {
		v, err = q.run(ctx, k)
		return v, true, err
	}
	r, err := runner.Ask(ctx, p, k, q.probes)
	if err != nil {
		return v, false, err
	}
	return q.judge(r), r.Outcome == record.Completed, nil
}

func (q Question) run(ctx context.Context, k *kbuild.Kernel) (search.Reply, error) {
	_, err := process.Run(ctx, process.Command{
		Args:    []string{"sh", "-c", q.command + ` "$@"`, "netstrip", k.Image},
		Inherit: true,
		Env:     []string{"NETSTRIP_KERNEL=" + k.Image, "NETSTRIP_VMLINUX=" + k.Boot, "NETSTRIP_CONFIG=" + k.Config},
	})
	exit, exited := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
		return search.Reply{Answer: search.Pass, Note: "exit 0"}, nil
	case !exited || exit.ExitCode() < 0 || exit.ExitCode() > 127:
		return search.Reply{}, fmt.Errorf("running %q: %w", q.command, err)
	case exit.ExitCode() == 125:
		return search.Reply{Note: "exit 125"}, nil
	}
	return search.Reply{Answer: search.Fail, Note: fmt.Sprintf("exit %d", exit.ExitCode())}, nil
}

// words returns hints at the symbols behind a probe: those it needs, and the parts of its ID.
func words(id string) []string {
	all := kconfigcheck.Of(id)
	for word := range strings.FieldsFuncSeq(id, func(r rune) bool { return r == '/' || r == '-' }) {
		all = append(all, word)
	}
	return all
}
