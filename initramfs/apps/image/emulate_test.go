package image

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/process"
)

// foreign returns the architectures other than this machine's.
func foreign(t *testing.T) (all []arch.Arch) {
	for _, a := range arch.All() {
		if !a.Native() {
			all = append(all, a)
		}
	}
	require.NotEmpty(t, all)
	return all
}

// Programs of the other architectures run, and see themselves as root with the files of root.
func TestEmulated(t *testing.T) {
	for _, a := range foreign(t) {
		t.Run(a.Name, func(t *testing.T) {
			dir := t.TempDir()
			program := filepath.Join(dir, "who")
			require.NoError(t, os.WriteFile(program+".go", []byte(`package main
import ("os"; "runtime")
func main() { println(runtime.GOARCH, os.Getuid(), os.Args[1], os.Chown("who", 1000, 1000) == nil) }
`), 0o644))
			_, err := process.Run(t.Context(), process.Command{
				Args: []string{"go", "build", "-o", program, program + ".go"}, Env: []string{"GOARCH=" + a.GOARCH, "CGO_ENABLED=0"},
			})
			require.NoError(t, err)
			how := mode(t.Context())
			if how == "fakechroot" {
				t.Skip("this user cannot make namespaces")
			}
			command, err := builder{arch: a}.emulated(process.Command{Args: []string{program}, Dir: dir}, how)
			if process.Missing(err) {
				t.Skip(err)
			}
			require.NoError(t, err)
			said, err := process.Output(t.Context(), command)
			if strings.HasPrefix(said, "mount: ") {
				t.Skip(said) // a kernel before Linux 6.7
			}
			require.NoError(t, err)
			assert.Equal(t, a.GOARCH+" 0 --skip=check/qemu true", said)
		})
	}
}

func TestNotEmulated(t *testing.T) {
	a := foreign(t)[0]
	_, err := builder{arch: a}.emulated(process.Command{Args: []string{"mmdebstrap"}}, "fakechroot")
	assert.EqualError(t, err, "a disk for "+a.Name+" needs root, or newuidmap and an entry in /etc/subuid")
}
