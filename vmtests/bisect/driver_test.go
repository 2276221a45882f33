package bisect

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/kconf"
	"github.com/netstrip/netstrip/kconfigs/search"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/run"
	"github.com/netstrip/netstrip/vmtests/table"
)

func TestJudges(t *testing.T) {
	boot := func(o record.Outcome, findings ...wire.Finding) record.Record {
		return record.Record{Outcome: o, Reason: "why", Findings: findings}
	}
	works := wire.Finding{ID: "a/b", Verdict: wire.Works}
	absent := wire.Finding{ID: "c/d", Verdict: wire.Absent, Call: "mq_open", Errno: "ENOSYS"}
	unsure := wire.Finding{ID: "e/f", Verdict: wire.Inconclusive, Detail: "timed out"}
	for _, c := range []struct {
		q    Question
		r    record.Record
		want search.Answer
		note string
	}{
		{Probe("a/b"), boot(record.Completed, works), search.Pass, "works"},
		{Probe("a/b"), boot(record.Panicked, works), search.Pass, "works"}, // it answered before the panic
		{Probe("c/d"), boot(record.Completed, works, absent), search.Fail, "absent, mq_open ENOSYS"},
		{Probe("e/f"), boot(record.Completed, unsure), search.Unknown, "inconclusive"},
		{Probe("a/b"), boot(record.Panicked), search.Unknown, "panicked: why"},
		{Probe("a/b"), boot(record.QEMUFailed), search.Unknown, "qemu-failed: why"},
		{Require("a/b"), boot(record.Completed, works), search.Pass, "all work"},
		{Require("a/b", "c/d"), boot(record.Completed, works, absent), search.Fail, "c/d: absent, mq_open ENOSYS"},
		{Require("e/f", "c/d"), boot(record.Completed, unsure, absent), search.Fail, "e/f: inconclusive; c/d: absent, mq_open ENOSYS"},
		{Require("a/b", "e/f"), boot(record.Completed, works, unsure), search.Unknown, "e/f: inconclusive"},
		{Require("a/b"), boot(record.Hung, works), search.Fail, "hung: why"},
		{Require("a/b"), boot(record.QEMUFailed), search.Unknown, "a/b: qemu-failed: why"},
		{Boot(), boot(record.Completed), search.Pass, "completed: why"},
		{Boot(), boot(record.Silent), search.Fail, "silent: why"},
		{Boot(), boot(record.ImageFailed), search.Unknown, "image-failed: why"},
		{Boot(), boot(""), search.Unknown, ": why"},
	} {
		assert.Equal(t, search.Reply{Answer: c.want, Note: c.note}, c.q.judge(c.r), "%s of %s", c.q.Text, c.r.Outcome)
	}
}

func TestCommands(t *testing.T) {
	image := filepath.Join(t.TempDir(), "a kernel")
	k := &kbuild.Kernel{Image: image, Boot: "b", Config: "c"}
	for line, want := range map[string]search.Answer{
		`test "$NETSTRIP_CONFIG" = c && test '` + image + `' =`: search.Pass, // the path is the last argument
		"exit 1;": search.Fail, "exit 127;": search.Fail, "no-such-program": search.Fail, "exit 125;": search.Unknown,
	} {
		v, err := Command(line).run(t.Context(), k)
		require.NoError(t, err, line)
		assert.Equal(t, want, v.Answer, line)
	}
	for _, line := range []string{"exit 128;", "kill -9 $$;"} {
		_, err := Command(line).run(t.Context(), k)
		require.Error(t, err, "%s ends the search", line)
	}
}

func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "search", "j.jsonl")
	j, err := openJournal(path)
	require.NoError(t, err)
	assert.Empty(t, j.known)
	yes, no := search.Reply{Answer: search.Pass, Note: "works"}, search.Reply{Answer: search.Fail}
	for _, e := range []entry{{Key: "a", Reply: yes}, {Key: "b", Reply: no}, {Key: "c"}, {Key: "a", Reply: no}} {
		require.NoError(t, j.add(e))
	}
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, data[:len(data)-20], 0o644)) // as a crash leaves it
	cut, err := openJournal(path)
	require.NoError(t, err)
	assert.Equal(t, search.Answers{"a": {yes}, "b": {no}}, cut.known, "what is cut off, or no answer, is asked again")
	require.NoError(t, cut.add(entry{Key: "d", Reply: yes}))
	again, err := openJournal(path)
	require.NoError(t, err)
	assert.Equal(t, search.Answers{"a": {yes}, "b": {no}, "d": {yes}}, again.known)
}

