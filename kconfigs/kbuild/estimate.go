package kbuild

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/progress"
)

// perSymbol is how many objects a build from nothing compiles for each symbol that is on, before the
// cache knows better: 1.3 to 1.9 for kernels of three series and architectures.
const perSymbol = 1.6

// estimate is how many objects a build is expected to compile.
type estimate struct {
	objects int
	// most is set if the object tree has objects of an earlier kernel: make compiles some again.
	most bool
}

// likely returns about how many objects the build compiles: as many as the largest build in the
// cache of a kernel of the architecture that has about as many symbols.
func (j *job) likely() estimate {
	e := estimate{}
	if entries, err := os.ReadDir(j.obj); err == nil {
		e.most = len(entries) > 0
	}
	own := symbolsOn(j.final)
	dirs, _ := filepath.Glob(j.Cache.Path(kindKernel, "*")) // fails only for a bad pattern
	for _, dir := range dirs {
		var k Kernel
		data, err := file.Read(filepath.Join(dir, infoFile), maxConfig)
		if err != nil || json.Unmarshal(data, &k) != nil || k.Arch != j.arch().Label() || k.Objects <= e.objects {
			continue
		}
		config, err := file.Read(filepath.Join(dir, configFile), maxConfig)
		if on := symbolsOn(config); err == nil && on > own*9/10 && on < own*11/10 {
			e.objects = k.Objects
		}
	}
	if e.objects < own { // there is none, or each was built after another in its object tree
		e.objects = int(perSymbol * float64(own))
	}
	return e
}

// symbolsOn counts the symbols of a .config that are y or m.
func symbolsOn(config []byte) int {
	return bytes.Count(config, []byte("=y\n")) + bytes.Count(config, []byte("=m\n"))
}

// enough is how many objects must have been compiled before their speed says how long the rest takes.
const enough = 20

// progress describes a build that has compiled some objects in some time.
func (e estimate) progress(done int, took time.Duration) string {
	of, left := "about ", ""
	if e.most {
		of = "at most about "
	}
	if done >= e.objects {
		return fmt.Sprintf("%d objects compiled", done) // the estimate was too low
	}
	if done >= enough {
		left = progress.Left(time.Duration(float64(took) / float64(done) * float64(e.objects-done)))
	}
	if left != "" && e.most {
		left = "at most " + left
	}
	if left != "" {
		left = ", " + left
	}
	return fmt.Sprintf("%d of %s%d objects%s", done, of, e.objects, left)
}
