package main

import (
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/ref"
	"github.com/spf13/cobra"
)

// addFragments adds --fragment to a command whose kernels are named one by one.
func (f *flags) addFragments(c *cobra.Command, about string) {
	c.Flags().StringArrayVar(&f.fragments, "fragment", nil, "`FILE` of Kconfig lines to add to "+about+"; repeatable")
}

// withFragments adds the fragments to the name of a kernel: full with mine.config is
// full+mine.config, which may also be given as such.
func (f *flags) withFragments(kernel string) (string, error) {
	if len(f.fragments) == 0 {
		return kernel, nil
	}
	base, _ := splitFragments(kernel)
	if _, err := kconfigs.Lookup(base); err != nil && !isFile(base) {
		return "", usagef("--fragment adds to profiles and .configs, and %s is neither", kernel)
	}
	return ref.Ref{Base: kernel, Added: f.fragments}.String(), nil
}

// onBoth adds the fragments to two kernels; where the second is not given it is the first
// with them.
func (f *flags) onBoth(first, second string) (string, string, error) {
	more, err := f.withFragments(first)
	if err != nil || second == "" && len(f.fragments) > 0 {
		return first, more, err
	}
	if second != "" {
		second, err = f.withFragments(second)
	}
	return more, second, err
}

// splitFragments takes the name of a kernel with fragments, KERNEL+FILE or KERNEL+FILE+FILE,
// apart. A profile or a file may have a + in its own name.
func splitFragments(arg string) (kernel string, files []string) {
	known := func(name string) bool {
		_, err := kconfigs.Lookup(name)
		return err == nil || isFile(name)
	}
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
