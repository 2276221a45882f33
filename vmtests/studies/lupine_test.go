package studies

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
)

const probe = "app/redis/loopback"

func needsOf(grid string) need {
	return collect(boots(1, "6.12", probe+" "+grid))["6.12"].needs(probe)
}

func TestNeeds(t *testing.T) {
	for grid, want := range map[string]string{
		"wwwwwwww": "needs no part",
		"wwwwwwwa": "needs NET, not INET UNIX IPV6 NET_NS PACKET",
		"wwwwwaaa": "needs NET INET, not UNIX IPV6 NET_NS PACKET",
		"wwwwaaaa": "needs NET INET IPV6, not UNIX NET_NS PACKET",
		"wwwawwaa": "needs NET UNIX, not INET IPV6 NET_NS PACKET",
		"wwaawaaa": "needs NET INET UNIX NET_NS, not IPV6 PACKET",
		"waaaaaaa": "needs NET INET UNIX IPV6 NET_NS PACKET",
		// Either part suffices, so each alone is not needed.
		"wwwwwwaa": "needs NET, not INET UNIX IPV6 NET_NS PACKET, but fails on bare-net",
		// It handles ENOSYS, but not EAFNOSUPPORT.
		"wwwawwww": "needs no part, but fails on no-unix",
		// Too few kernels to tell.
		"w.....a.": "needs at least one of INET UNIX IPV6 NET_NS PACKET",
		"wwwiiaaa": "needs at least one of NET INET UNIX IPV6, not NET_NS PACKET",
		"w.......": "",
	} {
		assert.Equal(t, want, needsOf(grid).String(), grid)
	}
	assert.Equal(t, "no-ipv6", needsOf("wwwwwaaa").last)
	assert.Equal(t, noNet, needsOf("waaaaaaw").last)
	assert.Empty(t, needsOf("aaaaaaaa").last)
}

// The ladder identifies exactly the parts that an application needs.
func TestNeedsOfEveryKind(t *testing.T) {
	for set := range 1 << len(parts()) {
		var want []string
		for i, p := range parts() {
			if set>>i&1 == 1 {
				want = append(want, p)
			}
		}
		has := func(symbol string) bool { return strings.Contains(" "+strings.Join(want, " ")+" ", " "+symbol+" ") }
		if has("IPV6") && !has("INET") || len(want) > 0 && !has("NET") {
			continue // Kconfig has no such kernel
		}
		grid := ""
		for _, p := range kconfigs.Ladder() {
			letter := "w"
			for _, gone := range without(p) {
				if has(gone) {
					letter = "a"
				}
			}
			grid += letter
		}
		n := needsOf(grid)
		assert.ElementsMatch(t, want, n.needs, grid)
		assert.Empty(t, n.odd, grid)
		assert.Empty(t, n.untold, grid)
	}
}

// The parts are what the fragments of the ladder ask for.
func TestWithout(t *testing.T) {
	got := map[string][]string{}
	for _, p := range kconfigs.Ladder() {
		got[p.Name] = without(p)
	}
	assert.Equal(t, map[string][]string{
		"full": {}, "no-packet": {"PACKET"}, "no-netns": {"NET_NS"}, "no-unix": {"UNIX"}, "no-ipv6": {"IPV6"},
		"no-inet": {"INET", "IPV6"}, "bare-net": {"INET", "UNIX", "IPV6", "NET_NS", "PACKET"}, "no-net": parts(),
	}, got)
}

func TestLupineVerdicts(t *testing.T) {
	inet, local, hello := list{10, []string{"NET", "INET"}}, list{13, listed()}, list{5, nil}
	for _, tt := range []struct {
		list      list
		way, grid string
		want      Agreement
		why       string
	}{
		{inet, "loopback", "wwwwwaaa", Agree, ""},
		{inet, "loopback", "wwwawaaa", Disagree, "Lupine leaves out UNIX, which is needed here"},
		{local, "loopback", "wwwawaaa", Agree, ""},
		{local, "loopback", "wwwwwaaa", Disagree, "Lupine lists UNIX, which is not needed here"},
		{inet, "loopback", "wwwawwaa", Disagree, "Lupine lists INET, which is not needed here; Lupine leaves out UNIX, which is needed here"},
		{local, "loopback", "www.waaa", NotComparable, "the records do not show whether it needs UNIX"},
		{local, "loopback", "w.......", NotComparable, "the records do not show whether it needs NET and INET and UNIX"},
		{local, "loopback", "wwwwwwaa", NotComparable, "no list of parts explains where it fails"},
		{local, "unix", "wwwawwaa", NotComparable, "Lupine's list is for a server on TCP"},
		{hello, "loopback", "wwwwwaaa", NotComparable, "Lupine only ran a hello world, which needs no network"},
		{hello, "none", "wwwwwwww", Agree, ""},
		{hello, "none", "wwwwwwwa", Disagree, "Lupine leaves out NET, which is needed here"},
	} {
		got, why := tt.list.judge(tt.way, needsOf(tt.grid))
		assert.Equal(t, tt.want, got, "%+v", tt)
		assert.Equal(t, tt.why, why, "%+v", tt)
	}
}

func TestLeast(t *testing.T) {
	a := collect(boots(1, "6.12", "app/x/loopback wwwwwaaa\napp/x/unix wwwawwaa\napp/x/none aaaaaaaa\napp/xy/none wwwwwwww"))["6.12"]
	assert.Equal(t, "no-inet+apps by unix", a.least("x"))
	assert.Equal(t, "no-net+apps by none", a.least("xy"))
	assert.Empty(t, a.least("y"))
}

func TestLupineTable(t *testing.T) {
	all, err := parseLupine("lupine.csv", lupineCSV)
	require.NoError(t, err)
	assert.Len(t, all, 7)
	for _, app := range []string{"nginx", "apache2", "httpd", "mariadb", "rabbitmq", "postgresql", "redis", "node"} {
		assert.Contains(t, all, names(app)[0].name)
	}
}
