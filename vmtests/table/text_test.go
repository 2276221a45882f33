package table

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSplit(t *testing.T) {
	for _, tt := range []struct {
		name    string
		columns []int
		room    int
		want    []span
	}{
		{"all fit", []int{0, 5, 5, 5}, 21, []span{{1, 4}}},
		{"evened out", []int{0, 5, 5, 5, 5}, 22, []span{{1, 3}, {3, 5}}},
		{"even does not fit", []int{0, 9, 9, 1, 1, 1}, 14, []span{{1, 2}, {2, 4}, {4, 6}}},
		{"one is too wide", []int{0, 50, 5}, 10, []span{{1, 2}, {2, 3}}},
		{"no room at all", []int{0, 5, 5}, -3, []span{{1, 2}, {2, 3}}},
	} {
		assert.Equal(t, tt.want, split(tt.columns, 2, tt.room), tt.name)
	}
}
