package studies

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPredict(t *testing.T) {
	for _, tt := range []struct{ socket, pair, noUnix, noNet string }{
		{"", "", "works", "works"},
		{"either", "", "works", "works"},
		{"stub", "", "works", "works"},
		{"fake", "", "cannot say", "breaks"},
		{"required", "", "cannot say", "breaks"},
		{"required", "stub", "cannot say", "breaks"},
		{"", "either", "works", "works"},
		{"either", "either", "cannot say", "cannot say"},
		{"either", "required", "breaks", "breaks"},
		{"", "fake", "breaks", "breaks"},
		{"required", "required", "breaks", "breaks"},
	} {
		w := workload{calls: map[string]string{"socket": tt.socket, "socketpair": tt.pair}}
		p, _ := w.predict(noUnix)
		assert.Equal(t, prediction(tt.noUnix), p, "%v without UNIX", tt)
		p, _ = w.predict(noNet)
		assert.Equal(t, prediction(tt.noNet), p, "%v without NET", tt)
	}
}

// Which workloads are compared with which ways.
func TestLoupeVerdicts(t *testing.T) {
	serves := map[string]string{"socket": "required", "socketpair": "required", "listen": "required"}
	for _, tt := range []struct {
		name, id, grid string
		calls          map[string]string
		rung           string
		want           Agreement
	}{
		{"benchmark", "app/x/loopback", "wwwawaaa", serves, noUnix, Agree},
		{"benchmark", "app/x/loopback", "wwwwwaaa", serves, noUnix, Disagree},
		{"benchmark", "app/x/loopback", "wwwawaaa", serves, noNet, Agree},
		{"benchmark", "app/x/loopback", "awwawaaa", serves, noNet, NotComparable},
		{"benchmark", "app/x/loopback", ".wwawaaa", serves, noNet, NotComparable},
		{"benchmark", "app/x/loopback", "wwwawaai", serves, noNet, NotComparable},
		{"suite", "app/x/loopback", "wwwawaaa", serves, noUnix, NotComparable},
		{"benchmark", "app/x/none", "wwwawaaa", serves, noNet, NotComparable},
		{"benchmark", "app/x/none", "wwwwwwww", map[string]string{"socket": "fake", "accept": "stub"}, noNet, NotComparable},
		{"benchmark", "app/x/none", "wwwwwwww", map[string]string{"socket": "fake", "accept4": "stub"}, noNet, NotComparable},
		{"benchmark", "app/x/none", "wwwwwwww", nil, noNet, Agree},
		{"suite", "app/x/none", "wwwwwwwa", nil, noNet, Disagree},
		{"benchmark", "app/x/loopback", "wwwwwaaa", nil, noNet, NotComparable},
		{"benchmark", "app/x/none", "wwwwwwww", map[string]string{"socket": "required"}, noNet, Disagree},
		{"benchmark", "app/x/none", "wwwwwwww", map[string]string{"socket": "required"}, noUnix, NotComparable},
	} {
		a := collect(boots(1, "6.12", tt.id+" "+tt.grid))["6.12"]
		w := workload{"x", tt.name, tt.calls}
		assert.Equal(t, tt.want, w.row(a, tt.rung, tt.id).Verdict, "%+v", tt)
	}
}

// The numbers of workloads in Loupe's table for applications of netstrip.
func TestLoupeTable(t *testing.T) {
	all, err := parseLoupe("loupe.csv", loupeCSV)
	require.NoError(t, err)
	assert.Len(t, all, 29)
	for app, want := range map[string]int{"nginx": 3, "apache2": 1, "httpd": 1, "mariadb": 1, "redis": 2, "rabbitmq": 1, "node": 2, "flask": 1, "django": 1, "postgresql": 0, "squid": 0} {
		n := 0
		for _, w := range all {
			if slices.ContainsFunc(names(app), func(n theirs) bool { return n.name == w.application }) {
				n++
			}
		}
		assert.Equal(t, want, n, app)
	}
}

// parse reads a table with the reader that its file is named for, and describes the result.
func parse(file, text string) string {
	var b strings.Builder
	if strings.HasPrefix(file, "lupine") {
		all, err := parseLupine(file, text)
		fmt.Fprintf(&b, "%v\n", all)
		if err != nil {
			return err.Error() + "\n"
		}
		return b.String()
	}
	all, err := parseLoupe(file, text)
	if err != nil {
		return err.Error() + "\n"
	}
	for _, w := range all {
		fmt.Fprintf(&b, "%v\n", w)
	}
	return b.String()
}

func TestReadCorpus(t *testing.T) {
	files, err := filepath.Glob("testdata/read/*.csv")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		golden(t, strings.TrimSuffix(file, ".csv")+".golden", parse(filepath.Base(file), string(text)))
	}
}

// FuzzRead checks that any table yields only valid values, or errors that name the file.
func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/read/*.csv")
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, file := range files { // the tables themselves are too long: the fuzzer would only shorten them
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		all, err := parseLoupe("f", text)
		for _, w := range all {
			for call, v := range w.calls {
				require.True(t, err != nil || slices.Contains([]string{"required", "stub", "fake", "either"}, v), "%s %s", call, v)
			}
		}
		lists, err2 := parseLupine("f", text)
		for app, l := range lists {
			require.True(t, err2 != nil || app != "" && l.options >= len(l.network), "%s %v", app, l)
		}
		for _, err := range []error{err, err2} {
			if err != nil {
				require.True(t, strings.HasPrefix(err.Error(), "f:"), err.Error())
			}
		}
	})
}
