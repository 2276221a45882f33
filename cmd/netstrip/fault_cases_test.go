package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/source"
	"github.com/netstrip/netstrip/vmtests/record"
)

func allFaults() []fault {
	var whole []byte
	all := []fault{
		{"the disk is full when a record is written", "exit 3", smallResults, func(t *testing.T, p *place, n int) {
			noRoom(t, p, filepath.Dir(p.results), int64(1+n%4)<<12, "storing the record ")
		}},
		{"the disk is full when a console log is written", "exit 3", smallLogs, func(t *testing.T, p *place, n int) {
			noRoom(t, p, filepath.Join(filepath.Dir(p.results), "console"), int64(n%6)<<12, "keeping the console log: ")
		}},
		{"the results file is cut in a line", "exit 0", func(t *testing.T, p *place) { whole = wholeRun(t, p) },
			func(t *testing.T, p *place, _ int) { cutInALine(t, p, whole) }},
		{"the results directory is removed during a run", "exit 3", nil, func(t *testing.T, p *place, _ int) {
			changed(t, p, "was removed during", func(dir string) error { return os.RemoveAll(dir) })
			assert.NoDirExists(t, filepath.Dir(p.results), "it is not made anew")
		}},
		{"the results file is replaced during a run", "exit 3", nil, func(t *testing.T, p *place, _ int) {
			changed(t, p, "was replaced during", func(string) error {
				_ = os.Rename(p.results, p.results+".old") // what follows finds out
				return os.WriteFile(p.results, nil, 0o644)
			})
		}},
		{"a list of probes that ends its kernel parameter", "exit 2", nil, func(t *testing.T, p *place, n int) {
			oneLine(t, p.run("no-net", "--probes", "kernel/[p"+[]string{"\v", "\n", " ", "\""}[n%4]+"init=/x]ipe").exits(t, 2), "want printable ASCII")
		}},
		{"a plan with such a list", "exit 2", nil, planOfOthers},
		{"an application's file has a second document", "exit 2", nil, func(t *testing.T, p *place, _ int) {
			oneLine(t, p.declared(t, ownApp+"---\n"+ownApp).exits(t, 2), "mine.yaml:8: a second document starts here")
		}},
		{"an application's file has 200,000 ways", "exit 2", nil, func(t *testing.T, p *place, _ int) {
			start := time.Now()
			oneLine(t, p.declared(t, ownApp+strings.Repeat("  none: {ask: {run: a}, expect: y, seconds: 5}\n", 200_000)).exits(t, 2), "the file exceeds the limit of 1048576 bytes")
			assert.Less(t, time.Since(start), 10*time.Second)
		}},
		{"two netstrips run at once on one cache", "exit 0", nil, twoRun},
		{"two netstrips build one kernel at once", "exit 0", fakeTree, twoBuild},
	}
	all = append(append(all, boots()...), files()...)
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		name := unix.SignalName(s) + " at any moment of a "
		outcome := fmt.Sprintf("exit %d", 128+int(s))
		all = append(all,
			fault{name + "run", outcome, func(t *testing.T, p *place) { p.time(t, (*place).two) }, func(t *testing.T, p *place, n int) {
				p.ends(t, p.two(), s, n, "run --resume")
				p.resumed(t)
			}},
			fault{name + "build", outcome, fakeTree, func(t *testing.T, p *place, n int) {
				p.unbuild(t)
				p.ends(t, p.build(), s, n, "")
				p.build().exits(t, 0)
			}})
	}
	return all
}

// ownApp declares an application.
const ownApp = "name: mine\npackages: [pk]\nways:\n  unix:\n    ask: {run: ask}\n    expect: y\n    seconds: 5\n"

// declared is netstrip apps with an application of such a declaration.
func (p *place) declared(t *testing.T, text string) *netstrip {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "mine.yaml"), []byte(text), 0o644))
	return p.netstrip("apps", "--quiet", "--dir", dir, "--app", "mine", "--profile", "no-net", "--results", p.results)
}

