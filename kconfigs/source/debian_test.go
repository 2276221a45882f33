package source

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs/cache"
)

// archive is an archive of Debian packages with a key of its own, which real apt reads.
type archive struct {
	debian
	t    *testing.T
	root string // what the server has
	home string // gpg's
}

// newArchive makes an archive with two suites and no package.
func newArchive(t *testing.T) *archive {
	t.Helper()
	needTools(t, "tar", "xz", "make")
	for _, program := range []string{"apt-get", "dpkg-deb", "gpg"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
	// gpg makes a socket in its home, whose path must be short.
	home, err := os.MkdirTemp("", "gpg")
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run()
		os.RemoveAll(home)
	})
	a := &archive{t: t, root: t.TempDir(), home: home}
	a.Keyrings = []string{filepath.Join(t.TempDir(), "nosuch.gpg"), filepath.Join(t.TempDir(), "keyring.gpg")}
	a.gpg("--quick-gen-key", "test@example.org", "ed25519", "sign", "never")
	a.gpg("--output", a.Keyrings[1], "--export", "test@example.org")
	a.Suites = []string{"old", "new"}
	for _, suite := range a.Suites {
		a.publish(suite, "")
	}
	srv := httptest.NewServer(http.FileServer(http.Dir(a.root)))
	t.Cleanup(srv.Close)
	a.Mirror = srv.URL
	none := filepath.Join(t.TempDir(), "apt.conf") // the system's mirror would come first
	write(t, none, "Dir::Etc::SourceList \"/dev/null\";\nDir::Etc::SourceParts \"/dev/null\";\nAcquire::Retries \"0\";\nAcquire::AllowInsecureRepositories \"true\";\n")
	t.Setenv("APT_CONFIG", none)
	return a
}

func (a *archive) gpg(args ...string) {
	a.t.Helper()
	out, err := exec.Command("gpg", append([]string{"--homedir", a.home, "--batch", "--passphrase", ""}, args...)...).CombinedOutput()
	require.NoError(a.t, err, string(out))
}

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// publish writes and signs a suite that has the given packages.
func (a *archive) publish(suite, packages string) {
	a.t.Helper()
	arch, err := exec.Command("dpkg", "--print-architecture").Output()
	require.NoError(a.t, err)
	list := "main/binary-" + strings.TrimSpace(string(arch)) + "/Packages"
	dir := filepath.Join(a.root, "dists", suite)
	write(a.t, filepath.Join(dir, list), packages)
	write(a.t, filepath.Join(dir, "Release"), fmt.Sprintf("Origin: Test\nSuite: %s\nCodename: %s\nDate: %s\nArchitectures: %s\nComponents: main\nSHA256:\n %s %d %s\n",
		suite, suite, time.Now().UTC().Format(time.RFC1123), arch[:len(arch)-1], hashOf([]byte(packages)), len(packages), list))
	a.gpg("--yes", "--clearsign", "--output", filepath.Join(dir, "InRelease"), filepath.Join(dir, "Release"))
	require.NoError(a.t, os.Remove(filepath.Join(dir, "Release")))
}

// add makes the package of a series and returns its entry in a list of packages, and its tarball.
func (a *archive) add(series, version string) (entry string, tarball []byte) {
	a.t.Helper()
	made := newTarball(a.t, newTree(a.t), ".tar.xz", "--xz")
	tarball, err := os.ReadFile(made)
	require.NoError(a.t, err)
	dir := a.t.TempDir()
	name := "linux-source-" + series
	control := "Package: " + name + "\nVersion: " + version + "\nArchitecture: all\nMaintainer: test <test@example.org>\nDescription: source\n"
	write(a.t, filepath.Join(dir, "DEBIAN/control"), control)
	write(a.t, filepath.Join(dir, debianDir, name+".tar.xz"), string(tarball))
	deb := filepath.Join(a.root, name+"_"+version+".deb")
	out, err := exec.Command("dpkg-deb", "--root-owner-group", "--build", dir, deb).CombinedOutput()
	require.NoError(a.t, err, string(out))
	data, err := os.ReadFile(deb)
	require.NoError(a.t, err)
	return control + fmt.Sprintf("Filename: %s\nSize: %d\nSHA256: %s\n\n", filepath.Base(deb), len(data), hashOf(data)), tarball
}

func (a *archive) get(c *cache.Cache, series string) (string, error) {
	return apt{debian: a.debian, series: series, cache: c}.get(a.t.Context())
}

