package configdiff

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
	// else the first for what it had; empty where neither does.
	Asked string `json:"asked,omitempty"`
	// Followed are the differences that come from it, and from no other that is nearer.
	Followed []Follower `json:"followed"`
}

// Follower is a difference that nobody asked for.
type Follower struct {
	Change
	// Cause is the difference next to it of those that lead to what was asked for. Where
	// several do it is one of the nearest.
	Cause string `json:"cause,omitempty"`
	// Why says in words why it has the value that it has in the second .config.
	Why string `json:"why"`
}

// Division is what differs, by why it does.
type Division struct {
	// Differ is the number of symbols with another value.
	Differ int `json:"differ"`
	// Asked are those that were asked for, those with the most behind them first.
	Asked []Root `json:"asked"`
	// Rest are those whose cause is not known.
	Rest []Follower `json:"rest"`
	// Left is that of Delta.
	Left []Change `json:"left"`
	// Guest says which of the differences a boot cannot tell of, and why; nil: of all it can.
	Guest *Guest `json:"guest,omitempty"`
}

// Divide tells what was asked for from what followed. Asked for are the leaves, and what
// the request of the second .config has otherwise than that of the first.
func (d *Delta) Divide() *Division {
	v := &Division{Differ: len(d.Changes), Asked: []Root{}, Rest: []Follower{}, Left: append([]Change{}, d.Left...)}
	at := map[string]int{}
	differs := map[string]Change{} // choices too, which others may hang on
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

// root says of a difference whether it is a leaf, and where it was asked for.
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

// causes returns what may have brought a difference about.
func (d *Delta) causes(c Change) []string {
	went := c.To == "n" || c.From == "y" && c.To == "m"
	if went {
		return explain.Causes(c.Symbol, d.b, d.a)
	}
	return explain.Causes(c.Symbol, d.a, d.b)
}
