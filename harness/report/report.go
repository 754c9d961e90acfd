// Package report writes a run's report.md: every figure with its interval, its count of samples and its doubts, next to
// the command, the commit and the environment that it came from.
//
// Invariants:
//
//	I1  the same run folder gives the same bytes
//	I2  no figure stands without its interval and its count; where there are too few samples for an interval it says so
//	I3  designs are ranked within one workload, parameters, item kind, CPU count and distance class only
//	I4  what is missing is listed: designs that lack a workload, cells without samples, samples set aside, all with reasons
//	I5  a doubt stands beside what it is about, and what was not measured is marked as such
package report

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"headroom/harness/plot"
	"headroom/harness/result"
	"headroom/harness/stats"
)

// IRQPairNs is the published cost of one local_irq_save and local_irq_restore in nanoseconds: 37 cycles of an i7-4790K
// at 4 GHz (Linux commits fbd02630c6e3, d0ecd894e3d5, e6cdb58d1c83). User space cannot mask interrupts, so the
// designs run without; the report adds this figure in a column of its own.
const IRQPairNs = 9.4

// Figure is a picture that the report shows in the section of its workload.
type Figure struct {
	Workload string
	Title    string
	Alt      string   // description for a reader who cannot see it
	File     string   // path of the picture, relative to the report; "" when it could not be drawn
	Vector   string   // path of the same as SVG, relative to the report; "" without one
	Warnings []string // doubts printed under the picture
}

// Markdown writes the report of a run. figures appear in the sections of their workloads, in the order given. The error
// is that of w.
func Markdown(w io.Writer, env result.Env, run *result.Run, figures []Figure) error {
	d := &document{env: env, run: run, figures: figures}
	for _, r := range stats.Rows(run) {
		if result.IsControl(r.Params) {
			d.control = append(d.control, r)
		} else {
			d.rows = append(d.rows, r)
		}
	}
	d.tables = stats.Tables(d.rows, run.Control.AASpreadPct)
	d.head()
	d.warnings()
	d.environment()
	d.ruler()
	d.reading()
	for _, name := range d.workloads() {
		d.workload(name)
	}
	d.traces()
	_, err := w.Write(d.b.Bytes())
	return err
}

// document is a report being written.
type document struct {
	env     result.Env
	run     *result.Run
	figures []Figure
	rows    []stats.Row // of comparisons
	control []stats.Row // of the run's control
	tables  []stats.Table
	b       bytes.Buffer
}

// line writes one line.
func (d *document) line(format string, args ...any) {
	fmt.Fprintf(&d.b, format+"\n", args...)
}

// workloads names the workloads that were run or that some design lacks, in the order of their appearance.
func (d *document) workloads() []string {
	var names []string
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, r := range d.rows {
		add(r.Workload)
	}
	for _, r := range d.control {
		add(r.Workload)
	}
	for _, l := range d.run.Lacking {
		add(l.Workload)
	}
	return names
}

// Write reads the run folder dir, draws its pictures into it and writes its report.md; it returns the report's path.
//
// All files are put into place together. A picture that cannot be drawn does not cost the report: the reason stands in
// its place. The error is that of result.Read, or of writing.
func Write(dir string) (path string, err error) {
	env, run, err := result.Read(dir)
	if err != nil {
		return "", err
	}
	figures, files := draw(env, run)
	var b bytes.Buffer
	if err := Markdown(&b, env, run, figures); err != nil {
		return "", err
	}
	files = append(files, result.File{Name: result.ReportFile, Data: b.Bytes()})
	if err := result.WriteFiles(dir, files); err != nil {
		return "", err
	}
	return filepath.Join(dir, result.ReportFile), nil
}

// draw makes the pictures of every workload that has samples.
func draw(env result.Env, run *result.Run) (figures []Figure, files []result.File) {
	rows := slices.DeleteFunc(stats.Rows(run), func(r stats.Row) bool { return r.Throughput.Count() == 0 || result.IsControl(r.Params) })
	caption := plot.Caption{Commit: commit(env), CPU: env.Get(result.KeyCPU)}
	for _, r := range rows {
		caption.Designs = append(caption.Designs, r.Design)
	}
	slices.Sort(caption.Designs)
	caption.Designs = slices.Compact(caption.Designs)
	for len(rows) > 0 {
		name := rows[0].Workload
		var own, rest []stats.Row
		for _, r := range rows {
			if r.Workload == name {
				own = append(own, r)
			} else {
				rest = append(rest, r)
			}
		}
		rows = rest
		_, caption.Definition = describe(name)
		pictures, err := plot.Draw(own, caption)
		if err != nil {
			figures = append(figures, Figure{Workload: name, Warnings: []string{"No picture: " + strings.TrimPrefix(err.Error(), "plot: ")}})
			continue
		}
		for _, p := range pictures {
			f := Figure{Workload: name, Title: p.Title, Alt: p.Alt, File: p.Name + ".png", Vector: p.Name + ".svg", Warnings: doubts(own, p.ItemKind)}
			figures = append(figures, f)
			files = append(files, result.File{Name: f.File, Data: p.PNG}, result.File{Name: f.Vector, Data: p.SVG})
		}
	}
	return figures, files
}

// doubts gathers the warnings about the rows of one item kind, each with the count of cells that it is about (I5).
func doubts(rows []stats.Row, kind string) []string {
	var texts []string
	counts := make(map[string]int)
	cells := 0
	for _, r := range rows {
		if r.ItemKind != kind {
			continue
		}
		cells++
		for _, w := range r.Warnings {
			if counts[w] == 0 {
				texts = append(texts, w)
			}
			counts[w]++
		}
	}
	for i, w := range texts {
		texts[i] = fmt.Sprintf("%d of the %s shown: %s", counts[w], plural(cells, "cell"), w)
	}
	return texts
}
