package usage

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestError(t *testing.T) {
	err := fmt.Errorf("reading: %w", Errorf("no such profile: %q: %w", "x", fs.ErrNotExist))
	assert.EqualError(t, err, `reading: no such profile: "x": file does not exist`)
	assert.ErrorAs(t, err, &Error{}, "the mark survives wrapping")
	assert.ErrorIs(t, err, fs.ErrNotExist, "and hides nothing")
	assert.False(t, errors.As(fs.ErrNotExist, &Error{}))
}
