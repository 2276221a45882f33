package docs

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/vmtests/expect"
	"github.com/netstrip/netstrip/vmtests/table"
)

// explanation says why answers differ between two sets of expectations: an entry of differences.yaml.
type explanation struct {
	Between          []string
	Probes, Profiles []string
	Because          string
}

// difference is two answers of a probe that differ between two sets, and the profiles where they do.
type difference struct {
	probe, before, after string
	profiles             []string
}

// explains reports whether the explanation matches a difference on one of its profiles.
func (e explanation) explains(probe, profile string) bool {
	matches := func(patterns []string, name string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool {
			ok, err := path.Match(p, name)
			return ok && err == nil
		})
	}
	return matches(e.Probes, probe) && (e.Profiles == nil || matches(e.Profiles, profile))
}

func explanations(t *testing.T) (all []explanation) {
	t.Helper()
	data, err := os.ReadFile("differences.yaml")
	require.NoError(t, err)
	require.NoError(t, file.YAML(data, &all))
	return all
}

// sets returns the sets of expectations: those of x86_64 by series, followed by the others.
func sets(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(kept)
	require.NoError(t, err)
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	slices.SortFunc(all, func(a, b string) int {
		x, y := parts(a), parts(b)
		return cmp.Or(cmp.Compare(x.arch, y.arch), x.major-y.major, x.minor-y.minor)
	})
	return all
}

type setName struct {
	major, minor int
	arch         string
}

func parts(set string) (s setName) {
	series, arch, _ := strings.Cut(set, "-")
	s.arch = arch
	_, _ = fmt.Sscanf(series, "%d.%d", &s.major, &s.minor)
	return s
}

// pairs returns the sets that the page compares: each series of x86_64 with the one before it, and each
// other architecture with x86_64, on the same series.
func pairs(t *testing.T) (all [][2]string) {
	t.Helper()
	before := ""
	for _, set := range sets(t) {
		name, arch, _ := strings.Cut(set, "-")
		switch {
		case arch != "":
			all = append(all, [2]string{name, set})
		case before != "":
			all = append(all, [2]string{before, set})
		}
		if arch == "" {
			before = set
		}
	}
	return all
}

// expectations returns the expectations of a set by name, each with its answers by probe.
func expectations(t *testing.T, set string) map[string]map[string]string {
	t.Helper()
	all := map[string]map[string]string{}
	dir := filepath.Join(kept, set)
	for _, pattern := range []string{"*.txt", "*/*.txt"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		require.NoError(t, err)
		for _, f := range files {
			name, err := filepath.Rel(dir, strings.TrimSuffix(f, ".txt"))
			require.NoError(t, err)
			name = filepath.ToSlash(name)
			findings, err := expect.Expected(set, name)
			require.NoError(t, err)
			all[name] = map[string]string{"outcome": outcome(t, set, name)}
			for _, f := range findings {
				all[name][f.ID] = shown(f)
			}
		}
	}
	return all
}

// shown returns an answer as the page shows it: errno, value and call, or works.
func shown(f wire.Finding) string {
	said := cmp.Or(f.Errno, string(f.Verdict))
	if f.Errno != "" && f.Verdict == wire.Works {
		said = "works, " + f.Errno
	}
	if f.Value != "" {
		said += ", " + f.Value
	}
	if f.Call != "" {
		said += " (" + f.Call + ")"
	}
	return said
}

// differences returns the differences between two sets, on the profiles that both have, and the
// number of answers that were compared. Applications that were not run on both are not compared.
func differences(t *testing.T, a, b string) (all []difference, profiles []string, answers int) {
	t.Helper()
	before, after := expectations(t, a), expectations(t, b)
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if after[name] == nil {
			continue
		}
		p := strings.TrimPrefix(name, wire.PerfFamily+"/")
		if !slices.Contains(profiles, p) {
			profiles = append(profiles, p)
		}
		for _, id := range slices.Sorted(maps.Keys(union(before[name], after[name]))) {
			x, y := before[name][id], after[name][id]
			if strings.HasPrefix(id, wire.AppFamily+"/") && (x == "" || y == "") {
				continue
			}
			if answers++; x == y {
				continue
			}
			i := slices.IndexFunc(all, func(d difference) bool { return d.probe == id && d.before == x && d.after == y })
			if i < 0 {
				i, all = len(all), append(all, difference{probe: id, before: x, after: y})
			}
			all[i].profiles = append(all[i].profiles, p)
		}
	}
	slices.SortStableFunc(all, func(a, b difference) int { return cmp.Compare(a.probe, b.probe) })
	return all, profiles, answers
}

func union(a, b map[string]string) map[string]string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// seriesTables returns the overview, and a section for each pair of sets, by explanation.
func seriesTables(t *testing.T) []any {
	why := explanations(t)
	var overview, sections strings.Builder
	for _, pair := range pairs(t) {
		all, profiles, answers := differences(t, pair[0], pair[1])
		n := 0
		for _, d := range all {
			n += len(d.profiles)
		}
		fmt.Fprintf(&overview, "| %s | %s | %d | %d | %d |\n", pair[0], pair[1], len(profiles), answers, n)
		fmt.Fprintf(&sections, "## %s and %s\n\n", pair[0], pair[1])
		if n == 0 {
			sections.WriteString("All answers agree.\n\n")
		}
		for _, e := range why {
			if rows := e.rows(all); slices.Equal(e.Between, pair[:]) && rows != "" {
				fmt.Fprintf(&sections, "%s\n\n| probe | on %s | on %s | kernels |\n|---|---|---|---|\n%s\n", table.Markdown(strings.TrimSpace(e.Because)), pair[0], pair[1], rows)
			}
		}
	}
	return []any{overview.String(), strings.TrimRight(sections.String(), "\n") + "\n"}
}

// rows returns the differences that the explanation matches as rows of a table.
func (e explanation) rows(all []difference) string {
	var b strings.Builder
	for _, d := range all {
		on := slices.DeleteFunc(slices.Clone(d.profiles), func(p string) bool { return !e.explains(d.probe, p) })
		if len(on) > 0 {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", d.probe, table.Markdown(cmp.Or(d.before, "-")), table.Markdown(cmp.Or(d.after, "-")), strings.Join(on, ", "))
		}
	}
	return b.String()
}

// Every difference has one explanation, which cites the kernel, and every explanation a difference.
func TestDifferencesAreExplained(t *testing.T) {
	cited := regexp.MustCompile(`\([^)]*\b[\w/.-]+:[0-9]+[^)]*\)`)
	why := explanations(t)
	used := map[int]bool{}
	for _, pair := range pairs(t) {
		all, _, _ := differences(t, pair[0], pair[1])
		for _, d := range all {
			for _, p := range d.profiles {
				var by []int
				for i, e := range why {
					if slices.Equal(e.Between, pair[:]) && e.explains(d.probe, p) {
						by = append(by, i)
						used[i] = true
					}
				}
				assert.Len(t, by, 1, "explanations of %s on %s: %s on %s, %s on %s", d.probe, p, d.before, pair[0], d.after, pair[1])
			}
		}
	}
	for i, e := range why {
		assert.True(t, used[i], "an explanation of no difference: %v %v %v", e.Between, e.Probes, e.Profiles)
		assert.Regexp(t, cited, e.Because, "it names no line of the kernel")
		for _, p := range slices.Concat(e.Probes, e.Profiles) {
			_, err := path.Match(p, "")
			assert.NoError(t, err, p)
		}
	}
}
