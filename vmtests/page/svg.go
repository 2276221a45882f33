package page

import (
	"fmt"
	"html/template"
	"math"
	"strings"
)

// plot is a picture with a caption.
type plot struct {
	ID, Title, Caption string
	SVG                template.HTML
	// Why says why there is no picture.
	Why string
}

// svg is a picture being drawn. Colours and fonts are classes of page.css. All sizes are in pixels.
type svg struct {
	strings.Builder
	width, height float64
}

func (s *svg) rect(class string, x, y, w, h float64, title string) {
	fmt.Fprintf(s, `<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f">%s</rect>`, class, x, y, max(w, 0), h, titled(title))
}

func (s *svg) line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(s, `<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, class, x1, y1, x2, y2)
}

func (s *svg) dot(class string, x, y float64, title string) {
	fmt.Fprintf(s, `<circle class="%s" cx="%.1f" cy="%.1f" r="4.5">%s</circle>`, class, x, y, titled(title))
}

// text writes text that begins, ends or is centred at a point.
func (s *svg) text(class string, x, y float64, text string) {
	fmt.Fprintf(s, `<text class="%s" x="%.1f" y="%.1f">%s</text>`, class, x, y, template.HTMLEscapeString(text))
}

// titled returns the element with what a pointer shows.
func titled(title string) string {
	if title == "" {
		return ""
	}
	return "<title>" + template.HTMLEscapeString(title) + "</title>"
}

// html returns the picture; label is what a screen reader says.
func (s *svg) html(label string) template.HTML {
	return template.HTML(fmt.Sprintf(`<svg role="img" aria-label="%s" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f">`,
		template.HTMLEscapeString(label), s.width, s.height, s.width, s.height) + s.String() + "</svg>")
}

// legend writes the meanings of colours in a row, and returns its width.
func (s *svg) legend(x, y float64, class string, names ...string) {
	for i, name := range names {
		s.rect(fmt.Sprintf("%s%d", class, i), x, y-9, 11, 11, "")
		s.text("label", x+16, y, name)
		x += 34 + 6.6*float64(len(name))
	}
}

// ticks returns round numbers from 0 to at most most, about five.
func ticks(most float64) []float64 {
	if most <= 0 {
		return []float64{0}
	}
	step := math.Pow(10, math.Floor(math.Log10(most)))
	for _, smaller := range []float64{2, 2.5, 2} { // to 1, 2 or 5 of the next power
		if most/step >= 4 {
			break
		}
		step /= smaller
	}
	var all []float64
	for t := 0.0; t <= most*1.0001; t += step {
		all = append(all, t)
	}
	return all
}

// Layout of the plots with a row for each kernel.
const (
	nameWidth, plotWidth = 190.0, 620.0
	rowHeight, barHeight = 24.0, 15.0
	topSpace, axisSpace  = 34.0, 24.0
)

// bars begins a plot with a row for each name, and an axis from 0 to most.
func bars(names []string, most float64, unit func(float64) string) *svg {
	s := &svg{width: nameWidth + plotWidth + 60, height: topSpace + rowHeight*float64(len(names)) + axisSpace}
	bottom := s.height - axisSpace
	for _, t := range ticks(most) {
		x := nameWidth + t/most*plotWidth
		s.line("grid", x, topSpace-4, x, bottom)
		s.text("tick", x, bottom+15, unit(t))
	}
	for i, name := range names {
		s.text("name", nameWidth-8, s.row(i)+barHeight-3, name)
	}
	return s
}

// row returns where the bar of a row begins.
func (s *svg) row(i int) float64 { return topSpace + rowHeight*float64(i) + (rowHeight-barHeight)/2 }

// shorten cuts a label that has no room.
func shorten(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
