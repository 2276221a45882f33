package rename

import "strings"

// Places returns the lines of the table for some symbols, by their names: where a kernel defines
// them. A prompt that others have too tells nothing and is left out.
func Places(entries []Entry, wanted map[string]bool) map[string]string {
	prompts := map[string]int{}
	for _, e := range entries {
		prompts[strings.ToLower(e.Prompt)]++
	}
	lines := map[string]string{}
	for _, p := range placesOf(entries) {
		if prompts[strings.ToLower(p.Prompt)] > 1 {
			p.Prompt = ""
		}
		if lines[p.Symbol] == "" && wanted[p.Symbol] {
			lines[p.Symbol] = p.String()
		}
	}
	return lines
}
