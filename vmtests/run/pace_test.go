package run

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestPace(t *testing.T) {
	p := newPace(nil, []string{"full", "no-net", "mine"}, map[string]float64{"full": 9, "no-net": 3})
	assert.Equal(t, "0 of 3", p.text(time.Minute))
	p.add(0)
	assert.Equal(t, "1 of 3, about 60 s left", p.text(time.Minute), "3 and the mean of 6 are left of 18")
	p.add(2)
	assert.Equal(t, "2 of 3, about 10 s left", p.text(time.Minute))
	p.add(1)
	assert.Equal(t, "3 of 3", p.text(time.Minute))
	unknown := newPace(nil, []string{"a", "b"}, nil)
	unknown.add(0)
	assert.Equal(t, "1 of 2, about 60 s left", unknown.text(time.Minute))
}

func TestBooting(t *testing.T) {
	before := time.Now().Add(-4 * time.Second)
	assert.Equal(t, "booting, 4 s", booting(before, 0)())
	assert.Equal(t, "booting, 4 of about 8 s", booting(before, 8)())
	assert.Equal(t, "booting, 4 s", booting(before, 2)())
}