func TestDebian(t *testing.T) {
	a := newArchive(t)
	older, _ := a.add("6.12", "6.12.1-1")
	newer, tarball := a.add("6.12", "6.12.2-1~bpo1+1")
	other, _ := a.add("7.3", "7.3.1-1")
	a.publish("old", older+other)
	a.publish("new", newer)
	c := newCache(t)
	sum, err := a.get(c, "6.12")
	require.NoError(t, err)
	assert.Equal(t, hashOf(tarball), sum, "the newest in any suite")
	nothingKept(t, c, "none")

	// It is used again without a network, also when there is a newer one.
	require.NoError(t, os.RemoveAll(filepath.Join(a.root, "dists")))
	s, err := Open(t.Context(), Options{Cache: c, Series: "6.12"})
	require.NoError(t, err)
	if _, err := os.Stat("/usr/src/linux-source-6.12.tar.xz"); err != nil {
		assert.Equal(t, sum, s.ID)
	}
	s = &Source{cache: c, series: "6.12"}
	s.openDownload("6.12", remembered(c, "6.12"))
	assert.Equal(t, "Debian's linux-source-6.12 6.12.2-1~bpo1+1 (sha256 "+sum[:12]+")", s.Origin)
	tree, err := s.Tree(t.Context())
	require.NoError(t, err)
	assert.FileExists(t, filepath.Join(tree, "Makefile"))

	// Whoever removes the entry gets the newest again.
	require.NoError(t, os.RemoveAll(c.Path(kindDownload, sum)))
	assert.Empty(t, remembered(c, "6.12"))
}

func TestDebianFaults(t *testing.T) {
	a := newArchive(t)
	one, _ := a.add("6.12", "6.12.1-1")
	two, _ := a.add("7.3", "7.3.1-1")
	a.publish("old", one+two)
	fails := func(series string, want ...string) {
		t.Helper()
		c := newCache(t)
		_, err := a.get(c, series)
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "\n")
		for _, w := range want {
			assert.ErrorContains(t, err, w)
		}
		assert.Empty(t, remembered(c, series))
		nothingKept(t, c, kindDownload)
	}
	_, err := a.get(newCache(t), "9.9")
	require.EqualError(t, err, "Debian has no linux-source-9.9 in old, new, only those of 6.12, 7.3")
	assert.ErrorAs(t, err, new(noSeries))

	// The package was replaced, or is incomplete.
	require.NoError(t, os.WriteFile(filepath.Join(a.root, "linux-source-6.12_6.12.1-1.deb"), []byte("x"), 0o644))
	fails("6.12", "downloading Debian's linux-source-6.12 6.12.1-1: Failed to fetch "+a.Mirror)
	require.NoError(t, os.Remove(filepath.Join(a.root, "linux-source-6.12_6.12.1-1.deb")))
	fails("6.12", "downloading Debian's linux-source-6.12 6.12.1-1: Failed to fetch ", "404")

	// A suite was changed after it was signed.
	release := filepath.Join(a.root, "dists/new/InRelease")
	signed, err := os.ReadFile(release)
	require.NoError(t, err)
	write(t, release, strings.Replace(string(signed), "Origin: Test", "Origin: Tess", 1))
	fails("7.3", "checking the signature of Debian's archive: ")
	// It is not signed at all.
	require.NoError(t, os.Remove(release))
	write(t, filepath.Join(a.root, "dists/new/Release"), "Origin: Test\nSuite: new\nComponents: main\n")
	fails("7.3", "checking the signature of Debian's archive: ", "is not signed")
	// The signature is by somebody else.
	require.NoError(t, os.Remove(filepath.Join(a.root, "dists/new/Release")))
	write(t, release, string(signed))
	a.gpg("--quick-gen-key", "other@example.org", "ed25519", "sign", "never")
	a.gpg("--yes", "--output", a.Keyrings[1], "--export", "other@example.org")
	fails("7.3", "checking the signature of Debian's archive: ")

	a.Mirror = "http://127.0.0.1:1"
	fails("7.3", "reading Debian's package lists: Failed to fetch http://127.0.0.1:1/", "Could not connect")
	require.NoError(t, os.Remove(a.Keyrings[1]))
	assert.False(t, a.usable())
}

// If Debian's archive cannot be asked, a pinned release is tried, and an error names both.
func TestPinnedInsteadOfDebian(t *testing.T) {
	s := &Source{cache: newCache(t)}
	release := Options{URL: "http://127.0.0.1:1/linux.tar.xz", SHA256: strings.Repeat("0", 64), Series: "0.1"}
	require.NoError(t, s.openInstead(release, errors.New("the mirror is down")))
	assert.Equal(t, release.SHA256, s.ID)
	_, err := s.tarball(t.Context(), "")
	require.ErrorContains(t, err, "downloading http://127.0.0.1:1/linux.tar.xz: ")
	assert.ErrorContains(t, err, "; and Debian's archive was of no use: the mirror is down")

	require.NoError(t, s.openInstead(release, noSeries{series: "0.1"}))
	_, err = s.tarball(t.Context(), "")
	assert.NotContains(t, err.Error(), "Debian's archive")
}
