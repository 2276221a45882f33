package doctor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netstrip/netstrip/kconfigs/programs"
	"github.com/netstrip/netstrip/vmtests/table"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestChecks(t *testing.T) {
	good := Check{Name: "make", OK: true, Found: "4.3"}
	spare := Check{Name: "ccache", Optional: true, Found: "not found", Package: "ccache"}
	require.NoError(t, Checks{good, spare}.Err())
	bad := Checks{good, spare, {Name: "flex", Package: "flex"}, {Name: "lex", Package: "flex", Found: "\x1b"}, {Name: "cache"}}
	require.EqualError(t, bad.Err(), "not ready: flex, lex, cache; "+programs.Command("flex"))
	require.EqualError(t, bad[4:].Err(), "not ready: cache")
	var b strings.Builder
	require.NoError(t, bad.Table().Write(&b, table.Format{}))
	assert.Regexp(t, `(?m)^make +ok +4\.3$`, b.String())
	assert.Regexp(t, `(?m)^ccache +optional +not found$`, b.String())
	assert.Regexp(t, `(?m)^lex +MISSING +\\x1b$`, b.String())
}

func TestCheckProgram(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	p := programs.Program{Name: "no-such-tool", Package: "tools", Uses: []string{"this", "that"}}
	how := programs.Command("tools")
	c := checkProgram(t.Context(), p)
	assert.Equal(t, Check{Name: p.Name, Optional: true, Package: "tools", Found: "not found: " + how + "; used for this, that"}, c)
	p.Required = true
	c = checkProgram(t.Context(), p)
	assert.Equal(t, Check{Name: p.Name, Package: "tools", Found: "not found: " + how}, c)
	require.NoError(t, os.WriteFile(filepath.Join(dir, p.Name), []byte("#!/bin/sh\necho tool 3.9\n"), 0o755))
	assert.Equal(t, Check{Name: p.Name, OK: true, Found: "found"}, checkProgram(t.Context(), p))

	p = programs.Program{Name: filepath.Join(dir, "file"), Package: "files", Required: true}
	c = checkProgram(t.Context(), p)
	assert.Equal(t, Check{Name: "file", Package: "files", Found: "not found: " + programs.Command("files")}, c)
	require.NoError(t, os.WriteFile(p.Name, nil, 0o644))
	assert.Equal(t, Check{Name: "file", OK: true, Found: p.Name}, checkProgram(t.Context(), p))
}

func TestCheckSpace(t *testing.T) {
	dir := t.TempDir()
	assert.Contains(t, checkSpace(dir).Found, dir+", ")
	none := checkSpace(filepath.Join(dir, "none"))
	assert.False(t, none.OK)
	assert.Contains(t, none.Found, "no such file")
}
