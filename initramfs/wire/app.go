package wire

import "time"

// App is one way of using one application.
type App struct {
	// ID is app/NAME/WAY, which is also that of the finding.
	ID string `json:"id"`
	// Files, by absolute path, are written before anything is started, with mode 0755 if the
	// content begins with #!, else 0644.
	Files map[string]string `json:"files,omitempty"`
	// Setup are run one after the other; each must exit with 0.
	Setup []Command `json:"setup,omitempty"`
	// Services are started in order, each when the previous one is ready.
	Services []Service `json:"services,omitempty"`
	// Ask is the client.
	Ask Command `json:"ask"`
	// Expect is a regular expression of Go that the client's standard output must match; its exit
	// status must be 0.
	Expect string `json:"expect"`
	// Seconds is the limit for all of this, under TCG with two idle cores.
	Seconds int `json:"seconds"`
}

// Limit returns how long the guest may take for an application that does not work: once plainly,
// and once more under ptrace.
func (a App) Limit() time.Duration {
	return time.Duration(a.Seconds)*time.Second*(1+AppSlower) + 2*AppSlack
}

// Command is one process.
type Command struct {
	// Argv are the program, by an absolute path or its name in PATH, and its arguments.
	Argv []string `json:"argv"`
	// User is a name in the image's /etc/passwd; empty means root. It is set by setuid, not by su,
	// which fails on a kernel without NET.
	User string `json:"user,omitempty"`
	// Env is added to the environment.
	Env map[string]string `json:"env,omitempty"`
	// Dir is the working directory; empty means /.
	Dir string `json:"dir,omitempty"`
}

// Service is a process that keeps running.
type Service struct {
	Command
	// Ready is repeated until it exits with 0. If its Argv is empty, the service is ready at once.
	Ready Command `json:"ready"`
	// Log is a file that the service logs to, in addition to its output.
	Log string `json:"log,omitempty"`
}
