package search_test

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/search"
)

// Find the two changes that break something only together.
func ExampleSpace_Bisect() {
	space := &search.Space{
		Changes: []string{"A", "B", "C", "D", "E", "F", "G", "H"},
		Settle: func(_ context.Context, set []string) (key string, effective []string, err error) {
			return strings.Join(set, "+"), set, nil // no change brings another about
		},
	}
	asked := 0
	found, err := search.Run(context.Background(), space.Bisect, nil,
		func(_ context.Context, c search.Candidate, _ func() []search.Candidate) (search.Reply, error) {
			asked++ // build and test the kernel with the changes c.Set here
			if slices.Contains(c.Set, "C") && slices.Contains(c.Set, "F") {
				return search.Reply{Answer: search.Fail}, nil
			}
			return search.Reply{Answer: search.Pass}, nil
		})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range found.Culprits {
		fmt.Println("culprit:", c.Changes)
	}
	fmt.Println("kernels:", asked)
	// Output:
	// culprit: [F C]
	// kernels: 15
}
