package interchange

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const action = "../../.github/actions/netstrip"

// step runs a step of the action with a netstrip that prints its arguments, and returns what it printed.
func step(t *testing.T, temp, name string, env ...string) (string, error) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(temp, "netstrip"), []byte("#!/bin/sh\nprintf '<%s>' \"$@\" \"summary=$GITHUB_STEP_SUMMARY\"\n"), 0o755))
	path, err := filepath.Abs(action + "/steps")
	require.NoError(t, err)
	cmd := exec.Command(path, name)
	cmd.Dir = temp
	cmd.Env = append(os.Environ(), append(env, "RUNNER_TEMP="+temp, "GITHUB_STEP_SUMMARY=summary.md")...)
	out, err := cmd.CombinedOutput()
	return strings.ReplaceAll(string(out), temp, "TEMP"), err
}

// The steps pass on what the caller chose, word by word, and expand nothing.
func TestActionSteps(t *testing.T) {
	temp := t.TempDir()
	out, err := step(t, temp, "run", `NETSTRIP_COMMAND=run full --probes 'socket/*, lo' "a b" $(id) *`)
	require.NoError(t, err, out)
	assert.Equal(t, "<run><full><--probes><socket/*, lo><a b><$(id)><*><--results><TEMP/netstrip-results/netstrip.jsonl>"+
		"<--junit><TEMP/netstrip-results/junit.xml><summary=summary.md>", out)
	for _, wrong := range []string{"", "cache prune --all", "run 'x"} {
		out, err = step(t, temp, "run", "NETSTRIP_COMMAND="+wrong)
		assert.Error(t, err, out)
		assert.NotContains(t, out, "<", "it was run")
	}

	out, err = step(t, temp, "page", "NETSTRIP_NAME=arm")
	assert.NoError(t, err)
	assert.Empty(t, out, "nothing was booted")
	require.NoError(t, os.MkdirAll(temp+"/netstrip-results", 0o755))
	require.NoError(t, os.WriteFile(temp+"/netstrip-results/netstrip.jsonl", []byte("{}\n"), 0o644))
	out, err = step(t, temp, "page", "NETSTRIP_NAME=arm")
	require.NoError(t, err, out)
	assert.Equal(t, "<report><--results><TEMP/netstrip-results/netstrip.jsonl><-o><TEMP/netstrip-results/arm.html><summary=>", out)
}

// Every step that the action runs exists, and no input reaches a shell but through the environment.
func TestActionIsSound(t *testing.T) {
	var got struct {
		Inputs map[string]struct{ Description, Default string }
		Runs   struct {
			Using string
			Steps []struct {
				ID, Uses, Run, Shell, If string
				Env, With                map[string]string
			}
		}
	}
	data, err := os.ReadFile(action + "/action.yml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(data, &got))
	assert.Equal(t, "composite", got.Runs.Using)
	script, err := os.ReadFile(action + "/steps")
	require.NoError(t, err)
	used := map[string]bool{}
	for _, s := range got.Runs.Steps {
		assert.NotContains(t, s.Run, "${{")
		if s.Run == "" {
			assert.Regexp(t, `^actions/[a-z/-]+@v\d+$`, s.Uses)
			continue
		}
		name := strings.TrimPrefix(s.Run, `"$GITHUB_ACTION_PATH/steps" `)
		assert.Regexp(t, `(?m)^`+name+`\)$`, string(script))
		for variable := range s.Env {
			assert.Regexp(t, `NETSTRIP_(COMMAND|INSTALL|NAME|CACHE)`, variable)
		}
	}
	for _, m := range regexp.MustCompile(`inputs\.(\w+)`).FindAllStringSubmatch(string(data), -1) {
		used[m[1]] = true
		assert.Contains(t, got.Inputs, m[1])
	}
	assert.Len(t, used, len(got.Inputs), "an input that nothing uses")
}
