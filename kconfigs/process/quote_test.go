package process

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A real shell splits the text into the same words.
func TestQuote(t *testing.T) {
	words := []string{"plain/path-1.2_x", "K=v,w:x@y%z+", "", "two  words", "it's", `"`, `\`, "$HOME", "*", "~", "#", "a\nb", "é", "a'b c"}
	out, err := Output(t.Context(), Command{Args: []string{"sh", "-c", "printf '<%s>' " + Quote(words...)}})
	require.NoError(t, err)
	assert.Equal(t, "<"+strings.Join(words, "><")+">", out)
	assert.Equal(t, "plain/path-1.2_x 'two  words'", Quote(words[0], words[3]))
}
