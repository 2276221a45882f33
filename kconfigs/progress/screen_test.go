package progress

import (
	"bufio"
	"os"
	"strings"
	"testing"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
)

// screen is what a terminal shows: all lines since the beginning, of which the last are visible. It
// wraps long lines as a terminal does, and rejects control sequences that it does not know.
type screen struct {
	t        *testing.T
	ours     *os.File
	in       *bufio.Reader
	width    int
	height   int
	lines    [][]rune
	row, col int
}

func (s *screen) resize(columns, rows int) {
	s.width, s.height = columns, rows
	require.NoError(s.t, pty.Setsize(s.ours, &pty.Winsize{Cols: uint16(columns), Rows: uint16(rows)}))
}

// read draws everything before the next NUL.
func (s *screen) read() {
	s.t.Helper()
	if s.in == nil {
		s.in = bufio.NewReader(s.ours)
	}
	for {
		r, _, err := s.in.ReadRune()
		require.NoError(s.t, err)
		switch r {
		case 0:
			return
		case '\r':
			s.col = 0
		case '\n':
			s.row++
		case '\x1b':
			s.control()
		default:
			require.GreaterOrEqual(s.t, r, ' ')
			if s.col == s.width {
				s.row, s.col = s.row+1, 0
			}
			s.put(r)
			s.col++
		}
	}
}

func (s *screen) put(r rune) {
	for len(s.lines) <= s.row {
		s.lines = append(s.lines, nil)
	}
	line := s.lines[s.row]
	for len(line) <= s.col {
		line = append(line, ' ')
	}
	line[s.col] = r
	s.lines[s.row] = line
}

// control executes ESC [ n A (up, as far as the first visible line) or ESC [ J (erase what follows).
func (s *screen) control() {
	s.t.Helper()
	var n int
	r, _, err := s.in.ReadRune()
	require.NoError(s.t, err)
	require.Equal(s.t, '[', r)
	for {
		r, _, err = s.in.ReadRune()
		require.NoError(s.t, err)
		if r < '0' || r > '9' {
			break
		}
		n = n*10 + int(r-'0')
	}
	switch r {
	case 'A':
		s.row = max(s.row-n, len(s.lines)-s.height, 0)
	case 'J':
		require.Zero(s.t, s.col)
		s.lines = s.lines[:min(s.row, len(s.lines))]
	default:
		require.Failf(s.t, "unknown control sequence", "%q", r)
	}
}

// text returns the lines, including those that have scrolled away.
func (s *screen) text() []string {
	all := make([]string, len(s.lines))
	for i, l := range s.lines {
		all[i] = strings.TrimRight(string(l), " ")
	}
	return all
}
