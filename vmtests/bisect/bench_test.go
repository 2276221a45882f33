package bisect

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/kbuild/kbuildtest"
	"github.com/netstrip/netstrip/kconfigs/kconf"
	"github.com/netstrip/netstrip/kconfigs/search"
)

// kernels returns the Kconfig code of Debian's source, and a builder.
type kernels struct {
	*kbuild.Builder
	kconfig *kconf.Kconfig
}

func openKernels(tb testing.TB) kernels {
	tb.Helper()
	b, k := kbuildtest.Open(tb, "6.12")
	return kernels{b, k}
}

// world returns the symbols in the final .config of a profile.
func (k kernels) world(tb testing.TB, profile string) *explain.ConfigState {
	tb.Helper()
	p, err := kconfigs.Lookup(profile)
	require.NoError(tb, err)
	req, err := p.Request()
	require.NoError(tb, err)
	w, err := k.ConfigState(tb.Context(), k.kconfig, req)
	require.NoError(tb, err)
	return w
}

// with returns a world with more symbols on.
func (k kernels) with(tb testing.TB, w *explain.ConfigState, symbols ...string) *explain.ConfigState {
	tb.Helper()
	var text strings.Builder
	for _, name := range w.Names() {
		switch s, v := w.Symbol(name), w.Values[name]; {
		case slices.Contains(symbols, name):
			text.WriteString("CONFIG_" + name + "=y\n")
		case v.Value == "y" && v.Written:
			text.WriteString("CONFIG_" + name + "=y\n")
		case s.Type == "bool" || s.Type == "tristate":
			text.WriteString("# CONFIG_" + name + " is not set\n")
		}
	}
	values, err := k.kconfig.Values(tb.Context(), kconf.OldDef, []byte(text.String()))
	require.NoError(tb, err)
	return explain.NewConfigState(w.Tree, values, kconfigs.Request{})
}

// rich returns a world with everything in some directories switched on.
func (k kernels) rich(tb testing.TB, w *explain.ConfigState, dirs ...string) *explain.ConfigState {
	tb.Helper()
	for range 2 { // symbols that become visible in the first round are switched on in the second
		var more []string
		for _, name := range w.Names() {
			s := w.Symbol(name)
			dir, _, _ := strings.Cut(s.Entries[0].File, "/")
			if w.Values[name].Visible == kconf.Yes && w.Values[name].Value == "n" && s.Choice == "" &&
				slices.Contains(dirs, dir) {
				more = append(more, name)
			}
		}
		w = k.with(tb, w, more...)
	}
	return w
}

// tinyNet is tiny with a minimal network.
func (k kernels) tinyNet(tb testing.TB) *explain.ConfigState {
	return k.with(tb, k.world(tb, "tiny"), "NET", "UNIX", "INET", "EXPERT")
}

// pair is two .configs and a simulated failure: a kernel fails if certain symbols all have
// their values of the last end.
type pair struct {
	name        string
	first, last *explain.ConfigState
	culprits    []string
	words       []string // hints of the probe
}

func pairs(tb testing.TB, k kernels) []pair {
	tiny := k.tinyNet(tb)
	rich := k.rich(tb, tiny, "net", "crypto", "fs", "init", "lib", "mm")
	return []pair{
		{"full..no-net", k.world(tb, "full"), k.world(tb, "no-net"), []string{"POSIX_MQUEUE"}, words("kernel/mqueue")},
		{"services..services-no-net", k.world(tb, "services"), k.world(tb, "services-no-net"), []string{"SECCOMP_FILTER"}, words("kernel/seccomp/filter")},
		{"rich..tiny-net", rich, tiny, []string{"POSIX_MQUEUE"}, words("kernel/mqueue")},
		{"rich..tiny-net/no-words", rich, tiny, []string{"POSIX_MQUEUE"}, nil},
		{"tiny-net..rich", tiny, rich, []string{"PACKET", "IPV6"}, words("socket/packet/tcp6")},
		{"tiny-net..rich/no-words", tiny, rich, []string{"PACKET", "IPV6"}, nil},
	}
}

// ours counts the kernels that a search asks, without the ends.
func (p pair) ours(tb testing.TB, k kernels) (kernels int, found []string) {
	tb.Helper()
	d := New(Options{Kconfig: k.kconfig, First: p.first, Last: p.last, Question: Question{words: p.words}})
	asked := map[string]bool{}
	b, err := search.Run(tb.Context(), d.space.Bisect, nil, func(_ context.Context, c search.Candidate, _ func() []search.Candidate) (search.Reply, error) {
		asked[c.Key] = true
		if p.fails(tb, d.space.texts[c.Key]) {
			return search.Reply{Answer: search.Fail}, nil
		}
		return search.Reply{Answer: search.Pass}, nil
	})
	require.NoError(tb, err)
	require.Empty(tb, b.Doubt)
	for _, c := range b.Culprits {
		found = append(found, c.Changes...)
	}
	return len(asked) - 2, found
}