// TestOtherFailures has a kernel that fails differently from the last end.
func TestOtherFailures(t *testing.T) {
	d := &Driver{Options: Options{Question: Boot()}, journal: &journal{known: search.Answers{
		"end": {{Answer: search.Fail, Note: "panicked: VFS: no root"}},
	}}, space: &space{}}
	d.space.Changes = []string{"A", "B"}
	d.space.Settle = func(context.Context, []string) (string, []string, error) { return "end", nil, nil }
	for note, want := range map[string]search.Answer{"panicked: why": search.Fail, "hung: at last": search.Unknown, "silent": search.Unknown} {
		v, err := d.asLast(t.Context(), search.Candidate{Set: []string{"A"}}, search.Reply{Answer: search.Fail, Note: note})
		require.NoError(t, err)
		assert.Equal(t, want, v.Answer, note)
	}
}

func TestWeights(t *testing.T) {
	first := func(id string, symbols ...string) string {
		w := weights(words(id), symbols)
		return slices.MaxFunc(symbols, func(a, b string) int { return int(w[a]*1000) - int(w[b]*1000) })
	}
	assert.Equal(t, "POSIX_MQUEUE", first("kernel/mqueue", "POSIX_TIMERS", "POSIX_MQUEUE", "NET"))
	assert.Equal(t, "UNIX", first("socket/unix/stream", "UNIX_DIAG", "UNIX", "NET", "AF_UNIX_OOB"))
	assert.Equal(t, "INET", first("socket/tcp4/loopback", "INET_DIAG", "INET", "NET", "IPV6"))
	assert.Equal(t, "NET_NS", first("netns/unshare", "NET", "NET_NS", "USER_NS"))
	assert.Equal(t, "INET", first("isolation/veth/local4", "NET", "NF_NAT", "INET", "NF_CONNTRACK"), "what it stands for")
	assert.Equal(t, "UNIX", first("app/redis/unix", "NET", "UNIX", "INET", "UNIX_DIAG"))
	assert.Equal(t, "INET", first("app/redis/loopback", "NET", "NETDEVICES", "INET", "INET_DIAG"))
	assert.Equal(t, "SECCOMP_FILTER", first("kernel/seccomp/filter", "SECCOMP", "SECCOMP_FILTER", "NETFILTER"))
}

// TestSpace settles real .configs: the ends are exactly the kernels of the profiles, and
// symbols that go are tried before those they need.
func TestSpace(t *testing.T) {
	k := openKernels(t)
	full, none := k.world(t, "full"), k.world(t, "no-net")
	d := New(Options{Kconfig: k.kconfig, First: full, Last: none, Question: Probe("kernel/mqueue")})
	all := d.space.Changes
	assert.Equal(t, "POSIX_MQUEUE", all[0])
	assert.Equal(t, "NET", all[len(all)-1])
	assert.Less(t, slices.Index(all, "IPV6"), slices.Index(all, "INET"))
	for _, end := range []struct {
		set  []string
		same map[string]kconf.Value
	}{{nil, full.Values}, {all, none.Values}} {
		key, effective, err := d.space.settle(t.Context(), end.set)
		require.NoError(t, err)
		assert.ElementsMatch(t, end.set, effective)
		values, err := k.kconfig.Values(t.Context(), kconf.OldDef, d.space.texts[key])
		require.NoError(t, err)
		assert.Equal(t, end.same, values)
	}
	_, effective, err := d.space.settle(t.Context(), []string{"INET"})
	require.NoError(t, err)
	assert.Contains(t, effective, "IPV6", "it goes with INET")
	assert.NotContains(t, effective, "UNIX")
	d = New(Options{Kconfig: k.kconfig, First: none, Last: full, Question: Probe("kernel/seccomp/filter")})
	assert.Equal(t, "NET", d.space.Changes[0], "SECCOMP_FILTER cannot be set, and depends on NET")
	_, effective, err = d.space.settle(t.Context(), []string{"NET", "INET"})
	require.NoError(t, err)
	assert.Subset(t, effective, []string{"NET", "INET"})
	assert.NotContains(t, effective, "IPV6", "nothing comes by default")
}

// TestRealPairs finds the culprits of simulated failures between real .configs.
func TestRealPairs(t *testing.T) {
	k := openKernels(t)
	for _, p := range pairs(t, k)[:2] {
		n, found := p.ours(t, k)
		want := p.culprits
		if p.culprits[0] == "SECCOMP_FILTER" {
			want = []string{"NET"}
		}
		assert.Equal(t, want, found, p.name)
		assert.LessOrEqual(t, n, 3, "%s: with, and without all else", p.name)
	}
}

