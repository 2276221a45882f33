package bisect

import (
	"errors"
	"testing"

	"github.com/netstrip/netstrip/kconfigs/configdiff"
	"github.com/netstrip/netstrip/kconfigs/search"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/stretchr/testify/assert"
)

// One line says why there is nothing to search, with the answer of each end.
func TestEndsAreTold(t *testing.T) {
	pass, fail := search.Reply{Answer: search.Pass, Note: "works"}, search.Reply{Answer: search.Fail, Note: "absent, socket ENOSYS"}
	unbuilt := search.Reply{Note: "building g: make: exit status 2: net/core/sock.c:7:1: error: no\x1b[1m"}
	g := &configdiff.Guest{Forced: []configdiff.Forced{{Change: configdiff.Change{Symbol: "PCI_MSI", From: "y", To: "n"}, Needs: "y"}}}
	for _, c := range []struct {
		e    search.EndsError
		g    *configdiff.Guest
		user bool
		want string
	}{
		{search.EndsError{Same: true}, nil, true, "--good g and --bad b have the same .config: there is nothing to search"},
		{search.EndsError{First: fail, Last: fail}, nil, true,
			"the ends do not differ: --good g: fail (absent, socket ENOSYS); --bad b: fail (absent, socket ENOSYS)"},
		{search.EndsError{First: pass, Last: pass}, g, true, "the ends do not differ: --good g: pass (works); --bad b: pass (works); " +
			"boots here cannot show PCI_MSI y -> n (the guest needs y), but --command takes the .configs as they are"},
		{search.EndsError{First: fail, Last: pass, Want: search.Pass}, nil, true,
			"the ends are swapped: --good g: fail (absent, socket ENOSYS); --bad b: pass (works)"},
		{search.EndsError{First: unbuilt, Want: search.Pass}, nil, false, "the ends have no clear answer: " +
			`--good g: unknown (building g: make: exit status 2: net/core/sock.c:7:1: error: no\x1b[1m); --bad b: not asked`},
	} {
		err := explainEnds(&c.e, "--good g", "--bad b", c.g)
		assert.EqualError(t, err, c.want)
		assert.Equal(t, c.user, errors.As(err, &usage.Error{}), c.want)
	}
	other := errors.New("other")
	assert.Equal(t, other, explainEnds(other, "", "", nil))
}
