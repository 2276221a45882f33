package bisect

import (
	"errors"
	"fmt"

	"github.com/netstrip/netstrip/kconfigs/configdiff"
	"github.com/netstrip/netstrip/kconfigs/search"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/report"
)

// Ends explains the error of a search that has nothing to search between its ends; first and last
// are the user's names for them. It returns other errors unchanged.
func Ends(err error, first, last string, g *configdiff.Guest) error {
	e, ok := errors.AsType[*search.EndsError](err)
	if !ok {
		return err
	}
	say := func(name string, v search.Reply) string {
		if v == (search.Reply{}) {
			return name + ": not asked"
		}
		return fmt.Sprintf("%s: %s (%s)", name, v.Answer, report.Escape(v.Note, 200))
	}
	switch {
	case e.Same:
		return usage.Errorf("%s and %s have the same .config: there is nothing to search", first, last)
	case e.First.Answer == search.Unknown || e.Last.Answer == search.Unknown:
		return fmt.Errorf("the ends have no clear answer: %s; %s", say(first, e.First), say(last, e.Last))
	case e.Reversed():
		return usage.Errorf("the ends are swapped: %s; %s", say(first, e.First), say(last, e.Last))
	}
	text := fmt.Sprintf("the ends do not differ: %s; %s", say(first, e.First), say(last, e.Last))
	if g != nil {
		text += "; boots here cannot show " + g.Names() + ", but --command takes the .configs as they are"
	}
	return usage.Errorf("%s", text)
}
