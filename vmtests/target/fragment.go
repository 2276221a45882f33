package target

import (
	"errors"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/ref"
	"github.com/netstrip/netstrip/kconfigs/usage"
)

// With adds fragments to the name of a kernel: full and mine.config make full+mine.config.
func With(kernel string, fragments ...string) (string, error) {
	if len(fragments) == 0 {
		return kernel, nil
	}
	if base, _ := splitFragments(kernel); !known(base) {
		return "", usage.Errorf("--fragment adds to profiles and .configs, and %s is neither", kernel)
	}
	return ref.Ref{Base: kernel, Added: fragments}.String(), nil
}

// Both adds fragments to the names of two kernels. If second is empty, it becomes first with the
// fragments, and first stays as it is.
func Both(first, second string, fragments ...string) (string, string, error) {
	more, err := With(first, fragments...)
	if err != nil || second == "" && len(fragments) > 0 {
		return first, more, err
	}
	if second != "" {
		second, err = With(second, fragments...)
	}
	return more, second, err
}

// Plain returns the form of a kernel's name in the names of records: full+mine for
// full+dir/mine.config.
func Plain(name string) string {
	kernel, files := splitFragments(name)
	parts := append([]string{kernel}, files...)
	for i, part := range parts {
		parts[i] = strings.TrimSuffix(part[strings.LastIndex(part, "/")+1:], ".config")
	}
	return ref.Ref{Base: parts[0], Added: parts[1:]}.String()
}

// known reports whether name is a profile or a file.
func known(name string) bool {
	_, err := kconfigs.Lookup(name)
	return err == nil || isFile(name)
}

// splitFragments splits KERNEL+FILE or KERNEL+FILE+FILE. The name of a profile or file may itself
// contain a +.
func splitFragments(arg string) (kernel string, files []string) {
	if known(arg) {
		return arg, nil
	}
	for i := strings.LastIndex(arg, "+"); i > 0; i = strings.LastIndex(arg[:i], "+") {
		if rest := arg[i+1:]; known(arg[:i]) && (strings.ContainsAny(rest, "/.") || isFile(rest)) {
			return arg[:i], fragmentFiles(rest)
		}
	}
	return arg, nil
}

// fragmentFiles splits FILE+FILE.
func fragmentFiles(list string) []string {
	var files []string
	file := ""
	for part := range strings.SplitSeq(list, "+") {
		if file += part; isFile(file) {
			files, file = append(files, file), ""
		} else {
			file += "+"
		}
	}
	if file != "" {
		files = append(files, strings.TrimSuffix(file, "+")) // it does not exist; reading it fails
	}
	return files
}

// readFragments reads files, and returns the flags that name them to build. The error lists
// everything wrong with them.
func readFragments(files []string) (all []kconfigs.Fragment, flags string, err error) {
	for _, file := range files {
		f, wrong := kconfigs.ReadFragment(file)
		all, err = append(all, f), errors.Join(err, wrong)
		flags += " --fragment " + process.Quote(file)
	}
	return all, flags, err
}
