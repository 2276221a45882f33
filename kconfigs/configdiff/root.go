package configdiff

import (
	"fmt"
	"slices"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/explain"
)

// Root is a requested difference.
type Root struct {
	Change
	// Leaf is set if the second .config needs it. Otherwise it was requested, but would have
	// followed anyway.
	Leaf bool `json:"leaf"`
	// Asked is the place in a fragment, file:line, where the second .config requests it, or
	// else the first requests the opposite; it may be empty.
	Asked string `json:"asked,omitempty"`
	// Followed are the differences that it is the nearest root of.
	Followed []Follower `json:"followed"`
}

// Follower is a difference that was not requested.
type Follower struct {
	Change
	// Cause is the difference that it follows from directly, on a shortest path from a root.
	Cause string `json:"cause,omitempty"`
	// Why explains its value in the second .config.
	Why string `json:"why"`
}

// Division is what differs, grouped by cause.
type Division struct {
	// Differ is the number of symbols that differ.
	Differ int `json:"differ"`
	// Asked are the roots, those with the most followers first.
	Asked []Root `json:"asked"`
	// Rest are those whose cause is unknown.
	Rest []Follower `json:"rest"`
	// Left is that of Delta.
	Left []Change `json:"left"`
	// Guest lists the differences that a boot does not show; nil if it shows all.
	Guest *Guest `json:"guest,omitempty"`
}

// Divide separates what was requested from what followed. Requested are the leaves, and what
// differs between the requests of the two .configs.
func (d *Delta) Divide() *Division {
	v := &Division{Differ: len(d.Changes), Asked: []Root{}, Rest: []Follower{}, Left: append([]Change{}, d.Left...)}
	at := map[string]int{}
	differs := map[string]Change{} // including choices, which others may depend on
	for name := range d.a.Values {
		if c := d.change(name, d.a.Values, d.b.Values); c.From != c.To {
			differs[name] = c
		}
	}
	for _, c := range d.Changes {
		if r := d.root(c); r.Leaf || r.Asked != "" {
			at[c.Symbol] = len(v.Asked)
			v.Asked = append(v.Asked, r)
		}
	}
	for _, c := range d.Changes {
		if _, is := at[c.Symbol]; is {
			continue
		}
		cause, root := d.trace(c, differs, at)
		f := Follower{c, cause, d.b.Why(c.Symbol)}
		if root == "" {
			v.Rest = append(v.Rest, f)
		} else {
			r := &v.Asked[at[root]]
			r.Followed = append(r.Followed, f)
		}
	}
	slices.SortStableFunc(v.Asked, func(a, b Root) int { return len(b.Followed) - len(a.Followed) })
	return v
}

// root reports whether a difference is a leaf, and where it was requested.
func (d *Delta) root(c Change) Root {
	r := Root{Change: c, Leaf: slices.Contains(d.Leaves, c), Followed: []Follower{}}
	to, asked := d.b.Asked[c.Symbol]
	from, before := d.a.Asked[c.Symbol]
	switch {
	case asked && to.Value == c.To:
		r.Asked = place(to)
	case before && r.Leaf:
		r.Asked = place(from)
	}
	return r
}

func place(s kconfigs.Setting) string { return fmt.Sprintf("%s:%d", s.Fragment, s.Line) }

// trace follows the causes of a difference until it finds a root.
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

// causes returns what may have caused a difference.
func (d *Delta) causes(c Change) []string {
	went := c.To == "n" || c.From == "y" && c.To == "m"
	if went {
		return explain.Causes(c.Symbol, d.b, d.a)
	}
	return explain.Causes(c.Symbol, d.a, d.b)
}