// planOfOthers resumes a run whose plan asks for probes by a list that no netstrip wrote.
func planOfOthers(t *testing.T, p *place, _ int) {
	p.run("no-net").exits(t, 0)
	data, err := os.ReadFile(p.results)
	require.NoError(t, err)
	plan, _, _ := strings.Cut(string(data), "\n")
	bad := strings.Replace(plan, `"boots":`, `"probes":"lo/*\u000binit=/x","boots":`, 1)
	require.NotEqual(t, plan, bad)
	require.NoError(t, os.WriteFile(p.results, []byte(bad+"\n"), 0o644))
	oneLine(t, p.run("--resume").exits(t, 2), "want printable ASCII")
}

func (p *place) time(t *testing.T, of func(*place) *netstrip) {
	start := time.Now()
	of(p).exits(t, 0)
	p.took = time.Since(start)
}

// ends sends a netstrip a signal, and holds to its end being that of one so ended, or
// of one that had ended already. Before it can catch signals it dies of them.
func (p *place) ends(t *testing.T, n *netstrip, s syscall.Signal, try int, hint string) {
	t.Helper()
	n.start(t)
	moment := p.moment(try)
	<-time.After(moment)
	_ = n.Process.Signal(s) // it may have ended
	_ = n.Wait()
	p.over(t, n)
	status := n.ProcessState.Sys().(syscall.WaitStatus)
	t.Logf("after %v of %v: %v; %d boots told of", moment.Round(time.Millisecond), p.took.Round(time.Millisecond), n.ProcessState, p.told)
	switch {
	case status.Signaled():
		assert.Equal(t, s, status.Signal())
	case status.ExitStatus() != 0:
		assert.Equal(t, 128+int(s), status.ExitStatus())
		assert.Contains(t, n.lastLine(), "netstrip: interrupted by "+unix.SignalName(s))
		assert.Contains(t, n.lastLine(), hint)
	default:
		p.took = min(p.took, moment) // it was measured while the machine was busier
	}
}

// smallResults puts the results on a small disk, and not the console logs; smallLogs the
// other way round.
func smallResults(t *testing.T, p *place) {
	dir := filepath.Dir(p.results)
	mount(t, dir, "64k")
	require.NoError(t, os.Symlink(t.TempDir(), filepath.Join(dir, "console")))
}

func smallLogs(t *testing.T, p *place) {
	mount(t, filepath.Join(filepath.Dir(p.results), "console"), "64k")
}

// noRoom runs with so little room on a disk that one of two boots is not recorded, and
// goes on with more.
func noRoom(t *testing.T, p *place, dir string, room int64, why string) {
	fill(t, dir, room)
	n := p.two()
	n.start(t)
	code := n.ended(t)
	p.over(t, n)
	assert.Equal(t, 3, code)
	assert.Contains(t, n.lastLine(), why)
	assert.Contains(t, n.lastLine(), "no space left on device")
	t.Logf("with %d bytes left: %d boots told of", room, p.told)
	require.NoError(t, os.Remove(filepath.Join(dir, "ballast")))
	p.resumed(t)
	made, err := filepath.Glob(dir + "/*.*") // of a small disk
	require.NoError(t, err)
	for _, path := range made {
		require.NoError(t, os.Remove(path))
	}
}

// wholeRun returns the results of a run.
func wholeRun(t *testing.T, p *place) []byte {
	p.two().exits(t, 0)
	data, err := os.ReadFile(p.results)
	require.NoError(t, err)
	return data
}

// cutInALine leaves of whole results some lines and a part of the next: every record
// before it can be had, the line is named, and what is missing comes after it.
func cutInALine(t *testing.T, p *place, whole []byte) {
	lines := bytes.SplitAfter(bytes.TrimSpace(whole), []byte("\n"))
	intact := 1 + rand.IntN(len(lines)-1) // the plan among them
	part := lines[intact]
	data := append(bytes.Join(lines[:intact], nil), part[:1+rand.IntN(len(part)-2)]...)
	require.NoError(t, os.WriteFile(p.results, data, 0o644))
	n := p.run("--resume").exits(t, 0)
	damage := fmt.Sprintf("%s:%d: ", p.results, intact+1)
	assert.Equal(t, "netstrip: "+damage+"skipped: not a record: truncated, or not JSON\n", n.stderr.String())

	p.told = len(lines) - 1
	p.over(t)
	require.Len(t, p.lost, 1)
	assert.Contains(t, p.lost[0], damage)
	p.lost = nil // it was cut, and not lost
	records, _ := p.whole(t)
	after, err := os.ReadFile(p.results)
	require.NoError(t, err)
	assert.Len(t, records, 2)
	assert.True(t, bytes.HasPrefix(after, append(data, '\n')), "what was there stays as it was")
}

