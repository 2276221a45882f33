package job

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Words returns the command of a line: its words or, if it has a character that a shell treats in
// another way, a shell that runs it.
func Words(line string) []string {
	words := strings.Fields(line)
	if len(words) == 0 || strings.ContainsAny(line, "'\"\\$`&|;<>()*?[]{}~!#\n") || strings.Contains(words[0], "=") {
		return []string{"/bin/sh", "-c", line}
	}
	return words
}

// shells are the names of shells whose scripts are read for commands.
var shells = []string{"sh", "bash", "dash", "ash", "ksh"}

// maxScript bounds the script that is read, in bytes.
const maxScript = 64 << 10

// starts finds the words of a shell script that may be commands: the first of a line, of a part of a
// pipeline or list, and those behind words that begin a command.
var starts = regexp.MustCompile("(?m)(?:^|[|;&(`{]|\\b(?:then|do|else|elif|if|while|until|exec|time|env|nohup|xargs|sudo)[ \\t]|![ \\t])[ \\t]*([A-Za-z0-9_./+-]+)")

// commands adds the programs that a shell script starts, as far as they can be seen in it. A word
// that is no program of this machine is not one of the script's either, or its own business.
func (p *packing) commands(script string) {
	for _, m := range starts.FindAllStringSubmatch(script, -1) {
		path := m[1]
		if strings.Contains(path, "/") {
			path = p.path(path)
		} else if found, err := p.LookPath(path); err == nil {
			path = found
		} else {
			continue
		}
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			_ = p.Program(path) // the script may not get there
		}
	}
}

// scripts adds the programs that the shell scripts of the command start: the program itself, the
// files among the arguments of a shell, and the text behind its -c.
func (p *packing) scripts() {
	shell := slices.Contains(shells, filepath.Base(p.Command[0]))
	for i, arg := range p.Command {
		switch {
		case i > 0 && shell && p.Command[i-1] == "-c":
			p.commands(arg)
		case i == 0 || shell:
			if text, ok := shellScript(p.path(arg), i > 0); ok {
				p.commands(text)
			}
		}
	}
}

// shellScript returns the text of a file that is a shell script: its first line says so, or it is
// given to a shell.
func shellScript(path string, given bool) (string, bool) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxScript {
		return "", false
	}
	text, err := os.ReadFile(path)
	if err != nil || strings.Contains(string(text), "\x00") {
		return "", false
	}
	first, _, _ := strings.Cut(string(text), "\n")
	rest, interpreted := strings.CutPrefix(first, "#!")
	if !interpreted {
		return string(text), given
	}
	for _, word := range strings.Fields(rest) {
		if slices.Contains(shells, filepath.Base(word)) {
			return string(text), true
		}
	}
	return "", false
}
