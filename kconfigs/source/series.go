package source

import (
	_ "embed"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/netstrip/netstrip/kconfigs/file"
)

//go:embed series.yaml
var seriesFile []byte

// table is what is known about kernel series.
type table struct {
	Usual  string
	Debian debian
	Pinned map[string]pin
}

// pin is a release of the kernel.
type pin struct {
	URL    string
	SHA256 string
}

// known is the embedded table. A test ensures that it can be read.
var known = sync.OnceValue(func() table {
	t, err := parseTable(seriesFile)
	if err != nil {
		panic(err)
	}
	return t
})

func parseTable(data []byte) (table, error) {
	var t table
	if err := file.YAML(data, &t); err != nil {
		return table{}, fmt.Errorf("parsing the kernel series: %w", err)
	}
	return t, nil
}

// Usual returns the kernel series that is used if none is named, such as 6.12.
func Usual() string { return known().Usual }

// Known returns the series that are installed or have a pinned release, from the oldest to the
// newest. Debian's archive may have others.
func Known() []string {
	all := slices.Collect(maps.Keys(known().Pinned))
	installed, _ := filepath.Glob(filepath.Join(debianDir, "linux-source-*.tar.xz")) // fails only for a bad pattern
	for _, path := range installed {
		all = append(all, seriesOf(path))
	}
	return InOrder(append(all, Usual()))
}

// InOrder returns the kernel series among names from the oldest to the newest, each once.
func InOrder(names []string) []string {
	all := slices.DeleteFunc(slices.Clone(names), func(s string) bool { return !isSeries(s) })
	slices.SortFunc(all, func(a, b string) int { return slices.Compare(numbers(a), numbers(b)) })
	return slices.Compact(all)
}

var isSeries = regexp.MustCompile(`^[0-9]+\.[0-9]+$`).MatchString

func numbers(series string) (all []int) {
	for n := range strings.SplitSeq(series, ".") {
		i, _ := strconv.Atoi(n)
		all = append(all, i)
	}
	return all
}

// seriesOf returns the series in the name of a kernel's source, or empty.
func seriesOf(name string) string {
	if m := regexp.MustCompile(`linux-(?:source-)?(\d+\.\d+)`).FindStringSubmatch(name); m != nil {
		return m[1]
	}
	return ""
}
