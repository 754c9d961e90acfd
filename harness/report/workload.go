package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"headroom/harness/result"
	"headroom/harness/stats"
)

// workload writes the section of one workload.
func (d *document) workload(name string) {
	stands, operation := describe(name)
	d.line("## Workload: %s\n", words(name))
	d.line("%s %s\n", words(stands), words(operation))
	for _, f := range d.figures {
		if f.Workload == name {
			d.figure(f)
		}
	}
	classes := make(map[string][]string) // by heading without class
	for _, t := range d.tables {
		if t.Workload == name {
			d.table(t)
			key := heading(t, "")
			classes[key] = append(classes[key], t.Class)
		}
	}
	for _, t := range d.tables { // once for each heading, in the tables' order
		key := heading(t, "")
		if t.Workload == name && len(classes[key]) > 1 {
			d.line("**Not comparable:** the samples of \"%s\" fell into the distance classes %s; designs in different tables of it must not be compared.\n",
				key, strings.Join(classes[key], " and "))
			delete(classes, key)
		}
	}
	if !slices.ContainsFunc(d.rows, func(r stats.Row) bool { return r.Workload == name }) {
		d.line("No design was compared under this workload in this run.\n")
	}
	d.lacking(name)
	d.dropped(name)
}

// figure embeds one picture.
func (d *document) figure(f Figure) {
	if f.File != "" {
		d.line("![%s](%s)\n", strings.NewReplacer("[", "(", "]", ")").Replace(words(f.Alt)), link(f.File))
		if f.Vector != "" {
			d.line("%s ([SVG](%s))\n", words(f.Title), link(f.Vector))
		} else {
			d.line("%s\n", words(f.Title))
		}
	}
	for _, w := range f.Warnings {
		d.line("* %s", words(w))
	}
	if len(f.Warnings) > 0 {
		d.line("")
	}
}

// link makes a relative path safe inside a Markdown link.
func link(path string) string {
	return strings.NewReplacer(" ", "%20", "(", "%28", ")", "%29").Replace(path)
}

// heading names a table: "2 CPUs, hold = 32, item kind tag, distance class near".
func heading(t stats.Table, class string) string {
	parts := []string{plural(t.CPUs, "CPU")}
	if p := parameters(t.Params); p != "" {
		parts = append(parts, p)
	}
	if t.ItemKind != "" {
		parts = append(parts, "item kind "+t.ItemKind)
	}
	if class != "" {
		parts = append(parts, "distance class "+class)
	}
	return strings.Join(parts, ", ")
}

// table writes one table of designs, with its doubts.
func (d *document) table(t stats.Table) {
	d.line("### %s\n", words(heading(t, t.Class)))
	prefix, size := scale(t)
	g := grid{left: 2, header: []string{
		"rank", "design", "ns/op", "CAS/op", "throughput, " + prefix + "op/s", "n", "against first",
		"irq pairs/op", "+ irq save/restore, ns/op †", "loop, ns/op", "doubts",
	}}
	var doubts []string
	for i, e := range t.Entries {
		g.add(d.entry(i, e, size, &doubts)...)
	}
	g.drop(len(g.header) - 1)
	d.line("%s", g.String())
	d.line("† published figure added, not measured: irq pairs/op x %.1f ns.\n", IRQPairNs)
	for i, text := range doubts {
		d.line("* %s: %s", letter(i), words(text))
	}
	if len(doubts) > 0 {
		d.line("")
	}
}

// entry gives the cells of one design's line and adds its doubts to those of the table.
func (d *document) entry(i int, e stats.Entry, size float64, doubts *[]string) []string {
	var letters []string
	warnings := slices.Clone(e.Warnings)
	if i > 0 {
		warnings = append(warnings, e.Against.Warnings...)
	}
	for _, text := range warnings {
		at := slices.Index(*doubts, text)
		if at < 0 {
			at = len(*doubts)
			*doubts = append(*doubts, text)
		}
		if l := letter(at); !slices.Contains(letters, l) {
			letters = append(letters, l)
		}
	}
	n := e.Ns.Count()
	rank, against := strconv.Itoa(e.Rank), e.Against.String()
	if e.Rank == 0 {
		rank, against = "none", "none"
	}
	if i == 0 && e.Rank > 0 {
		against = "first"
	}
	return []string{
		rank, code(e.Design), estimate(e.Ns, 1, n), estimate(e.CAS, 1, n), estimate(e.Throughput, size, n),
		strconv.Itoa(n), against, strconv.FormatFloat(e.IRQPairs, 'f', -1, 64), estimate(e.Ns.Plus(e.IRQPairs*IRQPairNs), 1, n),
		estimate(e.LoopNs, 1, n), strings.Join(letters, ", "),
	}
}

// letter numbers doubts: a to z, then a1 to z1 and so on.
func letter(i int) string {
	s := string(rune('a' + i%26))
	if i >= 26 {
		s += strconv.Itoa(i / 26)
	}
	return s
}

// scale is the power of a thousand that a table counts its operations a second in.
func scale(t stats.Table) (prefix string, size float64) {
	greatest := 0.0
	for _, e := range t.Entries {
		if e.Throughput.Count() > 0 {
			greatest = max(greatest, e.Throughput.Median)
		}
	}
	switch {
	case greatest >= 1e9:
		return "G ", 1e9
	case greatest >= 1e6:
		return "M ", 1e6
	case greatest >= 1e3:
		return "k ", 1e3
	}
	return "", 1
}

// lacking lists the designs that cannot run the workload (I4).
func (d *document) lacking(name string) {
	g := grid{header: []string{"design", "why it cannot run this"}, left: 2}
	for _, l := range d.run.Lacking {
		if l.Workload == name {
			g.add(code(l.Design), words(l.Reason))
		}
	}
	if len(g.rows) > 0 {
		d.line("### Designs that lack %s\n\n%s", words(name), g.String())
	}
}

// dropped lists cells without samples and samples that were set aside, with reasons (I4).
func (d *document) dropped(name string) {
	g := grid{header: []string{"cell", "why", "set aside", "kept", "their ns/op"}, left: 2}
	for i := range d.run.Cells {
		c := &d.run.Cells[i]
		if c.Workload != name {
			continue
		}
		if len(c.Kept) == 0 && len(c.Dropped) == 0 {
			g.add(code(c.Name()), "no sample was taken", "0", "0", "none")
		}
		for _, r := range reasons(c.Dropped) {
			g.add(code(c.Name()), words(r.why), strconv.Itoa(len(r.ns)), strconv.Itoa(len(c.Kept)), strings.Join(r.ns, ", "))
		}
	}
	if len(g.rows) > 0 {
		d.line("### Samples set aside\n\n%s", g.String())
	}
}

// reason is why some samples of a cell were set aside, with their ns/op.
type reason struct {
	why string
	ns  []string
}

// reasons groups samples by why they were set aside and by class, in the order of their first appearance.
func reasons(samples []result.Sample) []reason {
	var out []reason
	for _, s := range samples {
		why := s.Dropped
		if why == "" {
			why = "no reason recorded"
		}
		if s.Class != "" && !strings.Contains(why, s.Class) {
			why = fmt.Sprintf("%s (class %s)", why, s.Class)
		}
		i := slices.IndexFunc(out, func(r reason) bool { return r.why == why })
		if i < 0 {
			i = len(out)
			out = append(out, reason{why: why})
		}
		out[i].ns = append(out[i].ns, number(s.NsPerOp))
	}
	return out
}
