package bisect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/search"
)

// journal is a file of the answers of one search, a line of JSON each.
type journal struct {
	path  string
	known search.Answers
}

// maxJournal bounds a journal, in bytes: an answer has some 10 KB.
const maxJournal = 1 << 30

// entry is an answer.
type entry struct {
	Key string `json:"key"`
	search.Reply
	Set []string `json:"set"`
	Why string   `json:"why"`
	// Boot names the record of the boot.
	Boot string `json:"boot,omitempty"`
}

// openJournal reads a journal, which need not be there. A line that a crash has cut off is
// passed over: its answer is asked for again. So is what was no answer.
func openJournal(path string) (*journal, error) {
	j := &journal{path, search.Answers{}}
	data, err := file.Read(path, maxJournal)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the journal of the search: %w", err)
	}
	for line := range bytes.Lines(data) {
		var e entry
		if json.Unmarshal(line, &e) == nil && e.Answer != search.Unknown {
			j.known[e.Key] = append(j.known[e.Key], e.Reply)
		}
	}
	return j, nil
}

// add writes an answer down.
func (j *journal) add(e entry) error {
	line, err := json.Marshal(e)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(j.path), 0o755)
	}
	if err != nil {
		return fmt.Errorf("writing the journal of the search: %w", err)
	}
	f, err := file.OpenFile(j.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err == nil {
		// A newline before it too: a line that was cut off must not swallow this one.
		_, err = f.Write(append([]byte("\n"), append(line, '\n')...))
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err != nil {
		return fmt.Errorf("writing the journal of the search: %w", err)
	}
	j.known[e.Key] = append(j.known[e.Key], e.Reply)
	return nil
}
