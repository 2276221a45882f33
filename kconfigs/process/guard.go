package process

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// guard waits for the end of its standard input, which comes when netstrip has died or
// says that all is done, and then removes a directory. Programs that netstrip started
// may be writing there for a moment longer, hence the further tries: 5 s of them.
const guard = `trap "" HUP INT TERM; read -r _; n=0; until rm -rf -- "$1" 2>/dev/null; do n=$((n+1)); test $n -lt 100 || exit 1; sleep 0.05; done`

// Guard has the directory removed when netstrip dies, even by SIGKILL. The files stay
// open until that is done, and with them what locks they hold. The function it gives is
// to be called when the directory is needed no more; it is removed then too.
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
	// A group of its own, which a Ctrl-C at the terminal does not reach.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		w.Close()
		return nil, fmt.Errorf("guarding %s: %w", dir, err)
	}
	return func() {
		w.Close()
		_ = cmd.Wait() // a directory it did not remove is swept by the next to need the name
	}, nil
}
