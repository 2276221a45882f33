package bisect

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// largest is the size in bytes up to which a file that a command names is read; a larger one,
// such as a disk image, is identified by size and time.
const largest = 64 << 20

// contents returns what the answers of a command depend on apart from its text: hashes of the
// programs and files that it names. What those read in turn is unknown.
func contents(line string) (string, error) {
	words := commandWords(line)
	dirs := []string{""}
	for _, word := range words {
		if info, err := os.Stat(word); err == nil && info.IsDir() {
			dirs = append(dirs, word) // cd DIR && ./test.sh
		}
	}
	var all []string
	add := func(path string) error {
		said, err := content(path)
		if errors.Is(err, fs.ErrPermission) {
			said, err = path+" cannot be read", nil
		}
		if said != "" && !slices.Contains(all, said) {
			all = append(all, said)
		}
		return err
	}
	for _, word := range words {
		var paths []string
		for _, dir := range dirs {
			paths = append(paths, filepath.Join(dir, word))
		}
		if !strings.Contains(word, "/") {
			if path, err := exec.LookPath(word); err == nil {
				paths = append(paths, path)
			}
		}
		for _, path := range paths {
			if err := add(path); err != nil {
				return "", fmt.Errorf("reading what %q runs: %w", line, err)
			}
		}
	}
	return strings.Join(all, "\n"), nil
}

// content returns the path and hash of a file; "" if there is none.
func content(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return "", nil
	}
	if info.Size() > largest {
		return fmt.Sprintf("%s of %d bytes, %s", path, info.Size(), info.ModTime()), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	d := sha256.New()
	if _, err := io.Copy(d, io.LimitReader(f, largest)); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %x", path, d.Sum(nil)), nil
}

// commandWords returns the words of a shell command without quotes, and those in quoted words,
// as for sh -c. It omits the file after a >, which is not read.
func commandWords(line string) []string {
	var all []string
	var word strings.Builder
	quote, escaped, output := rune(0), false, false
	end := func() {
		text := word.String()
		word.Reset()
		if text == "" {
			return
		}
		if !output {
			if home, err := os.UserHomeDir(); err == nil && strings.HasPrefix(text, "~/") {
				text = home + text[1:]
			}
			all = append(all, os.ExpandEnv(text))
			if strings.ContainsAny(text, " ;&|") {
				all = append(all, commandWords(text)...)
			}
		}
		output = false
	}
	for _, r := range line {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped = true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '"' || r == '\'':
			quote = r
		case r == '>':
			end()
			output = true
		case strings.ContainsRune(" \t\n;&|()<=`", r):
			end()
		default:
			word.WriteRune(r)
		}
	}
	end()
	return all
}
