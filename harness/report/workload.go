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
	d.line("## Workload: %s\n", words(subject(name)))
	d.line("%s %s\n", words(stands), words(operation))
	d.line("%s\n", costOf(name))
	for _, f := range d.figures {
		if f.Workload == name {
			d.figure(f)
		}
	}
	d.costs(name)
	d.throughputs(name)
	d.tails(name)
	d.counters(name)
	if !slices.ContainsFunc(d.rows, func(r stats.Row) bool { return r.Workload == name }) {
		d.line("No design was compared under this workload in this run.\n")
	}
	d.lacking(name)
	d.dropped(name)
}

// figure embeds one picture, which leads to its form as SVG where there is one.
func (d *document) figure(f Figure) {
	if f.File != "" {
		picture := fmt.Sprintf("![%s](%s)", strings.NewReplacer("[", "(", "]", ")").Replace(words(f.Alt)), link(f.File))
		if f.Vector != "" {
			picture = fmt.Sprintf("[%s](%s)", picture, link(f.Vector))
		}
		d.line("%s\n\n*%s*\n", picture, words(f.Title))
	}
	for _, w := range f.Warnings {
		d.line("> * %s", words(w))
	}
	if len(f.Warnings) > 0 {
		d.line("")
	}
}

// link makes a relative path safe inside a Markdown link.
func link(path string) string {
	return strings.NewReplacer(" ", "%20", "(", "%28", ")", "%29").Replace(path)
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
