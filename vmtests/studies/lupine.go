package studies

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/netstrip/netstrip/initramfs/apps"
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
)

//go:embed lupine.csv
var lupineCSV string

// list is Lupine's kernel for an application: the number of its options, and the parts of the
// network among them.
type list struct {
	options int
	network []string
}

// parts returns the parts of the network that the ladder removes. The network card is not among
// them, because no rung removes it alone.
func parts() []string { return []string{"NET", "INET", "UNIX", "IPV6", "NET_NS", "PACKET"} }

// listed returns the parts that Lupine's lists may contain.
func listed() []string { return parts()[:3] }

// inOrder returns the symbols that are in order, in that order and each once.
func inOrder(symbols, order []string) []string {
	return slices.DeleteFunc(slices.Clone(order), func(s string) bool { return !slices.Contains(symbols, s) })
}

// parseLupine reads Lupine's lists, by application.
func parseLupine(file, text string) (map[string]list, error) {
	lines, err := readTable(file, text, "application", "options", "network")
	bad := []error{err}
	all := map[string]list{}
	for _, l := range lines {
		app, network := l.cells["application"], strings.Fields(l.cells["network"])
		n, err := strconv.ParseUint(l.cells["options"], 10, 16)
		_, twice := all[app]
		switch {
		case app == "" || twice:
			bad = append(bad, fmt.Errorf("%s: application is %q, which is empty or repeated", l.at, app))
		case err != nil || int(n) < len(network):
			bad = append(bad, fmt.Errorf("%s: options is %q, which is not a number of at least %d", l.at, l.cells["options"], len(network)))
		case !slices.Equal(network, inOrder(network, listed())) || len(network) > 0 && network[0] != "NET":
			bad = append(bad, fmt.Errorf("%s: network is %q, which is not NET followed by INET and UNIX, as far as listed", l.at, l.cells["network"]))
		}
		all[app] = list{int(n), network}
	}
	return all, errors.Join(bad...)
}

// need is what the ladder shows about the parts of the network that an application needs.
type need struct {
	// last is the last rung on which it works.
	last string
	// needs are the parts without which it does not work, and the parts on which those depend.
	// spared are the parts that are missing from some kernel on which it works.
	needs, spared []string
	// untold are parts of which at least one is needed.
	untold []string
	// odd are kernels on which it does not work although each part they lack can be spared.
	odd []string
}

// without returns the parts for which a profile has no fragment.
func without(p kconfigs.Profile) []string {
	return slices.DeleteFunc(parts(), func(symbol string) bool {
		return slices.Contains(p.Fragments, strings.ToLower(strings.ReplaceAll(symbol, "_", "")))
	})
}

// needs returns what a probe needs, on the assumption that it needs a fixed set of parts, and
// not one part or another. A kernel on which it works shows that each part missing there can be
// spared. A kernel on which it does not work, and that lacks only one part that cannot be
// spared, shows that this part is needed.
func (a answers) needs(id string) need {
	var n need
	var failing []kconfigs.Profile
	for _, p := range kconfigs.Ladder() {
		switch a[place{p.Name, id}].Verdict {
		case wire.Works:
			n.last = p.Name
			n.spared = append(n.spared, without(p)...)
		case wire.Absent:
			failing = append(failing, p)
		}
	}
	suspects := make([][]string, len(failing))
	for i, p := range failing {
		suspects[i] = slices.DeleteFunc(without(p), func(s string) bool { return slices.Contains(n.spared, s) })
		switch len(suspects[i]) {
		case 0:
			n.odd = append(n.odd, p.Name)
		case 1:
			n.needs = append(n.needs, suspects[i][0])
		}
	}
	if slices.Contains(n.needs, "IPV6") {
		n.needs = append(n.needs, "INET")
	}
	if len(n.needs) > 0 {
		n.needs = append(n.needs, "NET")
	}
	for _, s := range suspects {
		if !slices.ContainsFunc(s, func(p string) bool { return slices.Contains(n.needs, p) }) {
			n.untold = append(n.untold, s...)
		}
	}
	n.needs, n.spared, n.untold = inOrder(n.needs, parts()), inOrder(n.spared, parts()), inOrder(n.untold, parts())
	return n
}