// changed makes a change to the results while the first boot is under way.
func changed(t *testing.T, p *place, want string, change func(dir string) error) {
	n := p.two()
	n.start(t)
	when(t, "a boot", p.booting)
	require.NoError(t, change(filepath.Dir(p.results)))
	code := n.ended(t)
	p.over(t, n)
	assert.Equal(t, 3, code)
	assert.Contains(t, n.lastLine(), want+" the run")
}

func (p *place) booting() bool {
	return strings.Contains(strings.Join(p.running(), "\n"), "qemu-system")
}

// twoRun has two runs under way that both want the image built.
func twoRun(t *testing.T, p *place, _ int) {
	require.NoError(t, os.RemoveAll(filepath.Join(p.cache, "initramfs")))
	both := []*netstrip{p.two(), p.two()}
	for _, n := range both {
		n.start(t)
	}
	for _, n := range both {
		assert.Zero(t, n.ended(t), n.stderr.String())
	}
	p.over(t, both...)
	runs := record.ByRun(p.kept(t))
	require.Len(t, runs, 2)
	for _, run := range runs {
		assert.Len(t, run, 2)
		assert.Equal(t, record.Completed, run[0].Outcome)
	}
}

// fakeTree makes a kernel tree that is built in a second, in which a compiler has a
// temporary file, and a cache without a kernel. Its Kconfig code and files are those of the
// real source.
func fakeTree(t *testing.T, p *place) {
	tree := filepath.Join(t.TempDir(), "tree")
	require.NoError(t, os.CopyFS(tree, os.DirFS("../../kconfigs/kbuild/testdata/tree")))
	user, err := cache.Open("")
	require.NoError(t, err)
	source, err := source.Open(t.Context(), source.Options{Cache: user})
	require.NoError(t, err)
	real, err := source.Tree(t.Context())
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(filepath.Join(tree, "scripts")))
	require.NoError(t, os.Symlink(filepath.Join(real, "scripts"), filepath.Join(tree, "scripts")))
	add(t, filepath.Join(tree, "Makefile"), "bzImage: slow\nslow:\n\t@f=$$(mktemp -t ccXXXXXX.s); sleep 0.5; rm $$f\n"+
		"listnewconfig config:\n\t@$(MAKE) -C "+real+" $@\n")
	p.cache = filepath.Join(t.TempDir(), "cache")
	p.env = append(p.env, "NETSTRIP_SOURCE="+tree)
	p.build().exits(t, 0) // which compiles the Kconfig code, once
	p.unbuild(t)
	p.time(t, (*place).build)
}

func add(t *testing.T, path, text string) {
	t.Helper()
	old, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append(old, text...), 0o644))
}

func (p *place) build() *netstrip { return p.netstrip("build", "--quiet", "no-net") }

// unbuild takes the kernel out of the cache, and leaves the object tree.
func (p *place) unbuild(t *testing.T) {
	for _, kind := range []string{"kernel", "kernel-index"} {
		require.NoError(t, os.RemoveAll(filepath.Join(p.cache, kind)))
	}
}

// twoBuild has two builds under way of one kernel: it is built once.
func twoBuild(t *testing.T, p *place, _ int) {
	p.unbuild(t)
	before := p.builds(t)
	both := []*netstrip{p.build(), p.build()}
	for _, n := range both {
		n.start(t)
	}
	for _, n := range both {
		assert.Zero(t, n.ended(t), n.stderr.String())
	}
	p.over(t, both...)
	assert.Equal(t, before+1, p.builds(t))
}

// builds is how often the fake tree was built.
func (p *place) builds(t *testing.T) int {
	files, err := filepath.Glob(p.cache + "/obj/*/builds")
	require.NoError(t, err)
	require.Len(t, files, 1)
	data, err := os.ReadFile(files[0])
	require.NoError(t, err)
	return bytes.Count(data, []byte("\n"))
}
