// Package process starts programs such as make, tar and the compiler. It runs on the host.
// All programs but QEMU, which vmtest starts, are started here, so that they die with
// netstrip and every error quotes what the program said.
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

// keepTail is the size in bytes of the end of the output that errors quote from.
const keepTail = 16 << 10

// maxLine is how much of a line is kept, in bytes.
const maxLine = 1 << 20

// supervise runs its arguments in the background and kills the whole process group on
// SIGTERM, which the kernel sends when netstrip dies, even by SIGKILL (PR_SET_PDEATHSIG). A
// parent-death signal for make alone would not reach its compilers. As a shell connects
// background commands to /dev/null, standard input goes through descriptor 9.
const supervise = `trap 'kill -KILL 0' TERM; exec 9<&0; "$@" <&9 9<&- & exec 9<&-; wait $!`

// Command is a program to run.
type Command struct {
	// Args are the program and its arguments.
	Args []string
	// Dir is its working directory; empty means netstrip's.
	Dir string
	// Env is added to the environment (Environ).
	Env []string
	// Inherit passes netstrip's whole environment to the user's own program.
	Inherit bool
	// Stdin is its standard input; nil means none.
	Stdin io.Reader
	// OnLine, if set, is called with each line of standard output and error, up to 1 MiB of it.
	OnLine func(line string)
	// Isolate runs the program as root in namespaces of its own for users, of which it has
	// 65,536, and for mounts. Only root may set it.
	Isolate bool
	// Files are descriptors 3, 4, ... of the program and all it starts.
	Files []*os.File
}

// Usage is the time that a program took.
type Usage struct {
	// CPU is user and system time, including children.
	CPU time.Duration
	// Wall is the elapsed time.
	Wall time.Duration
}

// Error is the failure of a program that was started.
type Error struct {
	Args []string
	// Tail is the end of its output.
	Tail string
	// Err is the error of exec.Cmd.Wait.
	Err error
}

// Error returns the program, how it ended and the most telling line of its output.
func (e *Error) Error() string {
	if line := decisiveLine(e.Tail); line != "" {
		return fmt.Sprintf("%s: %v: %s", e.Args[0], e.Err, line)
	}
	return fmt.Sprintf("%s: %v", e.Args[0], e.Err)
}

// Unwrap returns the error of exec.Cmd.Wait.
func (e *Error) Unwrap() error { return e.Err }

// Run runs c to its end and kills what it left running. If ctx ends first, c and all it
// started are killed, and the error is ctx's.
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

// prepare returns c under supervision.
func prepare(ctx context.Context, c Command) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", supervise, "sh"}, c.Args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if c.Isolate {
		users := []syscall.SysProcIDMap{{Size: 1 << 16}}
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS
		cmd.SysProcAttr.UidMappings, cmd.SysProcAttr.GidMappings = users, users
		cmd.SysProcAttr.GidMappingsEnableSetgroups = true
	}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Dir, cmd.Stdin, cmd.ExtraFiles = c.Dir, c.Stdin, c.Files
	cmd.Env = Environ(filepath.Base(c.Args[0]))
	if c.Inherit {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, c.Env...)
	return cmd
}

// runGroup runs cmd, which leads a process group, and then ends the group: otherwise Wait
// would wait for whatever still holds the output pipe.
func runGroup(cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	// Its ID is not reused before it is waited for.
	for {
		err := unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	return cmd.Wait()
}

// Output runs a program and returns its standard output and error, trimmed. It sets OnLine.
func Output(ctx context.Context, c Command) (string, error) {
	var b strings.Builder
	c.OnLine = func(l string) { b.WriteString(l + "\n") }
	_, err := Run(ctx, c)
	return strings.TrimSpace(b.String()), err
}

// Missing reports whether err means that a program is not installed.
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
			_, err = Run(ctx, Command{Args: []string{"gcc", "-E", "-include", name, "-x", "c", "/dev/null"}})
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

// lines passes on whole lines and keeps the end of the output.
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

// end passes on a last line without a newline.
func (l *lines) end() {
	if len(l.partial) > 0 && l.each != nil {
		l.each(string(l.partial))
		l.partial = nil
	}
}

// decisiveLine returns the most telling line of a failed program's output: the first with an
// error, or else the last that is not empty.
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