// fails reports whether a kernel with this .config fails.
func (p pair) fails(tb testing.TB, text []byte) bool {
	tb.Helper()
	c, err := kconfigs.ParseConfig(text)
	require.NoError(tb, err)
	return !slices.ContainsFunc(p.culprits, func(name string) bool { return c.Value(name) != p.last.Values[name].Value })
}

// theirs counts the kernels that the kernel's own config-bisect.pl tests, and returns its
// final result.
func (p pair) theirs(tb testing.TB, k kernels) (kernels int, left []string) {
	tb.Helper()
	dir := tb.TempDir()
	d := New(Options{Kconfig: k.kconfig, First: p.first, Last: p.last})
	for name, set := range map[string][]string{"good": nil, "bad": d.space.Changes} {
		key, _, err := d.space.settle(tb.Context(), set)
		require.NoError(tb, err)
		require.NoError(tb, os.WriteFile(filepath.Join(dir, name), d.space.texts[key], 0o644))
	}
	tree, err := k.Source.Tree(tb.Context())
	require.NoError(tb, err)
	build := filepath.Join(dir, "build")
	require.NoError(tb, os.Mkdir(build, 0o755))
	bin := k.fakeMake(tb, dir, filepath.Join(build, ".config"))
	for verdict := ""; ; kernels++ {
		args := []string{filepath.Join(tree, "tools/testing/ktest/config-bisect.pl"), "-l", tree, "-b", build, filepath.Join(dir, "good"), filepath.Join(dir, "bad")}
		if verdict != "" {
			args = append(args, verdict)
		}
		cmd := exec.Command("perl", args...)
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 2 {
			_, end, _ := strings.Cut(string(out), "Difference between good (+) and bad (-)")
			for line := range strings.Lines(end) {
				if name, _, _ := strings.Cut(strings.Trim(line, "+- \n"), "="); name != "" && !strings.ContainsAny(name, ":%") {
					name, _, _ = strings.Cut(name, " ")
					left = append(left, name)
				}
			}
			return kernels, left
		}
		require.NoError(tb, err, "%s", out)
		config, err := os.ReadFile(filepath.Join(build, ".config"))
		require.NoError(tb, err)
		verdict = map[bool]string{true: "bad", false: "good"}[p.fails(tb, config)]
	}
}

// fakeMake creates a make in a directory that does the work of make olddefconfig in a fiftieth
// of the time, with a program that reads the Kconfig files only once.
func (k kernels) fakeMake(tb testing.TB, dir, config string) string {
	tb.Helper()
	bin := filepath.Join(dir, "bin")
	program := filepath.Join(bin, "make")
	require.NoError(tb, os.Mkdir(bin, 0o755))
	require.NoError(tb, os.WriteFile(program, []byte("#!/bin/sh\necho \"$2\" > \"$0.ask\" && read -r ok < \"$0.done\"\n"), 0o755))
	for _, fifo := range []string{".ask", ".done"} {
		require.NoError(tb, unix.Mkfifo(program+fifo, 0o600))
	}
	settle := func() error {
		target, err := os.ReadFile(program + ".ask") // waits for it
		if err != nil || string(target) != "olddefconfig\n" {
			return errors.Join(err, fmt.Errorf("asked to make %q", target))
		}
		text, err := os.ReadFile(config)
		if err != nil {
			return err
		}
		if text, err = k.kconfig.Settle(tb.Context(), kconf.OldDef, text); err != nil {
			return err
		}
		return os.WriteFile(config, text, 0o644)
	}
	go func() {
		for {
			answer := "ok\n"
			if err := settle(); err != nil {
				answer = "" // make fails
			}
			if os.WriteFile(program+".done", []byte(answer), 0o600) != nil {
				return // the test is over
			}
		}
	}()
	return bin
}

// BenchmarkBisect finds the same culprits between the same .configs with netstrip and with
// the kernel's config-bisect.pl, and reports how many kernels each needs. Failures are
// simulated from .configs, so none is built. The target is a ratio of at most 0.5 if the
// probe's name is a hint.
func BenchmarkBisect(b *testing.B) {
	k := openKernels(b)
	for _, p := range pairs(b, k) {
		b.Run(p.name, func(b *testing.B) {
			for b.Loop() {
				d := New(Options{Kconfig: k.kconfig, First: p.first, Last: p.last})
				ours, found := p.ours(b, k)
				theirs, left := p.theirs(b, k)
				b.Logf("%d symbols differ; %v broke it; netstrip found %v with %d kernels, config-bisect.pl was left with %v after %d",
					len(d.space.delta.Changes), p.culprits, found, ours, left, theirs)
				b.ReportMetric(float64(ours), "kernels")
				b.ReportMetric(float64(theirs), "config-bisect-kernels")
				b.ReportMetric(float64(ours)/float64(theirs), "ratio")
				b.ReportMetric(0, "ns/op")
			}
		})
	}
}
