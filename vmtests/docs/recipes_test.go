package docs

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const contributing = "../../.github/CONTRIBUTING.md"

// block is a block of a recipe: a new file, or text to append to a file or to insert after the
// line that contains a text.
type block struct{ file, after, text string }

// recipes returns the blocks of each recipe, by its heading.
func recipes(t *testing.T) map[string][]block {
	t.Helper()
	data, err := os.ReadFile(contributing)
	require.NoError(t, err)
	all := map[string][]block{}
	fence := regexp.MustCompile("(?ms)^   ```\\w+ file=(\\S+) ?([^\n]*)\n(.*?)^   ```$")
	for _, section := range strings.Split(string(data), "\n## Add ")[1:] {
		name, body, _ := strings.Cut(section, "\n")
		for _, m := range fence.FindAllStringSubmatch(body, -1) {
			all[name] = append(all[name], block{m[1], m[2], regexp.MustCompile("(?m)^   ").ReplaceAllString(m[3], "")})
		}
	}
	return all
}

// apply writes the block into a copy of the repository.
func (b block) apply(t *testing.T, dir string) {
	t.Helper()
	name := filepath.Join(dir, b.file)
	old, err := os.ReadFile(name)
	switch b.after {
	case "":
		require.ErrorIs(t, err, os.ErrNotExist, "%s is new", b.file)
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		old = []byte(b.text)
	case "end":
		require.NoError(t, err)
		old = append(old, "\n"+b.text...)
		if strings.HasSuffix(b.file, ".txt") {
			old = []byte(strings.Replace(string(old), "\n\n"+b.text, "\n"+b.text, 1))
		}
	default:
		require.NoError(t, err)
		text, ok := strings.CutPrefix(b.after, "after=")
		require.True(t, ok, b.after)
		before, rest, ok := strings.Cut(string(old), text)
		require.True(t, ok, "%s has no %q", b.file, text)
		line, rest, _ := strings.Cut(rest, "\n")
		old = []byte(before + text + line + "\n" + b.text + rest)
	}
	require.NoError(t, os.WriteFile(name, old, 0o644))
}

// clone copies the files that git tracks or would add.
func clone(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	out, err := exec.CommandContext(t.Context(), "git", "-C", "../..", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	require.NoError(t, err)
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		data, err := os.ReadFile(filepath.Join("../..", name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o644))
	}
	return dir
}

// checks are commands that succeed with this output if a recipe has been followed, and not if one
// of its blocks is left out.
var checks = map[string][]struct{ command, want string }{
	"a probe":        {{"go test -vet=off -trimpath ./initramfs/probes/all", "ok"}},
	"an application": {{"go run -trimpath ./cmd/netstrip __complete apps --app lightt", "lighttpd"}},
	"a claim": {
		{"go test -vet=off -trimpath ./vmtests/docs -run TestPages/claims -update", "ok"},
		{"cat vmtests/docs/claims.md", "Pipes need networking. | false |"},
	},
	"a profile": {
		{"go test -vet=off -trimpath ./kconfigs", "ok"},
		{"go run -trimpath ./cmd/netstrip __complete run brid", "bridge\tbridges work"},
	},
	"an init": {
		{"go run -trimpath ./cmd/netstrip __complete run --init sysv", "sysvinit\tSystem V"},
		{"go list -f {{.EmbedFiles}} ./initramfs", "inits/sysvinit/etc/inittab"},
	},
	"an architecture": {
		{"go test -vet=off -trimpath ./kconfigs/arch", "ok"},
		{"go run -trimpath ./cmd/netstrip __complete run --arch ppc", "ppc64le"},
	},
}

// follows reports whether all checks of a recipe pass in dir, and the output of the first that
// fails.
func follows(ctx context.Context, recipe, dir string) (bool, string) {
	for _, c := range checks[recipe] {
		words := strings.Fields(c.command)
		cmd := exec.CommandContext(ctx, words[0], words[1:]...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), c.want) {
			return false, c.command + ":\n" + string(out)
		}
	}
	return true, ""
}

