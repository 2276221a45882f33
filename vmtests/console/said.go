package console

import (
	"bytes"
	"regexp"
	"slices"
)

// maxSaid bounds what is kept of an init's complaints.
const maxSaid = 20

var (
	// spoken is how a program's line begins that came through the kernel's log: systemd[1]:
	spoken = regexp.MustCompile(`^\(?[\w.-]+\)?\[\d+\]: `)
	// complaint are the words by which init systems say that something went wrong.
	complaint = regexp.MustCompile(`(?i)\bfail|\berror|\bcan(?:no|')t\b|\bunable\b|\bnot (?:implemented|supported|found|permitted)\b|\bno such\b|freezing|\binvalid\b|\brefus|timed out`)
	// givesUp is how systemd says that it can do nothing more (src/core/main.c,
	// src/core/crash-handler.c). It says why before.
	givesUp = regexp.MustCompile(`Freezing execution|^\[!!!!!!\] `)
)

// Complaints returns the lines in which user space says that something went wrong, each
// once, without time stamps: what stands after init was started and is not the kernel's.
// The kernel's own complaints are notices of a Log.
func Complaints(log []byte) []string {
	var said []string
	started := false
	for raw := range bytes.SplitSeq(log, []byte("\n")) {
		split(raw, func(l line) {
			started = started || initRun.Match(l.text)
			if !started || l.kernel && !spoken.Match(l.text) || !complaint.Match(l.text) {
				return
			}
			if text := show(l.text); len(said) < maxSaid && !slices.Contains(said, text) {
				said = append(said, text)
			}
		})
	}
	return said
}

// GaveUp returns, of an init's complaints, the one for which it gave up: the last before
// it says that it does; "" where it does not say so.
func GaveUp(said []string) string {
	i := slices.IndexFunc(said, givesUp.MatchString)
	if i <= 0 {
		return ""
	}
	return said[i-1]
}

// mouth keeps what user space said last, so that its complaint is known when it gives up.
type mouth struct {
	lines [8][]byte
	n     int
	cause string
}

// hear takes up a line after init was started.
func (m *mouth) hear(l line) {
	if m.cause != "" || l.kernel && !(bytes.Contains(l.text, []byte("]: ")) && spoken.Match(l.text)) {
		return
	}
	text := l.text[:min(len(l.text), maxText)]
	if !bytes.Contains(text, []byte("Freezing execution")) && !bytes.HasPrefix(text, []byte("[!!!!!!] ")) {
		at := &m.lines[m.n%len(m.lines)]
		*at = append((*at)[:0], text...)
		m.n++
		return
	}
	for i := range min(m.n, len(m.lines)) {
		said := m.lines[(m.n-1-i)%len(m.lines)]
		if complaint.Match(said) {
			m.cause = show(said)
			return
		}
	}
	m.cause = show(text)
}
