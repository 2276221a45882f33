package appreport

import (
	"testing"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/stretchr/testify/assert"
)

func TestList(t *testing.T) {
	const own = "app/darkhttpd/loopback"
	r := record.Record{Profile: "full+apps", Series: "6.12", Own: []string{own}, Findings: []wire.Finding{
		{ID: own, Verdict: wire.Works, Numbers: map[string]float64{"seconds": 1.5}}, {ID: "app/redis/unix", Verdict: wire.Absent, Errno: "ENOSYS"}, {ID: "lo/up", Verdict: wire.Works},
	}}
	redis := Answer{App: "redis", Way: "unix", Profile: "full+apps", Series: "6.12", Verdict: wire.Absent, Errno: "ENOSYS"}
	dark := Answer{App: "darkhttpd", Way: "loopback", Profile: "full+apps", Series: "6.12", Verdict: wire.Works, Seconds: 1.5, Own: true}
	assert.Equal(t, []Answer{dark, redis}, List([]record.Record{r}, wire.AppFamily))
	probe, found := Having([]record.Record{r}, "redis")
	assert.Equal(t, []Answer{redis}, List(found, probe))
	_, found = Having([]record.Record{r, {Profile: "full"}}, "nginx")
	assert.Empty(t, found)
}
