package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/vmtests/record"
)

// On a record of a real boot, and as a person would do it: nothing of this host is left.
func TestShowRedacted(t *testing.T) {
	p := newPlace(t, "initramfs")
	p.env = append(p.env, "USER=alice.example")
	p.run("no-net").exits(t, 0)
	args := []string{"show", "--json", "--results", p.results}
	plain := p.netstrip(args...).exits(t, 0).stdout.String()
	cut := p.netstrip(append(args, "--redact")...).exits(t, 0).stdout.String()
	wd, err := os.Getwd()
	require.NoError(t, err)
	home, err := os.UserHomeDir()
	require.NoError(t, err)
	assert.Contains(t, plain, p.cache, "the line that repeats the boot has it")
	for _, secret := range []string{p.cache, p.tmp, filepath.Dir(p.results), wd, home + "/", "alice.example"} {
		assert.NotContains(t, cut, secret)
	}
	name, err := os.Hostname()
	require.NoError(t, err)
	assert.NotRegexp(t, `(?i)[^a-z0-9]`+regexp.QuoteMeta(name)+`[^a-z0-9]`, cut)
	var records []record.Record
	require.NoError(t, json.Unmarshal([]byte(cut), &records))
	require.Len(t, records, 1)
	assert.NotRegexp(t, `[ '=]/[a-z]`, records[0].Machine.Command)
	assert.Contains(t, records[0].Machine.Command, "-kernel REDACTED/")
	assert.NotEmpty(t, records[0].Findings)
	assert.Contains(t, strings.Join(records[0].Notices, " "), "were removed")
}
