// Package page writes records as one HTML page that needs no network: the matrix of answers, with
// the evidence of each. It runs on the host. Text from guests is escaped and shortened.
package page

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"

	"github.com/netstrip/netstrip/vmtests/record"
)

// Options say what the page shows.
type Options struct {
	// Records are the boots, at least one.
	Records []record.Record
	// Results is the path of the results file, beside which the console logs are.
	Results string
}

//go:embed page.html
var text string

// Write writes the page.
func Write(w io.Writer, o Options) error {
	t, err := template.New("page").Parse(text)
	if err == nil {
		err = t.Execute(w, o)
	}
	if err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	return nil
}
