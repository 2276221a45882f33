package interchange

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
)

// Workflow is the run of GitHub Actions that netstrip is a step of; the zero value is none.
type Workflow struct {
	// Summary is the file with the summary of the step; it may have some already.
	Summary string
	// Annotates is set if the log is read for workflow commands. Paths in them are relative to
	// Workspace.
	Annotates bool
	Workspace string
	// Dir is the directory to which the paths in errors are relative.
	Dir string
}

// ThisWorkflow returns the run that the environment describes.
func ThisWorkflow() Workflow {
	if os.Getenv("GITHUB_ACTIONS") != "true" {
		return Workflow{}
	}
	dir, _ := os.Getwd() // without it, paths are shown as they are
	return Workflow{Summary: os.Getenv("GITHUB_STEP_SUMMARY"), Annotates: true, Workspace: os.Getenv("GITHUB_WORKSPACE"), Dir: dir}
}

// Summarize appends the records to the summary of the step, in Markdown.
func (w Workflow) Summarize(records []record.Record) error {
	if w.Summary == "" {
		return nil
	}
	f, err := file.OpenFile(w.Summary, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("opening the summary of the step, which GITHUB_STEP_SUMMARY names: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("inspecting the summary of the step: %w", err)
	}
	room := summaryBytes - int(info.Size())
	if room < 10_000 {
		return nil // more would make GitHub drop what is there
	}
	data, err := Markdown(records, room)
	if err == nil {
		_, err = f.Write(append(data, '\n'))
	}
	return errors.Join(err, f.Close())
}

// maxAnnotations is how many annotations GitHub shows of a step.
const maxAnnotations = 10

// Annotations returns a workflow command for each of the first problems of the requests in err, with
// file and line. It returns nothing outside of GitHub Actions.
func (w Workflow) Annotations(err error) string {
	if !w.Annotates {
		return ""
	}
	var b strings.Builder
	all := problems(err)
	for _, p := range all[:min(len(all), maxAnnotations)] {
		place := ""
		if p.File != "" {
			place = " file=" + escapeProperty(w.relative(p.File))
			if p.Line > 0 {
				place += fmt.Sprintf(",line=%d", p.Line)
			}
		}
		p.File = ""
		fmt.Fprintf(&b, "::error%s::%s\n", place, escapeCommand(report.Escape(p.String(), 2000)))
	}
	return b.String()
}

// relative returns a path relative to the workspace, if it is in there.
func (w Workflow) relative(path string) string {
	if !filepath.IsAbs(path) {
		path = filepath.Join(w.Dir, path)
	}
	if rest, err := filepath.Rel(w.Workspace, path); err == nil && filepath.IsLocal(rest) {
		return rest
	}
	return path
}

// problems returns the problems of all request errors in err.
func problems(err error) (all []kconfigs.Problem) {
	switch e := err.(type) { //nolint:errorlint // it walks the tree itself
	case nil:
	case *kconfigs.RequestError:
		return e.Problems
	case interface{ Unwrap() error }:
		return problems(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			all = append(all, problems(one)...)
		}
	}
	return all
}

// escapeCommand and escapeProperty escape what ends a message, or a property, of a workflow command.
func escapeCommand(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func escapeProperty(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}
