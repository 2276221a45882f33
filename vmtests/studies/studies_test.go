package studies

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/table"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// boots returns a record for each rung of the ladder. A line of the grid is a probe and a
// letter for each rung, in the ladder's order: works, absent (does not start), silent (absent,
// but starts), inconclusive, - (announced, no finding), or a dot (not run).
func boots(at int64, series, grid string) []record.Record {
	var all []record.Record
	for i, p := range kconfigs.Ladder() {
		r := record.Record{
			ID: fmt.Sprintf("run%d/%s", at, onApps(p.Name)), Profile: onApps(p.Name), Series: series,
			Time: time.Unix(at, 0), Outcome: record.Completed, Hello: &wire.Hello{},
		}
		for line := range strings.Lines(grid) {
			cells := strings.Fields(line) // the probe, then a word with a letter a rung
			if len(cells) == 0 || cells[1][i] == '.' {
				continue
			}
			r.Hello.Probes = append(r.Hello.Probes, cells[0])
			if f, ok := answered(cells[0], p.Name, cells[1][i]); ok {
				r.Findings = append(r.Findings, f)
			}
		}
		all = append(all, r)
	}
	return all
}

func answered(id, rung string, letter byte) (wire.Finding, bool) {
	f := wire.Finding{ID: id, Verdict: wire.Absent, Errno: "EAFNOSUPPORT", Call: "socket", Value: "does not start"}
	if rung == noNet {
		f.Errno = "ENOSYS"
	}
	switch letter {
	case 'w':
		f = wire.Finding{ID: id, Verdict: wire.Works}
	case 'i':
		f = wire.Finding{ID: id, Verdict: wire.Inconclusive, Errno: "ETIMEDOUT"}
	case 's':
		f.Value = "starts but does not answer"
	case 'a':
	default:
		return f, false
	}
	return f, true
}

// scenes are records by golden file.
func scenes() map[string][]record.Record {
	hostile := boots(1, "6.12", "app/redis/loopback wwwwwaaa\napp/a\x1b[2J|<b>/\u202e waaaaaaa\napp/nginx/loopback/deep wwwwwwww\napp/nginx wwwwwwww")
	hostile[7].Findings[0].Value, hostile[7].Findings[0].Errno = "\x1b]0;x\a\xff"+strings.Repeat("z", 500), "E|`<"
	return map[string][]record.Record{
		"typical": boots(1, "6.12", `
			app/nginx/loopback      wwwswaaa
			app/nginx/unix          wwwawwaa
			app/apache2/loopback    wwwwwaaa
			app/mariadb/loopback    wwwawaaa
			app/mariadb/unix        wwwawwaa
			app/postgresql/loopback wwwwwaaa
			app/postgresql/none     wwwwwwww
			app/redis/loopback      wwwwwaaa
			app/rabbitmq/loopback   wwwawaaa
			app/node/loopback       wwwwwaaa
			app/node/none           wwwwwwww
			app/flask/loopback      wwwwwaaa
			app/flask/none          wwwwwwww
			app/django/loopback     wwwwwaaa
			app/dbus/unix           wwwawwaa
			app/runc/none           wwawwwaa
			app/squid/loopback      wwwwaaaa`),
		"gaps": append(boots(1, "6.1", `
			app/nginx/loopback      aaaaaaaa
			app/redis/loopback      .wwwwaaa
			app/httpd/loopback      wiiwia-a
			app/node/none           wwwawwww
			app/flask/none          waaaaaaa
			app/mariadb/loopback    w.....a.
			app/postgresql/loopback wwwwwwaa
			app/rabbitmq/loopback   wwwwwaaa`),
			boots(2, "6.12", "app/nginx/loopback wwwwwaaa\napp/redis/loopback wwwawaaa")...),
		"hostile": hostile,
		"empty":   boots(1, "6.12", "socket/tcp4/loopback wwwwwaaa"),
	}
}

// forms are the ways a comparison is written.
func forms() []table.Format { return []table.Format{{}, {Markdown: true}, {JSON: true}} }

func TestGolden(t *testing.T) {
	for name, records := range scenes() {
		for _, study := range Studies() {
			t.Run(name+"/"+study, func(t *testing.T) {
				c, err := Against(study, records)
				require.NoError(t, err)
				var b strings.Builder
				for _, f := range forms() {
					require.NoError(t, c.Table().Write(&b, f))
					b.WriteString("\n")
				}
				for _, r := range b.String() {
					require.True(t, r == '\n' || unicode.IsPrint(r), "%U acts on the terminal", r)
				}
				golden(t, "testdata/"+name+"."+study+".golden", b.String())
			})
		}
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

func TestAgainstUnknown(t *testing.T) {
	_, err := Against("lope", nil)
	assert.EqualError(t, err, `unknown study "lope"; the studies are loupe, lupine`)
}

// The newest answer of each probe counts, in any order of records. Boots without a verdict, or
// of other kernels, do not count.
func TestCollect(t *testing.T) {
	const id = "app/redis/loopback"
	old, recent := boots(1, "6.12", id+" wwwwwwww\napp/nginx/none wwwwwwww"), boots(2, "6.12", id+" aaaaaaaa")
	at := place{noNet, id}
	a := collect(append(recent, old...))["6.12"]
	assert.Equal(t, wire.Absent, a[at].Verdict)
	assert.Equal(t, wire.Works, a[place{noNet, "app/nginx/none"}].Verdict, "it was not run again")

	for _, o := range []record.Outcome{record.QEMUFailed, ""} {
		recent[7].Outcome = o
		assert.Equal(t, wire.Works, collect(append(recent, old...))["6.12"][at].Verdict, "%q is no verdict", o)
	}
	recent[7].Outcome = record.Hung
	recent[7].Findings = nil
	assert.Empty(t, collect(append(recent, old...))["6.12"][at].Verdict, "it did not answer this time")

	old[7].Findings = append(old[7].Findings, wire.Finding{ID: id, Verdict: wire.Absent}, wire.Finding{ID: id, Verdict: wire.Works})
	assert.Equal(t, wire.Inconclusive, collect(old)["6.12"][at].Verdict)

	for _, profile := range []string{"no-net", "no-net+apps+mine", "tiny+apps"} {
		old[7].Profile = profile
		assert.NotContains(t, collect(old[7:])["6.12"], at, profile)
	}
}
