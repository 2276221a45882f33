package ref_test

import (
	"fmt"

	"github.com/netstrip/netstrip/kconfigs/ref"
)

// Parse the name of a kernel.
func ExampleParse() {
	r := ref.Parse("full+apps/busybox@6.1")
	fmt.Println(r.Base, r.Apps, r.Init, r.Series)
	fmt.Println(r)
	// Output:
	// full true busybox 6.1
	// full+apps/busybox@6.1
}
