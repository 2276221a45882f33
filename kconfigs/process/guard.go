package process

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// guard waits for the end of its standard input, when netstrip has died or is done, and then
// removes a directory. It tries for 5 s, as programs that netstrip started may still be
// writing there.
const guard = `trap "" HUP INT TERM; read -r _; n=0; until rm -rf -- "$1" 2>/dev/null; do n=$((n+1)); test $n -lt 100 || exit 1; sleep 0.05; done`

// Guard removes a directory when netstrip dies, even by SIGKILL. The files stay open until
// then, and so do their locks. The returned function removes the directory at once.
func Guard(dir string, files ...*os.File) (func(), error) {
	path, err := exec.LookPath("sh")
	if err != nil {
		return nil, fmt.Errorf("guarding %s: %w", dir, err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("guarding %s: %w", dir, err)
	}
	defer r.Close()
	cmd := &exec.Cmd{Path: path, Args: []string{"sh", "-c", guard, "sh", dir}, Env: Environ("sh"), Stdin: r, ExtraFiles: files}
	// In a process group of its own a Ctrl-C at the terminal does not reach it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		w.Close()
		return nil, fmt.Errorf("guarding %s: %w", dir, err)
	}
	return func() {
		w.Close()
		_ = cmd.Wait() // the next process to use the name removes what is left
	}, nil
}
