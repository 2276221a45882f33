package record

import (
	"maps"
	"slices"
	"strings"
)

// standing returns one record per ID: the last one, at the position of the first. A boot with an
// infrastructure failure is repeated under the same ID when its run is resumed.
func standing(records []Record) []Record {
	var out []Record
	at := map[string]int{}
	for _, r := range records {
		if i, seen := at[r.ID]; seen {
			out[i] = r
			continue
		}
		at[r.ID] = len(out)
		out = append(out, r)
	}
	return out
}

// ByRun groups records by run, oldest run first, and keeps their order within each. Of a
// repeated ID the last line counts.
func ByRun(records []Record) [][]Record {
	byName := map[string][]Record{}
	for _, r := range standing(records) {
		byName[r.Run] = append(byName[r.Run], r)
	}
	// The names of runs sort by time.
	return slices.SortedFunc(maps.Values(byName), func(a, b []Record) int { return strings.Compare(a[0].Run, b[0].Run) })
}

// Latest returns the newest record of each profile, kernel series, architecture and choice of probes, in
// the order in which they first appear.
func Latest(records []Record) []Record {
	var latest []Record
	type choice struct{ profile, variant, probes string }
	at := map[choice]int{}
	for _, r := range records {
		key := choice{r.Profile, r.Variant(), r.Probes}
		i, seen := at[key]
		if !seen {
			at[key] = len(latest)
			latest = append(latest, r)
			continue
		}
		if !r.Time.Before(latest[i].Time) { // of two at the same time, the later line
			latest[i] = r
		}
	}
	return latest
}

// Find returns the records that ref names: the one with that ID, or else those of that run,
// or else the newest of that profile, of any series unless ref names one (full@6.1). It
// returns none if ref names nothing.
func Find(records []Record, ref string) []Record {
	var byID, byRun []Record
	for _, r := range records {
		if r.ID == ref {
			byID = []Record{r} // the last line counts
		}
		if r.Run == ref {
			byRun = append(byRun, r)
		}
	}
	if byID != nil {
		return byID
	}
	if byRun != nil {
		return standing(byRun)
	}
	var newest []Record
	for _, r := range Latest(records) {
		if r.Called(ref) && (newest == nil || !r.Time.Before(newest[0].Time)) {
			newest = []Record{r}
		}
	}
	return newest
}
