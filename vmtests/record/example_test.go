package record_test

import (
	"fmt"

	"github.com/netstrip/netstrip/vmtests/record"
)

// Read a results file and show the newest record of each profile.
func ExampleLoad() {
	records, damage, err := record.Load("testdata/load/one.jsonl")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("damaged lines:", len(damage))
	for _, r := range record.Latest(records) {
		fmt.Println(r.Ref(), r.Outcome, len(r.Findings))
	}
	// Output:
	// damaged lines: 0
	// full@6.12 completed 33
}