// least returns the last profile on which an application works in some way, and that way.
func (a answers) least(app string) string {
	best, said := -1, ""
	for _, id := range a.probes() {
		way, _ := apps.ParseID(id)
		last := a.needs(id).last
		rung := slices.IndexFunc(kconfigs.Ladder(), func(p kconfigs.Profile) bool { return p.Name == last })
		if way.Name == app && rung > best {
			best, said = rung, onApps(last)+" by "+way.Way
		}
	}
	return said
}

// String describes a need: "needs NET INET, not UNIX".
func (n need) String() string {
	var s []string
	if len(n.needs) > 0 {
		s = append(s, "needs "+strings.Join(n.needs, " "))
	}
	if len(n.untold) > 0 {
		s = append(s, "needs at least one of "+strings.Join(n.untold, " "))
	}
	if len(n.spared) == len(parts()) {
		s = append(s, "needs no part")
	} else if len(n.spared) > 0 {
		s = append(s, "not "+strings.Join(n.spared, " "))
	}
	if len(n.odd) > 0 {
		s = append(s, "but fails on "+strings.Join(n.odd, " "))
	}
	return strings.Join(s, ", ")
}

// lupine returns the function that makes the row of a probe.
func lupine() (func(answers, string) []Row, error) {
	lists, err := parseLupine("lupine.csv", lupineCSV)
	return func(a answers, id string) []Row {
		way, _ := apps.ParseID(id)
		n := a.needs(id)
		r := Row{Said: "-", Found: n.String(), Verdict: NotComparable, Least: a.least(way.Name), Why: a.lacks(id)}
		if n.last != "" {
			r.Profile = onApps(n.last)
		}
		if r.Why != "" {
			r.Found = said(a[place{whole, id}])
		}
		l, ok := lists[names(way.Name)[0].name]
		if !ok {
			r.Why = "Lupine has no list for it"
			return []Row{r}
		}
		r.Source = names(way.Name)[0].name
		r.Said = strings.TrimSuffix(fmt.Sprintf("%d options: %s", l.options, strings.Join(l.network, " ")), ": ")
		if r.Why == "" {
			r.Verdict, r.Why = l.judge(way.Way, n)
		}
		return []Row{r}
	}, err
}

// judge compares a list with what is needed.
func (l list) judge(way string, n need) (Agreement, string) {
	var unknown, more, less []string
	for _, p := range listed() {
		has, needed := slices.Contains(l.network, p), slices.Contains(n.needs, p)
		switch {
		case !needed && !slices.Contains(n.spared, p):
			unknown = append(unknown, p)
		case has && !needed:
			more = append(more, p)
		case needed && !has:
			less = append(less, p)
		}
	}
	switch {
	case len(l.network) == 0 && way != "none":
		return NotComparable, "Lupine only ran a hello world, which needs no network"
	case len(l.network) > 0 && way != "loopback":
		return NotComparable, "Lupine's list is for a server on TCP"
	case len(n.odd) > 0:
		return NotComparable, "no list of parts explains where it fails"
	case len(unknown) > 0:
		return NotComparable, "the records do not show whether it needs " + strings.Join(unknown, " and ")
	case len(more)+len(less) == 0:
		return Agree, ""
	}
	var why []string
	if len(more) > 0 {
		why = append(why, "Lupine lists "+strings.Join(more, " and ")+", which is not needed here")
	}
	if len(less) > 0 {
		why = append(why, "Lupine leaves out "+strings.Join(less, " and ")+", which is needed here")
	}
	return Disagree, strings.Join(why, "; ")
}
