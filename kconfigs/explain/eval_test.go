package explain_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/kconf"
)

// TestExpressions covers cases that are rare in the real trees.
func TestExpressions(t *testing.T) {
	w := &explain.ConfigState{
		Tree: tree(t,
			`{"name":"Y","type":"bool"}`, `{"name":"M","type":"tristate"}`, `{"name":"N","type":"bool"}`,
			`{"name":"INT","type":"integer"}`, `{"name":"HEX","type":"hex"}`, `{"name":"BARE","type":"hex"}`,
			`{"name":"STR","type":"string"}`),
		Values: map[string]kconf.Value{
			"Y": {Value: "y"}, "M": {Value: "m"}, "N": {Value: "n"},
			"INT": {Value: "9"}, "HEX": {Value: "0x10"}, "BARE": {Value: "10"}, "STR": {Value: "abc"},
		},
	}
	for _, tt := range []struct {
		expr     string
		want     kconf.Tri
		blockers []string
	}{
		{`"Y"`, kconf.Yes, nil},
		{`"M"`, kconf.Mod, []string{"M"}},
		{`"SPARC"`, kconf.No, []string{"SPARC"}},
		{`"INT"`, kconf.No, []string{"INT"}},
		{`"'y"`, kconf.Yes, nil},
		{`["!","M"]`, kconf.Mod, []string{"!M"}},
		{`["!","Y"]`, kconf.No, []string{"!Y"}},
		{`["!",["&&","Y","M"]]`, kconf.Mod, []string{"!Y || !M"}},
		{`["!",["||","Y","N"]]`, kconf.No, []string{"!Y"}},
		{`["!",["!","N"]]`, kconf.No, []string{"N"}},
		{`["&&","Y","M","N"]`, kconf.No, []string{"M", "N"}},
		{`["&&","N",["||","N","Y"],"N"]`, kconf.No, []string{"N"}},
		{`["||","'n","N"]`, kconf.No, []string{"N"}},
		{`["||",["&&","Y","N"],"M"]`, kconf.Mod, []string{"N || M"}},
		{`["=","M","'m"]`, kconf.Yes, nil},
		{`["!=","N","'y"]`, kconf.Yes, nil},
		{`[">","Y","M"]`, kconf.Yes, nil},
		{`[">","M","N"]`, kconf.Yes, nil},
		{`["=","HEX","BARE"]`, kconf.Yes, nil},
		{`["<","Y","N"]`, kconf.No, []string{"Y < N"}},
		{`[">=","INT","10"]`, kconf.No, []string{"INT >= 10"}},
		{`["<","INT","10"]`, kconf.Yes, nil},
		{`["=","HEX","16"]`, kconf.Yes, nil},
		{`[">","HEX","INT"]`, kconf.Yes, nil},
		{`["<=","HEX","0xf"]`, kconf.No, []string{"HEX <= 0xf"}},
		{`["=","STR","'abc"]`, kconf.Yes, nil},
		{`["<","STR","'abd"]`, kconf.Yes, nil},
		{`["=","SPARC","'n"]`, kconf.No, []string{"SPARC = n"}},
	} {
		e := &kconf.Expr{}
		require.NoError(t, json.Unmarshal([]byte(tt.expr), e), tt.expr)
		assert.Equal(t, tt.want, w.Eval(e), tt.expr)
		assert.Equal(t, tt.blockers, w.Blockers(e), tt.expr)
	}
}
