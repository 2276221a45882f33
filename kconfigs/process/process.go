// Package process starts the host's programs: make, tar, the compiler. It runs on
// the host. It is the one place that does (QEMU aside, which vmtest starts), so
// that everything started dies with netstrip and every error says what the program
// itself said last.
package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/netstrip/netstrip/kconfigs/programs"
	"golang.org/x/sys/unix"
)

// keepTail is how many bytes of a program's output an error quotes from.
const keepTail = 16 << 10

// maxLine bounds what is kept of a line, in bytes: a program may write one that never ends.
const maxLine = 1 << 20

// supervise runs its arguments in the background and kills the whole process group
// when SIGTERM comes, which the kernel sends when netstrip dies, even by SIGKILL
// (PR_SET_PDEATHSIG). A parent-death signal on make alone would leave its compilers.
// A shell gives what it runs in the background /dev/null to read, so standard input
// goes there by way of descriptor 9.
const supervise = `trap 'kill -KILL 0' TERM; exec 9<&0; "$@" <&9 9<&- & exec 9<&-; wait $!`

// Command is a program to run.
type Command struct {
	// Args are the program and its arguments.
	Args []string
	// Dir is where it runs; empty means here.
	Dir string
	// Env is added to the environment (Environ).
	Env []string
	// Inherit returns it all of netstrip's own environment: it is the user's own program.
	Inherit bool
	// Stdin is given to it; nil means nothing.
	Stdin io.Reader
	// OnLine, if set, is called with each line of standard output and error. What a line has
	// over 1 MiB is left out.
	OnLine func(line string)
	// Files are inherited as descriptors 3, 4, ... by it and all it starts.
	Files []*os.File
}

// Usage is what a program took.
type Usage struct {
	// CPU is user and system time of it and its children.
	CPU time.Duration
	// Wall is the time from start to end.
	Wall time.Duration
}

// Error is the failure of a program that was started.
type Error struct {
	// Args are what was run.
	Args []string
	// Tail is the end of its output.
	Tail string
	// Err is what exec.Cmd.Wait said.
	Err error
}

// Error returns the program, how it ended and the line of its output that tells most.
func (e *Error) Error() string {
	if line := decisiveLine(e.Tail); line != "" {
		return fmt.Sprintf("%s: %v: %s", e.Args[0], e.Err, line)
	}
	return fmt.Sprintf("%s: %v", e.Args[0], e.Err)
}

// Unwrap returns what exec.Cmd.Wait said.
func (e *Error) Unwrap() error { return e.Err }

// Run runs c to its end, and kills what c has left running. When ctx ends first, c and
// all it started are killed and the error is ctx's.
func Run(ctx context.Context, c Command) (Usage, error) {
	cmd := prepare(ctx, c)
	out := &lines{each: c.OnLine}
	cmd.Stdout, cmd.Stderr = out, out
	if err := find(c.Args[0]); err != nil {
		return Usage{}, err
	}
	start := time.Now()
	err := runGroup(cmd)
	out.end()
	usage := Usage{Wall: time.Since(start)}
	if s := cmd.ProcessState; s != nil {
		usage.CPU = s.UserTime() + s.SystemTime()
	}
	if ctx.Err() != nil {
		return usage, ctx.Err()
	}
	if err != nil {
		return usage, &Error{Args: c.Args, Tail: out.tail.String(), Err: err}
	}
	return usage, nil
}

// prepare returns c with all that ties it to netstrip.
func prepare(ctx context.Context, c Command) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", supervise, "sh"}, c.Args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Dir, cmd.Stdin, cmd.ExtraFiles = c.Dir, c.Stdin, c.Files
	cmd.Env = Environ(filepath.Base(c.Args[0]))
	if c.Inherit {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, c.Env...)
	return cmd
}

// runGroup runs cmd, which leads a process group, and ends the group with it: whatever
// still holds the pipe for the output would otherwise be waited for.
func runGroup(cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	// Until it is waited for, its ID can be given to no other process or group.
	for {
		err := unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	return cmd.Wait()
}

// Output runs the program args and gives its standard output and error, trimmed.
func Output(ctx context.Context, args ...string) (string, error) {
	var b strings.Builder
	_, err := Run(ctx, Command{Args: args, OnLine: func(l string) { b.WriteString(l + "\n") }})
	return strings.TrimSpace(b.String()), err
}

// Missing reports whether err says that a program is not installed.
func Missing(err error) bool { return errors.Is(err, exec.ErrNotFound) }

// find returns an error that names the package of a program that is not in PATH.
func find(program string) error {
	_, err := exec.LookPath(program)
	if Missing(err) {
		return programs.Missing(program)
	}
	return err
}

// Check returns one error for all that is missing of the programs and C headers in names.
// The compiler itself looks for headers, so all are missing without gcc.
func Check(ctx context.Context, names ...string) error {
	var missing []string
	for _, name := range names {
		var err error
		if strings.HasSuffix(name, ".h") {
			_, err = Output(ctx, "gcc", "-E", "-include", name, "-x", "c", "/dev/null")
		} else {
			_, err = programs.Find(name)
		}
		if err != nil {
			missing = append(missing, name)
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if missing == nil {
		return nil
	}
	return programs.Missing(missing...)
}

// lines hands on whole lines and keeps the end of all of it.
type lines struct {
	each    func(string)
	partial []byte
	tail    bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.tail.Write(p)
	if over := l.tail.Len() - keepTail; over > keepTail {
		l.tail.Next(over)
	}
	if l.each == nil {
		return len(p), nil
	}
	for rest := p; ; {
		part, after, whole := bytes.Cut(rest, []byte{'\n'})
		l.partial = append(l.partial, part[:min(len(part), maxLine-len(l.partial))]...)
		if !whole {
			return len(p), nil
		}
		l.each(string(l.partial))
		l.partial, rest = l.partial[:0], after
	}
}

// end hands on a last line that did not end in a newline.
func (l *lines) end() {
	if len(l.partial) > 0 && l.each != nil {
		l.each(string(l.partial))
		l.partial = nil
	}
}

// decisiveLine picks the line of a failed program's output that a person would look
// for: the first that speaks of an error, else the last that says anything.
func decisiveLine(tail string) string {
	last := ""
	for _, line := range strings.Split(tail, "\n") {
		line = strings.TrimSpace(line)
		low := strings.ToLower(line)
		if strings.Contains(low, "no space left on device") ||
			strings.Contains(low, "error:") || strings.Contains(low, "fatal error") {
			return line
		}
		if line != "" && !strings.HasPrefix(line, "make") {
			last = line
		}
	}
	return last
}
