package shell

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/netstrip/netstrip/kconfigs/process"
)

// watch restores the terminal, its standard output, when its standard input ends without a line:
// then netstrip has died.
const watch = `trap "" HUP INT QUIT TERM TTOU; read -r _ || stty "$1" <&1 2>/dev/null`

// guard has the terminal restored when netstrip is killed by a signal that no program can handle.
// It needs sh and stty. The returned function ends it.
func guard(terminal *os.File) (func(), error) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		return nil, fmt.Errorf("guarding the terminal: %w", err)
	}
	stty := exec.Command("stty", "-g")
	stty.Stdin = terminal
	saved, err := stty.Output()
	if err != nil {
		return nil, fmt.Errorf("guarding the terminal: %w", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("guarding the terminal: %w", err)
	}
	defer r.Close()
	cmd := &exec.Cmd{
		Path: sh, Args: []string{"sh", "-c", watch, "sh", strings.TrimSpace(string(saved))}, Env: process.Environ("sh"),
		Stdin: r, Stdout: terminal, SysProcAttr: &syscall.SysProcAttr{Setpgid: true},
	}
	if err := cmd.Start(); err != nil {
		w.Close()
		return nil, fmt.Errorf("guarding the terminal: %w", err)
	}
	return func() {
		_, _ = w.WriteString("\n") // it has been killed, if this fails
		w.Close()
		_ = cmd.Wait()
	}, nil
}
