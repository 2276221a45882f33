// Package page writes records as one HTML page that needs no network: what differs from the
// expectations, the matrix of answers with the evidence of each, two kernels side by side,
// applications, plots and claims. It runs on the host, boots nothing and builds nothing. What records
// do not hold, such as sizes by directory, it reads from the cache of kernels, if they are there.
//
// The page is HTML tables; its script only hides, shows and fills in. Records are not trusted: text
// from them is escaped, shortened, and never HTML or a link.
package page

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"time"

	"github.com/netstrip/netstrip/vmtests/claims"
	"github.com/netstrip/netstrip/vmtests/program"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
)

// Options say what the page shows.
type Options struct {
	// Records are the boots, at least one.
	Records []record.Record
	// Results is the path of the results file; the console logs are next to it. Empty: no logs.
	Results string
	// Cache is the cache directory with the kernels; empty means the user's.
	Cache string
	// Now is when the page is made; zero means now.
	Now time.Time
}

//go:embed page.html
var htmlText string

//go:embed page.css
var styleText string

//go:embed page.js
var scriptText string

// view is what the template shows.
type view struct {
	Policy  string
	Style   template.CSS
	Script  template.JS
	Data    template.JS
	Title   string
	Made    string
	Program string
	Facts   [][2]string
	Tiles   []tile
	*study
	Claims []claim
	Plots  []plot
}

// tile is a number of the summary.
type tile struct{ Number, Text, Class string }

// Write writes the page.
func Write(ctx context.Context, w io.Writer, o Options) error {
	if len(o.Records) == 0 {
		return errors.New("writing the page: there are no records")
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	s, err := newStudy(o)
	if err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	s.ask(ctx, o)
	entries, err := claims.Decided(o.Records)
	if err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	v := &view{
		Style: template.CSS(styleText), Script: template.JS(scriptText), study: s,
		Made: o.Now.UTC().Format("2006-01-02 15:04 UTC"), Program: program.This().String(),
		Policy: fmt.Sprintf("default-src 'none'; script-src '%s'; style-src '%s'; img-src data:; base-uri 'none'; form-action 'none'",
			hash(scriptText), hash(styleText)),
		Claims: s.claims(entries), Plots: s.plots(),
	}
	v.summarize()
	data, err := json.Marshal(s.data())
	if err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	v.Data = template.JS(data)
	return v.write(w)
}

// hash returns a source of a Content-Security-Policy.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func (v *view) write(w io.Writer) error {
	t, err := template.New("page").Parse(htmlText)
	if err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, v); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	_, err = b.WriteTo(w)
	return err
}

// esc escapes what is normally a line of text.
func esc(s string) string { return report.Escape(s, maxText) }

// word escapes what is normally a word.
func word(s string) string { return report.Escape(s, 80) }

// Limits of the page, for records that are not what a guest normally sends.
const (
	// maxText is how many characters of a text are shown.
	maxText = 1000
	// maxStrings is how many bytes all different texts of answers may have; after that, texts are
	// cut to shortText characters.
	maxStrings, shortText = 600 << 10, 60
	// maxCells is how many cells the tables have, maxRows how many rows.
	maxCells, maxRows = 12_000, 600
	// maxKernels is how many kernels have columns.
	maxKernels = 64
	// maxLog is how many bytes of the end of a console log are shown, maxLogs of all logs.
	maxLog, maxLogs = 3 << 10, 200 << 10
)
