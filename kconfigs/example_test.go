package kconfigs_test

import (
	"fmt"

	"github.com/netstrip/netstrip/kconfigs"
)

// Compose a profile and a fragment into the text that Kconfig reads.
func ExampleProfile_Request() {
	profile, err := kconfigs.Lookup("tiny")
	if err != nil {
		fmt.Println(err)
		return
	}
	mine, err := kconfigs.ParseFragment("mine.config", []byte("CONFIG_NET=y\nCONFIG_UNIX=y\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	request, err := profile.With(mine).Request()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range request.Settings {
		if s.Fragment == "mine.config" {
			fmt.Printf("%s:%d asks for %s=%s\n", s.Fragment, s.Line, s.Symbol, s.Value)
		}
	}
	// Output:
	// mine.config:1 asks for NET=y
	// mine.config:2 asks for UNIX=y
}

// An error lists every problem with its file and line.
func ExampleParseFragment() {
	_, err := kconfigs.ParseFragment("mine.config", []byte("CONFIG_NET\nUNIX=y\n"))
	fmt.Println(err)
	// Output:
	// mine.config:1: "CONFIG_NET" is neither "CONFIG_NAME=value", "# CONFIG_NAME is not set" nor a comment
	// mine.config:2: "UNIX=y" lacks the prefix: write CONFIG_UNIX=y
}
