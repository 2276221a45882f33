package source

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/process"
)

// cutRevision divides REPOSITORY@REVISION. A file or directory of that whole name comes first.
func cutRevision(path string) (repository, revision string, ok bool) {
	at := strings.LastIndexByte(path, '@')
	if _, err := os.Lstat(path); err == nil || at < 1 || at == len(path)-1 {
		return "", "", false
	}
	return path[:at], path[at+1:], true
}

// openRevision opens a commit of a git repository, which may be bare. The hash of the commit
// identifies it. The files that are checked out do not matter.
func (s *Source) openRevision(ctx context.Context, repository, revision string) error {
	commit, err := process.Output(ctx, process.Command{Args: []string{"git", "-C", repository, "rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}"}})
	if err != nil && commit == "" && !process.Missing(err) && ctx.Err() == nil {
		err = fmt.Errorf("it has no commit %q", revision)
	}
	if err == nil && !regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`).MatchString(commit) {
		err = fmt.Errorf("git rev-parse printed %q", commit)
	}
	if err != nil {
		return fmt.Errorf("opening the git repository %s: %w", repository, err)
	}
	s.ID, s.Origin = commit, fmt.Sprintf("%s@%s (commit %.12s)", repository, revision, commit)
	s.tarball = func(ctx context.Context, dir string) (string, error) {
		s.progress.State("exporting %s@%s", repository, revision)
		path := filepath.Join(dir, "linux.tar")
		export := []string{"git", "-C", repository, "archive", "--format=tar", "--prefix=linux/", "--output=" + path, commit}
		if _, err := process.Run(ctx, process.Command{Args: export}); err != nil {
			return "", fmt.Errorf("exporting %s@%s: %w", repository, revision, err)
		}
		return path, nil
	}
	return nil
}
