package page

import (
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/netstrip/netstrip/vmtests/report"
)

// readLogs reads the end of the console log of each kernel's newest boot.
func (s *study) readLogs(results string) {
	if results == "" {
		return
	}
	root, err := os.OpenRoot(filepath.Dir(results))
	if err != nil {
		return // without the directory there are no logs either
	}
	defer root.Close()
	left := maxLogs
	for _, k := range s.Kernels {
		if name := k.Newest().ConsoleLog; name != "" && left > 0 {
			k.log = tail(root, name, min(maxLog, left))
			left -= len(k.log)
		}
	}
}

// tail returns the last lines of a log, escaped. A record may name any file, so only regular files
// below the directory of the results are read.
func tail(root *os.Root, name string, limit int) string {
	info, err := root.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return ""
	}
	f, err := root.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	begin := max(0, info.Size()-int64(limit))
	data, err := io.ReadAll(io.NewSectionReader(f, begin, int64(limit)))
	if err != nil {
		return ""
	}
	text := string(data)
	if _, rest, ok := strings.Cut(text, "\n"); begin > 0 && ok {
		text = rest
	}
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, report.Escape(strings.TrimRight(line, "\r\n"), 200))
	}
	return strings.Join(lines, "\n")
}
