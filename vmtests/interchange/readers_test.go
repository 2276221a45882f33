package interchange

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/source"
	"github.com/netstrip/netstrip/vmtests/expect"
)

// schema returns the path of a schema, which is not part of the repository, in the directory
// NETSTRIP_SCHEMAS, or else beside the repository.
func schema(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("NETSTRIP_SCHEMAS")
	if dir == "" {
		dir = "../../../shared"
	}
	path, err := filepath.Abs(filepath.Join(dir, name))
	require.NoError(t, err)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("NOT TESTED against the schema, which is missing: %v; NETSTRIP_SCHEMAS names its directory", err)
	}
	return path
}

func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("NETSTRIP_REQUIRE_VM") != "" {
		t.Fatalf("%v; netstrip doctor names its package", err)
	}
	if err != nil {
		t.Skipf("NOT TESTED: %v; netstrip doctor names its package", err)
	}
	return path
}

// Jenkins's schema accepts the JUnit of every corpus, and Go's own reader finds the texts unchanged.
func TestJUnitIsValid(t *testing.T) {
	lint, xsd := program(t, "xmllint"), schema(t, "junit-10.xsd")
	args := []string{"--noout", "--huge", "--schema", xsd}
	dir := t.TempDir()
	for name, records := range corpus(t) {
		data, err := JUnit(records)
		require.NoError(t, err)
		path := filepath.Join(dir, name+".xml")
		require.NoError(t, os.WriteFile(path, data, 0o644))
		args = append(args, path)
	}
	out, err := exec.Command(lint, args...).CombinedOutput()
	assert.NoError(t, err, string(out))

	require.NoError(t, os.WriteFile(filepath.Join(dir, "wrong.xml"), []byte(`<testsuites skipped="1"/>`), 0o644))
	out, err = exec.Command(lint, "--noout", "--schema", xsd, filepath.Join(dir, "wrong.xml")).CombinedOutput()
	assert.Error(t, err, "the schema accepts everything: %s", out)
}

