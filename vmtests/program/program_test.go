package program

import (
	"encoding/json"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestProgram(t *testing.T) {
	vcs := []debug.BuildSetting{{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.modified", Value: "true"}}
	for want, info := range map[string]debug.BuildInfo{
		"devel":                                {},                                                      // go test
		"devel, commit 0123456789ab, modified": {Main: debug.Module{Version: "(devel)"}, Settings: vcs}, // go build, before Go 1.24
		"v1.2.3":                               {Main: debug.Module{Version: "v1.2.3"}},                 // go install ...@v1.2.3
		"v1.2.3, commit 0123456789ab":          {Main: debug.Module{Version: "v1.2.3"}, Settings: vcs[:2]},
	} {
		assert.Equal(t, want, of(&info).String())
	}
	assert.Equal(t, "unknown", (*Program)(nil).String(), "of an older record")
	require.NotEmpty(t, This().Version)
	text, err := json.Marshal(of(&debug.BuildInfo{Settings: vcs}))
	require.NoError(t, err)
	assert.Contains(t, string(text), `{"version":"devel","commit":"0123456789abcdef","modified":true}`)
}
