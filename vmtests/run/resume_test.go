package run

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netstrip/netstrip/initramfs/apps/image"
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
)

// A run with applications resumes only with the same ones on the same disk, and one without only
// without.
func TestResumeAsksTheSame(t *testing.T) {
	none := &Runner{}
	redis := &Runner{opts: Options{Apps: []wire.App{{ID: "app/redis/unix"}}, Disk: &image.Disk{Key: "a"}}}
	newer := &Runner{opts: Options{Apps: redis.opts.Apps, Disk: &image.Disk{Key: "b"}}}
	nginx := &Runner{opts: Options{Apps: []wire.App{{ID: "app/nginx/unix"}}, Disk: redis.opts.Disk}}
	for name, tc := range map[string]struct {
		began, now *Runner
		want       error
		says       string
	}{
		"probes":              {none, none, nil, ""},
		"applications":        {redis, redis, nil, ""},
		"now without":         {redis, none, ErrOther, "use netstrip apps --resume"},
		"now with":            {none, redis, ErrOther, "use netstrip run --resume"},
		"other packages":      {redis, newer, ErrChanged, "start a new run"},
		"another application": {redis, nginx, ErrChanged, "start a new run"},
	} {
		t.Run(name, func(t *testing.T) {
			err := tc.now.sameApps(&record.Run{Plan: record.Plan{Apps: tc.began.appsKey()}})
			assert.ErrorIs(t, err, tc.want)
			if tc.want != nil {
				assert.ErrorContains(t, err, tc.says)
			}
		})
	}
}