// Each test has as many results in the XML as it has in the records.
func TestJUnitCounts(t *testing.T) {
	type result struct {
		Message string `xml:"message,attr"`
	}
	var got struct {
		Suites []struct {
			Name     string `xml:"name,attr"`
			Tests    int    `xml:"tests,attr"`
			Failures int    `xml:"failures,attr"`
			Errors   int    `xml:"errors,attr"`
			Cases    []struct {
				Class   string  `xml:"classname,attr"`
				Name    string  `xml:"name,attr"`
				Skipped *result `xml:"skipped"`
				Error   *result `xml:"error"`
				Failure *result `xml:"failure"`
				Out     string  `xml:"system-out"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	kernels, err := judge(kept, sample())
	require.NoError(t, err)
	data, err := writeJUnit(kernels)
	require.NoError(t, err)
	require.NoError(t, xml.Unmarshal(data, &got))
	require.Len(t, got.Suites, len(kernels))
	for i, k := range kernels {
		s := got.Suites[i]
		assert.Equal(t, k.name, s.Name)
		require.Len(t, s.Cases, len(k.tests))
		for n, one := range k.tests {
			c := s.Cases[n]
			assert.Equal(t, k.name, c.Class)
			assert.Equal(t, one.name, c.Name)
			assert.Equal(t, one.status == differs, c.Failure != nil, "%s %s", k.name, one.name)
			assert.Equal(t, one.status == missing || one.status == fault && one.name == bootName, c.Error != nil, "%s %s", k.name, one.name)
			assert.Equal(t, one.status == notAsked || one.status == fault && one.name != bootName, c.Skipped != nil, "%s %s", k.name, one.name)
			if one.status == agrees && one.words != "" {
				assert.Contains(t, c.Out, one.words)
			}
		}
	}
	assert.Equal(t, []int{7, 1, 2}, []int{got.Suites[0].Tests, got.Suites[0].Failures, got.Suites[0].Errors})
}

// Long output is left out before the file becomes too long for its readers, which the file says.
func TestJUnitIsBounded(t *testing.T) {
	kernels, err := judge(kept, sample())
	require.NoError(t, err)
	whole, n, err := junitOf(kernels, true)
	require.NoError(t, err)
	data, err := limitedJUnit(kernels, len(whole)-1, n)
	require.NoError(t, err)
	assert.Less(t, len(data), len(whole))
	assert.Contains(t, string(data), "the output of tests that passed, which would be too long")
	assert.NotContains(t, string(data), "absent as expected")
	assert.Contains(t, string(data), "want works unshare(CLONE_NEWNET), got absent")
	_, err = limitedJUnit(kernels, 1000, n)
	assert.EqualError(t, err, "it would have more than the 0 MiB that GitLab reads: choose fewer records")
	_, err = limitedJUnit(kernels, len(whole), n-1)
	assert.EqualError(t, err, "it would have 23 tests, more than the 22 that GitLab reads: choose fewer records")
}

// group is what kunit.py parse --json prints of a test with others in it.
type group struct {
	Name  string  `json:"name"`
	Subs  []group `json:"sub_groups"`
	Cases []struct {
		Name   string `json:"name"`
		Status string `json:"status"`
	} `json:"test_cases"`
}

// kunit reads KTAP with the reader of the kernel.
func kunit(t *testing.T, ktap []byte) (group, string) {
	t.Helper()
	python, reader := program(t, "python3"), kunitReader(t)
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.ktap"), filepath.Join(dir, "out.json")
	require.NoError(t, os.WriteFile(in, ktap, 0o644))
	cmd := exec.Command(python, reader, "parse", "--json="+out, in)
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1") // it must not write into the source
	said, _ := cmd.CombinedOutput()                             // it exits with 1 if a test failed
	data, err := os.ReadFile(out)
	require.NoError(t, err, string(said))
	var g group
	require.NoError(t, json.Unmarshal(data, &g))
	return g, string(said)
}

// kunitReader returns the path of kunit.py in a kernel source that is unpacked already.
func kunitReader(t *testing.T) string {
	t.Helper()
	c, err := cache.Open("")
	require.NoError(t, err)
	found, err := filepath.Glob(filepath.Join(c.Dir, source.Kind, "*", "tools/testing/kunit/kunit.py"))
	require.NoError(t, err)
	if found == nil {
		require.Empty(t, os.Getenv("NETSTRIP_REQUIRE_VM"), "no kernel source is unpacked in the cache")
		t.Skip("NOT TESTED with the kernel's reader: no kernel source is unpacked in the cache; netstrip build unpacks it")
	}
	return found[len(found)-1]
}

// The kernel's reader finds every test, under its name and with its status, and no error.
func TestKTAPIsRead(t *testing.T) {
	want := map[status]string{agrees: "PASS", unjudged: "PASS", differs: "FAIL", missing: "FAIL", notAsked: "SKIP", fault: "SKIP"}
	for name, records := range corpus(t) {
		kernels, err := judge(map[bool]expect.Files{true: kept}[name == "sample"], records)
		require.NoError(t, err)
		data, err := writeKTAP(kernels)
		require.NoError(t, err)
		g, said := kunit(t, data)
		if len(kernels) == 0 {
			assert.Contains(t, said, "0 tests run!", "nothing is no success")
			continue
		}
		assert.NotContains(t, said, "[ERROR]", name)
		require.Len(t, g.Subs, len(kernels), name)
		for i, k := range kernels {
			assert.Equal(t, unmarked.Replace(ktapName(k.name)), g.Subs[i].Name)
			found := map[string]string{}
			for _, sub := range append(g.Subs[i].Subs, g.Subs[i]) {
				for _, c := range sub.Cases {
					assert.NotContains(t, found, c.Name)
					found[c.Name] = c.Status
				}
			}
			assert.Len(t, found, len(k.tests), "%s %s", name, k.name)
			for _, one := range k.tests {
				assert.Equal(t, want[one.status], found[unmarked.Replace(ktapName(one.name))], "%s %s %s", name, k.name, one.name)
			}
		}
	}
}

// The schema of KCIDB accepts the report of every corpus.
func TestKCIDBIsValid(t *testing.T) {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	compiled, err := compiler.Compile(schema(t, "kcidb-v5.3.schema.json"))
	require.NoError(t, err)
	for name, records := range corpus(t) {
		data, err := KCIDB(records)
		require.NoError(t, err)
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		require.NoError(t, err)
		assert.NoError(t, compiled.Validate(value), name)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(`{"version": {"major": 5}, "tests": [{"id": "a:1", "origin": "a", "build_id": "a:2", "path": "a/b"}]}`))
	require.NoError(t, err)
	assert.Error(t, compiled.Validate(value), "the schema accepts everything")
}

// What KCIDB tells apart, and what other readers do not.
func TestKCIDBStatus(t *testing.T) {
	kernels, err := judge(kept, sample())
	require.NoError(t, err)
	data, err := writeKCIDB(kernels)
	require.NoError(t, err)
	var got kcidbReport
	require.NoError(t, json.Unmarshal(data, &got))
	status := map[string]string{}
	for _, one := range got.Tests {
		status[strings.TrimPrefix(one.ID, "netstrip:20260301T101500Z-4711/")] = one.Status
	}
	for id, want := range map[string]string{
		"full/kernel/mqueue": "PASS", "full/netns/unshare": "FAIL", "full/path/route4": "ERROR", "full/lo/mtu": "ERROR", "full/app/redis/unix": "DONE",
		"no-net/boot": "FAIL", "no-net/netns/unshare": "SKIP", "no-net/2/boot": "MISS", "no-net/2/lo/present": "MISS", "no-inet/boot": "MISS",
		"full/3/perf/tcp4": "PASS", "full/3/perf/tcp4/latency": "DONE", "my.config/path/route4": "ERROR", "my.config/lo/present": "DONE",
	} {
		assert.Equal(t, want, status[id], id)
	}
	assert.Len(t, got.Checkouts, 2, "one source, and none")
	assert.Equal(t, "585a4a074597", got.Checkouts[0].Misc["source_sha256"])
}
