package record_test

import (
	"fmt"

	"github.com/netstrip/netstrip/vmtests/record"
)

// Read a results file and show the newest record of each profile.
func ExampleStore_Open() {
	file, err := record.Store{Path: "testdata/load/one.jsonl"}.Open()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer file.Close()
	records, damage, err := file.Read(record.Latest(file.Records))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("damaged lines:", len(file.Damage)+len(damage))
	for _, r := range records {
		fmt.Println(r.Ref(), r.Outcome, len(r.Findings))
	}
	// Output:
	// damaged lines: 0
	// full@6.12 completed 33
}
