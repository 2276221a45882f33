package target

import (
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/ref"
	"github.com/netstrip/netstrip/kconfigs/usage"
)

// With adds fragments to the name of a kernel: full with mine.config is full+mine.config,
// which is a name too.
func With(kernel string, fragments ...string) (string, error) {
	if len(fragments) == 0 {
		return kernel, nil
	}
	if base, _ := splitFragments(kernel); !known(base) {
		return "", usage.Errorf("--fragment adds to profiles and .configs, and %s is neither", kernel)
	}
	return ref.Ref{Base: kernel, Added: fragments}.String(), nil
}

// Both adds fragments to two kernels; an empty second is the first with them.
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

// Plain returns what stands for a kernel in the names of records: full+mine for
// full+dir/mine.config.
func Plain(name string) string {
	kernel, files := splitFragments(name)
	parts := append([]string{kernel}, files...)
	for i, part := range parts {
		parts[i] = strings.TrimSuffix(part[strings.LastIndex(part, "/")+1:], ".config")
	}
	return ref.Ref{Base: parts[0], Added: parts[1:]}.String()
}

// known reports whether a name is that of a profile or a file.
func known(name string) bool {
	_, err := kconfigs.Lookup(name)
	return err == nil || isFile(name)
}

// splitFragments takes the name of a kernel with fragments, KERNEL+FILE or KERNEL+FILE+FILE,
// apart. A profile or a file may have a + in its own name.
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

// fragmentFiles takes a list of files apart.
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
		files = append(files, strings.TrimSuffix(file, "+")) // which is not there: reading it says so
	}
	return files
}

// readFragments reads the files of a kernel's name, and gives the flags that name them to
// build.
func readFragments(files []string) (all []kconfigs.Fragment, flags string, err error) {
	for _, file := range files {
		f, err := kconfigs.ReadFragment(file)
		if err != nil {
			return nil, "", err
		}
		all = append(all, f)
		flags += " --fragment " + process.Quote(file)
	}
	return all, flags, nil
}
