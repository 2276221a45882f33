package interchange

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"strings"
	"time"

	"github.com/jstemmer/go-junit-report/v2/junit"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
)

// GitLab reads no file beyond these limits.
const (
	junitBytes = 30 << 20
	junitTests = 250_000
)

// JUnit returns the records as JUnit XML that Jenkins's schema accepts: a suite for each kernel, which
// is also the class name of its tests. An absence that is expected passes, and so does an answer of
// which nothing is expected; system-out has the call and the errno. A test is skipped only if it was not
// asked. An infrastructure failure is an error of the boot, not a failure.
func JUnit(records []record.Record) ([]byte, error) { return from(records, writeJUnit) }

func writeJUnit(kernels []judged) ([]byte, error) {
	return limitedJUnit(kernels, junitBytes, junitTests)
}

func limitedJUnit(kernels []judged, size, tests int) ([]byte, error) {
	for _, all := range []bool{true, false} {
		data, n, err := junitOf(kernels, all)
		switch {
		case err != nil:
			return nil, fmt.Errorf("encoding: %w", err)
		case n > tests:
			return nil, fmt.Errorf("it would have %d tests, more than the %d that GitLab reads: choose fewer records", n, tests)
		case len(data) <= size:
			return data, nil
		}
	}
	return nil, fmt.Errorf("it would have more than the %d MiB that GitLab reads: choose fewer records", size>>20)
}

// junitOf returns the XML, and how many tests there are; unless all is set, without the output of
// tests that passed.
func junitOf(kernels []judged, all bool) ([]byte, int, error) {
	suites := junit.Testsuites{Name: "netstrip"}
	for i, k := range kernels {
		r := k.record
		s := junit.Testsuite{Name: k.name, ID: i, Time: inSeconds(seconds(r.Phases.Exit))}
		s.Timestamp = stamp(r.Time)
		property := func(name, value string) {
			if value != "" {
				s.AddProperty(name, report.Escape(value, 8000))
			}
		}
		property("run", r.Run)
		property("kernel", r.Kernel.Version)
		property("kernel key", r.Kernel.Key)
		property("source", r.Kernel.Source)
		property("qemu", r.Machine.QEMU)
		property("accelerator", r.Machine.Accel)
		property("repeat", r.Machine.Command)
		if !all {
			property("left out", "the output of tests that passed, which would be too long")
		}
		for _, t := range k.tests {
			s.AddTestcase(testcase(k, t, all))
		}
		suites.AddSuite(s)
	}
	n := suites.Tests
	suites.Skipped = 0 // the schema does not know it
	var b bytes.Buffer
	b.WriteString(xml.Header)
	err := suites.WriteXML(&b)
	return b.Bytes(), n, err
}

func testcase(k judged, t test, all bool) junit.Testcase {
	c := junit.Testcase{Name: t.name, Classname: k.name, Time: inSeconds(t.took)}
	text := strings.Join(t.evidence, "\n")
	result := &junit.Result{Message: t.words, Data: text}
	switch {
	case t.status == fault && t.name == bootName:
		result.Type = cmp.Or(string(k.record.Outcome), "no verdict")
		c.Error = result
	case t.status == fault, t.status == notAsked:
		result.Data = ""
		c.Skipped = result
	case t.status == missing:
		result.Type = "no answer"
		if t.finding.Verdict == wire.Inconclusive {
			result.Type = "inconclusive"
		}
		c.Error = result
	case t.status == differs:
		result.Type = "differs"
		c.Failure = result
	case all && t.words+text != "":
		c.SystemOut = &junit.Output{Data: strings.TrimSpace(t.words + "\n" + text)}
	}
	return c
}

// inSeconds returns a time as the schema wants it.
func inSeconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
