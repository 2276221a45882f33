package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/table"
)

// Show writes everything about one boot or, unless probe is empty, about one probe of it. A
// family, such as socket, stands for all of its probes. It writes nothing if there is no such
// probe, which Only tells.
func Show(w io.Writer, r record.Record, probe string) error {
	var b strings.Builder
	if probe == "" {
		showBoot(&b, r)
		showFindings(&b, r)
	} else {
		showProbes(&b, r, probe)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Field writes a named value on a line, unless it is empty.
func Field(w io.Writer, key, value string) {
	if value != "" {
		fmt.Fprintf(w, "  %-10s %s\n", key, value)
	}
}

func showBoot(b *strings.Builder, r record.Record) {
	fmt.Fprintf(b, "%s\n", text(r.ID))
	Field(b, "profile", name(r.Profile))
	Field(b, "arch", text(r.Arch))
	Field(b, "append", Escape(r.Append, 4000))
	if r.Exec != nil {
		Field(b, "program", Escape(fmt.Sprintf("%q in %s", r.Exec.Argv, r.Exec.Dir), 4000))
	}
	Field(b, "outcome", outcomeCell(r).Text)
	Field(b, "reason", text(r.Reason))
	Field(b, "task", text(r.Task))
	for _, fn := range r.Trace {
		Field(b, "called", text(fn))
	}
	for _, n := range r.Notices {
		Field(b, "notice", text(n))
	}
	for _, t := range r.Tries {
		Field(b, "tried", fmt.Sprintf("%s after %.1f s, then repeated", outcomeCell(record.Record{Outcome: t.Outcome}).Text, t.Seconds))
	}
	Field(b, "cut off", text(r.Running))
	showInit(b, r)
	if !r.Time.IsZero() {
		Field(b, "started", r.Time.Format(time.RFC3339))
	}
	Field(b, "times", phases(r.Phases))
	showKernel(b, r)
	Field(b, "initramfs", joined(sizeOrNone(r.Initramfs.Bytes), text(r.Initramfs.Key)))
	if d := r.Disk; d != nil {
		Field(b, "disk", joined(sizeOrNone(d.Bytes), fmt.Sprintf("%d Debian packages", len(d.Packages)), text(d.Key)))
	}
	if r.Netstrip != nil {
		Field(b, "netstrip", text(r.Netstrip.String()))
	}
	m := r.Machine
	Field(b, "qemu", joined(text(m.QEMU), memory(m.MemoryMiB)))
	Field(b, "accel", joined(name(m.Accel), text(m.AccelReason)))
	Field(b, "command", Escape(m.Command, 8000))
	Field(b, "console", Escape(r.ConsoleLog, 1000))
	if h := r.Hello; h != nil {
		Field(b, "guest", fmt.Sprintf("%s, events through %s, %d of %d KiB of memory free, %d probes",
			text(h.Release), text(h.Channel), h.MemAvailableKB, h.MemTotalKB, len(h.Probes)))
		Field(b, "loaded", loaded(h.Modules))
	}
}

// showInit writes the init under test, and its errors.
func showInit(b *strings.Builder, r record.Record) {
	from := ""
	if n := len(r.Initramfs.Packages); n > 0 {
		from = "from " + text(r.Initramfs.Packages[0])
		if n > 1 {
			from += fmt.Sprintf(" and %d more Debian packages", n-1)
		}
	}
	Field(b, "init", joined(name(r.Init), from))
	for _, line := range r.Said {
		Field(b, "said", text(line))
	}
}

func showKernel(b *strings.Builder, r record.Record) {
	k := r.Kernel
	Field(b, "kernel", joined(text(k.Version), sizeOrNone(k.ImageBytes), text(k.Key)))
	if k.Text > 0 {
		Field(b, "sections", fmt.Sprintf("text %s, data %s, bss %s", Size(k.Text), Size(k.Data), Size(k.BSS)))
	}
	Field(b, "source", text(k.Source))
	Field(b, "compiler", text(k.Compiler))
	Field(b, "config", text(k.ConfigSHA256))
}

// phases returns the phases that were reached, in the order of the record.
func phases(p record.Phases) string {
	var said []string
	for _, t := range []struct {
		name    string
		seconds float64
	}{
		{"first byte", p.FirstByte}, {"banner", p.Banner}, {"init", p.Init},
		{"first event", p.FirstEvent}, {"done", p.Done}, {"exit", p.Exit},
		{"guest's own clock at its first event", p.GuestStart},
	} {
		if t.seconds > 0 {
			said = append(said, fmt.Sprintf("%s %.2f s", t.name, t.seconds))
		}
	}
	return strings.Join(said, ", ")
}

// joined joins the parts that are not empty.
func joined(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

func sizeOrNone(n int64) string {
	if n <= 0 {
		return ""
	}
	return Size(n)
}

func memory(mib int) string {
	if mib <= 0 {
		return ""
	}
	return fmt.Sprintf("%d MiB of memory", mib)
}

// showFindings writes every probe with its answer, value and detail.
func showFindings(b *strings.Builder, r record.Record) {
	ids := Probes(r)
	if len(ids) == 0 {
		return
	}
	b.WriteString("\n")
	var t table.Table
	for _, id := range ids {
		f, _ := Finding(r, id)
		t.Add(name(id), probeCell(r, id).Text, joined(Escape(f.Value, 60), Escape(f.Detail, 100)))
	}
	_ = t.Write(b, table.Format{}) // a Builder takes everything
}

// showProbes writes everything about one probe, or a family.
func showProbes(b *strings.Builder, r record.Record, probe string) {
	for _, id := range Probes(r) {
		if !within(id, probe) {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		begin := b.Len()
		for _, f := range r.Findings {
			if f.ID == id {
				showFinding(b, r, f)
			}
		}
		if b.Len() == begin {
			fmt.Fprintf(b, "%s in %s\n", name(id), text(r.ID))
			Field(b, "verdict", missing(r, id))
		}
	}
}

// Matching returns the findings of a probe or family.
func Matching(r record.Record, probe string) []wire.Finding {
	var found []wire.Finding
	for _, f := range r.Findings {
		if within(f.ID, probe) {
			found = append(found, f)
		}
	}
	return found
}

// Only returns the records, at least one, with nothing but a probe or family; unchanged if probe
// is empty. It is an error if none has it.
func Only(records []record.Record, probe string) ([]record.Record, error) {
	if probe == "" {
		return records, nil
	}
	known := false
	cut := slices.Clone(records)
	for i, r := range cut {
		cut[i].Findings = Matching(r, probe)
		if r.Hello != nil {
			h := *r.Hello
			h.Probes = slices.DeleteFunc(slices.Clone(h.Probes), func(id string) bool { return !within(id, probe) })
			cut[i].Hello = &h
		}
		known = known || len(Probes(cut[i])) > 0
	}
	if !known {
		where := records[0].ID
		if len(records) > 1 {
			where = records[0].Run
		}
		return nil, fmt.Errorf("no such probe in the record: %s in %s", name(probe), text(where))
	}
	return cut, nil
}

// within reports whether id is the probe, or in the family probe.
func within(id, probe string) bool {
	probe = strings.TrimSuffix(probe, "/")
	return id == probe || strings.HasPrefix(id, probe+"/")
}

// missing says why an announced probe has no finding.
func missing(r record.Record, id string) string {
	if r.Running == id {
		return "none: the boot ended while it ran"
	}
	return "none: no answer was received"
}

// loaded names the modules that were loaded.
func loaded(modules map[string]string) string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		if modules[name] == "" {
			names = append(names, text(name))
		}
	}
	return strings.Join(names, ", ")
}

func showFinding(b *strings.Builder, r record.Record, f wire.Finding) {
	fmt.Fprintf(b, "%s in %s\n", name(f.ID), text(r.ID))
	for _, p := range wire.Probes() {
		if p.ID == f.ID {
			Field(b, "question", p.Question)
		}
	}
	Field(b, "arch", text(r.Arch))
	Field(b, "verdict", name(string(f.Verdict)))
	Field(b, "errno", name(f.Errno))
	Field(b, "decided by", text(f.Call))
	Field(b, "value", Escape(f.Value, 4000))
	Field(b, "detail", Escape(f.Detail, 4000))
	for _, s := range f.Symbols {
		Field(b, "symbol", text(s.String()))
	}
	Field(b, "loaded", loaded(f.Modules))
	Field(b, "took", (time.Duration(f.Micros) * time.Microsecond).String())
	if within(f.ID, wire.PerfFamily) && r.Machine.Accel == "tcg" && len(f.Numbers) > 0 {
		Field(b, "note", "measured under emulation (tcg): only ratios to other numbers of this boot mean something")
	}
	for _, key := range slices.Sorted(maps.Keys(f.Numbers)) {
		Field(b, "number", fmt.Sprintf("%s = %g", name(key), f.Numbers[key]))
	}
}
