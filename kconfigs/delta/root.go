package delta

import (
	"fmt"
	"slices"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/explain"
)

// Root is a difference that was asked for.
type Root struct {
	Change
	// Leaf says that the second .config would not be what it is without it. What is no
	// leaf was asked for, and would have come by itself.
	Leaf bool `json:"leaf"`
	// Asked is the place in a fragment, file:line, where the second .config asks for it, or
	// else only the first asks for what it has; empty where neither does.
	Asked string `json:"asked,omitempty"`
	// Followed are the differences that come from it, and from no other that is nearer.
	Followed []Follower `json:"followed"`
}

// Follower is a difference that nobody asked for.
type Follower struct {
	Change
	// Cause is the difference next to it of those that lead to what was asked for.
	Cause string `json:"cause,omitempty"`
	// Why says in words why it has the value that it has in the second .config.
	Why string `json:"why"`
}

// Roots divides the differences into those that were asked for, those with the most
// behind them first, and what follows from each. Rest are those whose cause is not known.
func (d *Delta) Roots() (roots []Root, rest []Follower) {
	at := map[string]int{}
	differs := map[string]Change{}
	for _, c := range d.Changes {
		differs[c.Symbol] = c
		r := Root{Change: c, Leaf: slices.Contains(d.Leaves, c), Followed: []Follower{}}
		to, asked := d.b.Asked[c.Symbol]
		from, before := d.a.Asked[c.Symbol]
		switch {
		case asked && (r.Leaf || to.Value == c.To && !(before && from.Value == c.To)):
			r.Asked = place(to)
		case !r.Leaf:
			continue
		case before:
			r.Asked = place(from)
		}
		at[c.Symbol] = len(roots)
		roots = append(roots, r)
	}
	for _, c := range d.Changes {
		if _, is := at[c.Symbol]; is {
			continue
		}
		cause, root := d.trace(c, differs, at)
		f := Follower{c, cause, d.b.Why(c.Symbol)}
		if root == "" {
			rest = append(rest, f)
		} else {
			i := at[root]
			roots[i].Followed = append(roots[i].Followed, f)
		}
	}
	slices.SortStableFunc(roots, func(a, b Root) int { return len(b.Followed) - len(a.Followed) })
	return roots, rest
}

func place(s kconfigs.Setting) string { return fmt.Sprintf("%s:%d", s.Fragment, s.Line) }

// trace goes from a difference to those that cause it, and on, until one was asked for.
func (d *Delta) trace(c Change, differs map[string]Change, roots map[string]int) (cause, root string) {
	first := map[string]string{c.Symbol: ""} // the first step towards each
	for queue := []string{c.Symbol}; len(queue) > 0; queue = queue[1:] {
		at := differs[queue[0]]
		for _, next := range d.causes(at) {
			_, differ := differs[next]
			_, seen := first[next]
			if !differ || seen {
				continue
			}
			first[next] = first[at.Symbol]
			if at.Symbol == c.Symbol {
				first[next] = next
			}
			if _, is := roots[next]; is {
				return first[next], next
			}
			queue = append(queue, next)
		}
	}
	return "", ""
}

// causes gives what may have brought a difference about.
func (d *Delta) causes(c Change) []string {
	went := c.To == "n" || c.From == "y" && c.To == "m"
	if went {
		return explain.Causes(c.Symbol, d.b, d.a)
	}
	return explain.Causes(c.Symbol, d.a, d.b)
}