// Each recipe works if all of its blocks are applied, and only then.
func TestRecipes(t *testing.T) {
	all := recipes(t)
	require.Len(t, all, len(checks))
	for name, blocks := range all {
		t.Run(name, func(t *testing.T) {
			require.NotEmpty(t, checks[name])
			require.NotEmpty(t, blocks)
			for missing := -1; missing < len(blocks); missing++ {
				dir := clone(t)
				for i, b := range blocks {
					if i != missing {
						b.apply(t, dir)
					}
				}
				ok, said := follows(t.Context(), name, dir)
				if missing < 0 {
					require.True(t, ok, said)
				} else {
					assert.False(t, ok, "the block for %s is not needed", blocks[missing].file)
				}
				if os.Getenv("NETSTRIP_FULL") == "" {
					t.Log("EACH RECIPE IS TRIED WHOLE ONLY; run: make full")
					return
				}
			}
		})
	}
}

// The commands and the names in the recipes exist.
func TestRecipesNameWhatExists(t *testing.T) {
	data, err := os.ReadFile(contributing)
	require.NoError(t, err)
	text := regexp.MustCompile(`\s+`).ReplaceAllString(string(data), " ")
	makefile, err := os.ReadFile("../../Makefile")
	require.NoError(t, err)
	for _, m := range regexp.MustCompile("make ([a-z-]+)").FindAllStringSubmatch(text, -1) {
		assert.Regexp(t, `(?m)^`+m[1]+`:`, string(makefile))
	}
	for _, m := range regexp.MustCompile("`(\\w+)` (?:of its family )?in \\[[^]]*\\]\\(([^)]*)\\)").FindAllStringSubmatch(text, -1) {
		out, err := exec.CommandContext(t.Context(), "grep", "-rw", m[1], filepath.Join("../../.github", m[2])).CombinedOutput()
		assert.NoError(t, err, "%s in %s: %s", m[1], m[2], out)
	}
	tests := regexp.MustCompile(`go test (?:-timeout \w+ )?\./(\S+) -run '?(Test\w+)`).FindAllStringSubmatch(text, -1)
	require.NotEmpty(t, tests)
	for _, m := range tests {
		out, err := exec.CommandContext(t.Context(), "grep", "-rl", "^func "+m[2]+"(", filepath.Join("../..", m[1])).CombinedOutput()
		assert.NoError(t, err, "%s: %s", m[0], out)
	}
}

// Every netstrip command on the pages exists, with its flags.
func TestCommands(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "netstrip")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "../../cmd/netstrip").CombinedOutput()
	require.NoError(t, err, string(out))
	command := regexp.MustCompile("(?m)(?:^    (?:\\$ )?(?:\\.bin/)?|`(?:\\.bin/)?)netstrip ([a-z]+)((?: [a-z]+)?)([^`#&|;\n]*)")
	help := map[string]string{}
	for _, page := range pages(t) {
		data, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, m := range command.FindAllStringSubmatch(string(data), -1) {
			name := m[1]
			if slices.Contains([]string{"apps", "cache", "results"}, m[1]) && m[2] != "" {
				name += m[2]
			}
			if help[name] == "" {
				out, err := exec.CommandContext(t.Context(), bin, append(strings.Fields(name), "--help")...).CombinedOutput()
				require.NoError(t, err, "%s: %s", m[0], out)
				help[name] = string(out)
			}
			assert.Contains(t, help[name], "netstrip "+name, m[0])
			for _, flag := range regexp.MustCompile(`--[a-z-]+`).FindAllString(m[3], -1) {
				assert.Regexp(t, flag+`\b`, help[name], "%s: %s", page, m[0])
			}
		}
	}
	assert.Greater(t, len(help), 10)
}
