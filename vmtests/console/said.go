package console

import (
	"bytes"
	"regexp"
	"slices"
)

// maxSaid bounds the complaints that are kept.
const maxSaid = 20

var (
	// spoken matches the beginning of a program's line that came through the kernel log,
	// such as "systemd[1]: ".
	spoken = regexp.MustCompile(`^\(?[\w.-]+\)?\[\d+\]: `)
	// complaint matches words that init systems use in error messages.
	complaint = regexp.MustCompile(`(?i)\bfail|\berror|\bcan(?:no|')t\b|\bunable\b|\bnot (?:implemented|supported|found|permitted)\b|\bno such\b|freezing|\binvalid\b|\brefus|timed out`)
	// givesUp matches the message with which systemd stops (src/core/main.c,
	// src/core/crash-handler.c). The reason is in an earlier message.
	givesUp = regexp.MustCompile(`Freezing execution|^\[!!!!!!\] `)
)

// Complaints returns the error messages of user space, each once, without time stamps. It starts
// at the start of init and skips kernel messages, which are the notices of a Log.
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

// GaveUp returns the complaint that made init give up: the last one before the message that it
// gives up; "" if there is no such message.
func GaveUp(said []string) string {
	i := slices.IndexFunc(said, givesUp.MatchString)
	if i <= 0 {
		return ""
	}
	return said[i-1]
}

// userLines keeps the last lines of user space, to find the complaint when init gives up.
type userLines struct {
	lines [8][]byte
	n     int
	cause string
}

// add reads a line after the start of init.
func (u *userLines) add(l line) {
	if u.cause != "" || l.kernel && !(bytes.Contains(l.text, []byte("]: ")) && spoken.Match(l.text)) {
		return
	}
	text := l.text[:min(len(l.text), maxText)]
	if !bytes.Contains(text, []byte("Freezing execution")) && !bytes.HasPrefix(text, []byte("[!!!!!!] ")) {
		at := &u.lines[u.n%len(u.lines)]
		*at = append((*at)[:0], text...)
		u.n++
		return
	}
	for i := range min(u.n, len(u.lines)) {
		said := u.lines[(u.n-1-i)%len(u.lines)]
		if complaint.Match(said) {
			u.cause = show(said)
			return
		}
	}
	u.cause = show(text)
}
