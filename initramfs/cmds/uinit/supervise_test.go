//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
)

// fakeEnv makes the test binary a child whose probe "x/bad" behaves as its value says.
const fakeEnv = "NETSTRIP_TEST_FAKE"

func TestMain(m *testing.M) {
	if how := os.Getenv(fakeEnv); how != "" {
		fake(how, os.Args[1:])
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// fake is a family of probes, run as a child runs them.
func fake(how string, ids []string) {
	out := os.NewFile(childFD, "findings")
	for _, id := range ids {
		if id == "x/bad" {
			misbehave(how, out)
		}
		if err := writeLine(out, wire.Finding{ID: id, Verdict: wire.Works}); err != nil {
			os.Exit(3)
		}
	}
}

func misbehave(how string, out *os.File) {
	switch how {
	case "hang":
		select {}
	case "panic":
		panic("no such luck")
	case "goroutine":
		go panic("behind its back")
		select {}
	case "signal":
		fmt.Fprintln(os.Stderr, "first words\nlast words")
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	case "exit":
		os.Exit(0)
	case "garbage":
		fmt.Fprintln(out, "Segmentation fault")
	case "half":
		out.WriteString(`{"id":"x/bad","verdict":"wor`)
		os.Exit(1)
	case "stranger":
		writeLine(out, wire.Finding{ID: "x/other", Verdict: wire.Works})
	case "verdict":
		writeLine(out, wire.Finding{ID: "x/bad", Verdict: "perhaps"})
	case "long":
		writeLine(out, wire.Finding{ID: "x/bad", Verdict: wire.Works, Detail: strings.Repeat("x", lineLimit)})
	case "chatter":
		for {
			os.Stderr.WriteString(strings.Repeat("blah ", 1000) + "\n")
		}
	case "closed":
		out.Close()
		select {}
	case "grandchild":
		// It keeps the pipes open after its parent is gone.
		cmd := exec.Command("sleep", "600")
		cmd.ExtraFiles, cmd.Stdout, cmd.Stderr = []*os.File{out}, os.Stdout, os.Stderr
		if err := cmd.Start(); err != nil {
			panic(err)
		}
		os.Exit(4)
	}
}

// A probe can only spoil its own finding.
func TestOneBadProbe(t *testing.T) {
	for _, tc := range []struct {
		how  string
		want []string // what its detail must say
	}{
		{"hang", []string{"hung", "killed after"}},
		{"panic", []string{"ended", "exit status 2", "panic: no such luck"}},
		{"goroutine", []string{"ended", "panic: behind its back"}},
		{"signal", []string{"ended", "signal: killed", "last words"}},
		{"exit", []string{"ended", "exit status 0"}},
		{"garbage", []string{"garbage", "Segmentation fault"}},
		{"half", []string{"garbage", "wor"}},
		{"stranger", []string{"not its own", "x/other"}},
		{"verdict", []string{"not its own", "perhaps"}},
		{"long", []string{"a line of more than"}},
		{"chatter", []string{"printed more than", "blah"}},
		{"closed", []string{"has not exited"}},
		{"grandchild", []string{"hung"}},
	} {
		t.Run(tc.how, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			limit := time.Minute
			if strings.Contains(tc.want[0], "hung") {
				limit = time.Second
			}
			started, found := runFake(t, tc.how, limit)
			assert.Less(t, time.Since(begin), 30*time.Second)
			assert.Equal(t, []string{"x/first", "x/bad", "x/last"}, started)
			require.Len(t, found, 3)
			assert.Equal(t, wire.Works, found[0].Verdict, "%+v", found[0])
			assert.Equal(t, wire.Works, found[2].Verdict, "%+v", found[2])
			assert.Equal(t, "x/bad", found[1].ID)
			assert.Equal(t, wire.Inconclusive, found[1].Verdict)
			for _, want := range tc.want {
				assert.Contains(t, found[1].Detail, want)
			}
			assert.Positive(t, found[1].Micros)
			assert.LessOrEqual(t, len(found[1].Detail), detailLimit)
		})
	}
}

func TestGoodFamilyNeedsOneChild(t *testing.T) {
	started, found := runFake(t, "good", 20*time.Second)
	assert.Len(t, started, 3)
	for _, f := range found {
		assert.Equal(t, wire.Works, f.Verdict, "%+v", f)
	}
}

func TestChildThatCannotStart(t *testing.T) {
	var found []wire.Finding
	s := supervisor{
		command: func([]string) *exec.Cmd { return exec.Command("/nonexistent/netstrip") },
		start:   func(string) {},
		found:   func(f wire.Finding) { found = append(found, f) },
	}
	s.run([]task{{id: "x/a", limit: time.Second}, {id: "x/b", limit: time.Second}})
	require.Len(t, found, 2)
	for _, f := range found {
		assert.Equal(t, wire.Inconclusive, f.Verdict)
		assert.Contains(t, f.Detail, "no such file or directory")
	}
}

// runFake runs three probes, the middle one with a time limit.
func runFake(t *testing.T, how string, limit time.Duration) (started []string, found []wire.Finding) {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	children := 0
	s := supervisor{
		command: func(ids []string) *exec.Cmd {
			children++
			cmd := exec.Command(exe, ids...)
			cmd.Env = append(os.Environ(), fakeEnv+"="+how)
			return cmd
		},
		start: func(id string) { started = append(started, id) },
		found: func(f wire.Finding) { found = append(found, f) },
	}
	s.run([]task{{id: "x/first", limit: time.Minute}, {id: "x/bad", limit: limit}, {id: "x/last", limit: time.Minute}})
	if how == "good" {
		assert.Equal(t, 1, children)
	} else {
		assert.Equal(t, 2, children)
	}
	return started, found
}

func TestLastWords(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "",
		"\n \n":                  "",
		"one\ntwo\n\n":           "two",
		"one\npanic: x\n\ngo 1 ": "panic: x",
		"fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1": "fatal error: all goroutines are asleep - deadlock!",
	} {
		assert.Equal(t, want, lastWords(text), "%q", text)
	}
}

func TestChatterKeepsBothEnds(t *testing.T) {
	c := newChatter()
	fmt.Fprint(c, "begin")
	for range chatterLimit / 1000 {
		fmt.Fprint(c, strings.Repeat("x", 1000))
	}
	fmt.Fprint(c, "end")
	text := c.tail()
	assert.True(t, strings.HasPrefix(text, "begin"))
	assert.True(t, strings.HasSuffix(text, "end"))
	assert.Len(t, text, 2*keep)
	select {
	case <-c.over:
		t.Error("over before its limit")
	default:
	}
	fmt.Fprint(c, strings.Repeat("x", 1000))
	<-c.over
}
