package table

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Terminal returns the format that suits a terminal, with colour unless NO_COLOR is set, if w is
// one; otherwise the zero value.
func Terminal(w io.Writer) (f Format) {
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return f
	}
	f.Colour = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	f.Width, _, _ = term.GetSize(int(file.Fd())) // 0 if it is not known
	return f
}
