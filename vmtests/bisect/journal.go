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

// journal is the file of the answers of one search, one JSON object a line.
type journal struct {
	path  string
	known search.Answers
}

// maxJournal bounds a journal, in bytes; an answer has about 10 KB.
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

// openJournal reads a journal, if there is one. It skips lines truncated by a crash, and those
// without an answer, so that they are asked again.
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

// add stores an answer.
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
		// The first newline keeps a truncated line from swallowing this one.
		_, err = f.Write(append([]byte("\n"), append(line, '\n')...))
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err != nil {
		return fmt.Errorf("writing the journal of the search: %w", err)
	}
	j.known[e.Key] = append(j.known[e.Key], e.Reply)
	return nil
}
