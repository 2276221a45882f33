package initramfs

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A program that go install made from a version finds the source of that version: with and
// without -trimpath, in any directory, and after the module cache was removed.
func TestInstalledVersion(t *testing.T) {
	if os.Getenv("NETSTRIP_FULL") == "" {
		t.Skip("compiles netstrip twice from a module proxy, which takes minutes; NETSTRIP_FULL=1 does it")
	}
	kernel := builtKernel(t)
	list, err := exec.Command("git", "-C", "..", "ls-files", "--cached", "--others", "--exclude-standard").Output()
	require.NoError(t, err)
	proxy(t, "..", strings.Fields(string(list)))
	other := fakeModule(t) // a checkout with another guest
	t.Setenv("GOBIN", t.TempDir())
	program := filepath.Join(os.Getenv("GOBIN"), "netstrip")
	keys := map[string]bool{}
	for _, flags := range [][]string{{"-trimpath"}, nil} {
		install := exec.Command("go", append(append([]string{"install"}, flags...), modulePath+"/cmd/netstrip@"+testVersion)...)
		install.Dir = t.TempDir()
		out, err := install.CombinedOutput()
		require.NoError(t, err, string(out))
		for _, dir := range []string{t.TempDir(), other} {
			keys[bootedImage(t, program, dir, kernel)] = true
		}
		require.NoError(t, os.RemoveAll(os.Getenv("GOMODCACHE"))) // as go clean -modcache does
		keys[bootedImage(t, program, other, kernel)] = true
		require.NoError(t, os.RemoveAll(os.Getenv("GOMODCACHE")))

		usable := os.Getenv("GOPROXY")
		t.Setenv("GOPROXY", "off")
		run := installed(t, program, other, kernel)
		said, err := run.CombinedOutput()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
		assert.Equal(t, 3, exit.ExitCode())
		assert.Regexp(t, `(?m)^netstrip: fetching `+modulePath+`@`+testVersion+`, from whose source .*GOPROXY=off\n\z`, string(said))
		t.Setenv("GOPROXY", usable)
	}
	assert.Len(t, keys, 1, "the image depends on where netstrip is run")
}

// builtKernel returns the image of the ladder's smallest kernel.
func builtKernel(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "run", "../cmd/netstrip", "build", "no-net", "--quiet", "--json").Output()
	require.NoError(t, err)
	var built []struct{ Image string }
	require.NoError(t, json.Unmarshal(out, &built))
	require.Len(t, built, 1)
	return built[0].Image
}

// installed returns a command that makes an image and boots a kernel with it.
func installed(t *testing.T, program, dir, kernel string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(program, "run", "--kernel", kernel, "--quiet", "--json",
		"--cache", filepath.Join(t.TempDir(), "cache"), "--results", filepath.Join(t.TempDir(), "results.jsonl"))
	cmd.Dir = dir
	return cmd
}

// bootedImage boots a kernel and returns the key of the image that was made.
func bootedImage(t *testing.T, program, dir, kernel string) string {
	t.Helper()
	cmd := installed(t, program, dir, kernel)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	require.NoError(t, err, errs.String())
	var records []struct {
		Outcome   string
		Initramfs struct{ Key string }
	}
	require.NoError(t, json.Unmarshal(out, &records))
	require.Len(t, records, 1)
	assert.Equal(t, "completed", records[0].Outcome)
	require.NotEmpty(t, records[0].Initramfs.Key)
	return records[0].Initramfs.Key
}