// TestRealSearch builds and boots. full and no-packet differ in one symbol, and both kernels
// are on the ladder.
func TestRealSearch(t *testing.T) {
	if os.Getenv("NETSTRIP_REQUIRE_VM") == "" {
		t.Skip("NO GUEST IS BOOTED; run: make test")
	}
	k := openKernels(t)
	dir := t.TempDir()
	anew := false
	bisect := func(q Question) (Cause, Cost) {
		runner, err := run.New(t.Context(), run.Options{Results: filepath.Join(dir, "r.jsonl")})
		require.NoError(t, err)
		d := New(Options{Runner: runner, Kconfig: k.kconfig, Name: "full..no-packet", Question: q, Anew: anew,
			First: k.world(t, "full"), Last: k.world(t, "no-packet"), ObjectTree: string(kconf.AllNo)})
		d.good, d.bad = "full", "no-packet"
		b, err := d.Bisect(t.Context())
		require.NoError(t, err)
		require.Empty(t, b.Doubt)
		require.Len(t, b.Culprits, 1)
		assert.Equal(t, []string{"PACKET"}, b.Culprits[0].Changes)
		return b, b.Cost
	}
	b, cost := bisect(Probe("socket/packet/capture"))
	assert.Contains(t, b.Culprits[0].Verdict.Note, "EAFNOSUPPORT")
	assert.Equal(t, "as no-packet.config:2 asks", b.Chains[0].Last)
	assert.Equal(t, 4, cost.Steps, "both ends, and both to be sure")
	boots := cost.Boots
	assert.GreaterOrEqual(t, boots, 4, "more where the guest had to be asked again")
	assert.Equal(t, 2, cost.Kernels)
	assert.Zero(t, cost.Built)
	_, cost = bisect(Probe("socket/packet/capture"))
	assert.Zero(t, cost.Steps, "the journal had it all")
	assert.Equal(t, 4, cost.Known)
	script := filepath.Join(dir, "test.sh")
	for _, last := range []string{"exit $?\n", "exit $? # edited\n"} {
		require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\ngrep -q ^CONFIG_PACKET=y \"$NETSTRIP_CONFIG\"\n"+last), 0o755))
		_, cost = bisect(Command(script))
		assert.Equal(t, 4, cost.Steps, "not one answer is of another script")
		assert.Zero(t, cost.Boots)
		_, cost = bisect(Command(script))
		assert.Zero(t, cost.Steps, "the same script is not asked again")
	}
	anew = true
	_, cost = bisect(Command(script))
	assert.Equal(t, 4, cost.Steps)
	var text strings.Builder
	require.NoError(t, b.Write(&text))
	assert.Contains(t, text.String(), "culprit  PACKET: y in full, n in no-packet\n")
	results, err := record.Store{Path: filepath.Join(dir, "r.jsonl")}.Open()
	require.NoError(t, err)
	defer results.Close()
	assert.Empty(t, results.Damage)
	require.Len(t, results.Records, boots)
	assert.Len(t, results.Records[0].Findings, 1, "no other probe was asked")
}

// The table of several searches says what fails without each symbol, escapes the guest's text,
// and does not hide a doubt.
func TestWriteMinima(t *testing.T) {
	minima := []Needs{
		{Question: Require("app/redis/unix").Text, Minimum: search.Minimum{Kept: []search.Kept{
			{Change: "NET", Without: search.Reply{Note: "app/redis/unix: absent, socket(AF_UNIX) ENOSYS"}},
			{Change: "UNIX", Without: search.Reply{Note: "app/redis/unix: absent,\x1b[31m EAFNOSUPPORT"}},
		}}},
		{Question: Require("lo/up").Text, Minimum: search.Minimum{
			Kept: []search.Kept{{Change: "NET", Without: search.Reply{Note: "lo/up: absent | ENOSYS"}}}, Doubt: "it flickers",
		}},
	}
	var text, markdown strings.Builder
	require.NoError(t, NeedsTable(minima).Write(&text, table.Format{}))
	require.NoError(t, NeedsTable(minima).Write(&markdown, table.Format{Markdown: true}))
	assert.Equal(t, `required        symbols    without them
app/redis/unix  NET, UNIX  NET: absent, socket(AF_UNIX) ENOSYS; UNIX: absent,\x1b[31m EAFNOSUPPORT
lo/up           NET        NET: absent | ENOSYS; NOT VERIFIED: it flickers
`, text.String())
	assert.Equal(t, `| required | symbols | without them |
|---|---|---|
| app/redis/unix | NET, UNIX | NET: absent, socket(AF\_UNIX) ENOSYS; UNIX: absent,\\x1b\[31m EAFNOSUPPORT |
| lo/up | NET | NET: absent \| ENOSYS; NOT VERIFIED: it flickers |
`, markdown.String())
}
