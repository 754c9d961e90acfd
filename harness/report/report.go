// Package report writes a run's report.md, and report.html from the same text: every figure with its interval, its count of
// samples and its doubts, next to the command, the commit and the environment that it came from.
//
// Invariants:
//
//	I1  the same run folder gives the same bytes
//	I2  no figure stands without its interval and its count; where there are too few samples for an interval it says so
//	I3  designs are ranked within one workload, parameters, item kind, guarantee, CPU count and distance class only
//	I4  what is missing is listed: designs that lack a workload, cells without samples, samples set aside, all with reasons
//	I5  a doubt stands beside what it is about, and what was not measured is marked as such
//	I6  report.html is one file: it shows what report.md does, and fetches nothing
package report

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"headroom/harness/result"
	"headroom/harness/stats"
)

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
	ranked := slices.DeleteFunc(slices.Clone(d.rows), func(r stats.Row) bool { return result.IsAside(r.Params) })
	d.tables = stats.Tables(ranked, run.Control.AASpreadPct)
	d.head()
	d.warnings()
	d.summary()
	d.repeat()
	d.ruler()
	d.reading()
	for _, name := range d.workloads() {
		d.workload(name)
	}
	d.layers()
	d.traces()
	d.environment()
	_, err := w.Write(d.b.Bytes())
	return err
}

// document is a report being written.
type document struct {
	env     result.Env
	run     *result.Run
	figures []Figure
	rows    []stats.Row   // of comparisons, and those taken apart for one
	control []stats.Row   // of the run's control
	tables  []stats.Table // of comparisons
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

// byPlace orders rows for tables that rank nothing: by guarantee, CPUs, class and parameters, then by design.
func byPlace(a, b stats.Row) int {
	return cmp.Or(
		cmp.Compare(a.Guarantee, b.Guarantee), cmp.Compare(a.CPUs, b.CPUs), cmp.Compare(a.Class, b.Class),
		stats.CompareParams(a.Params, b.Params), cmp.Compare(a.Design, b.Design),
	)
}

// byPlaceOnly is byPlace without parameters and class, for tables in which a line stands for cells of several.
func byPlaceOnly(a, b stats.Row) int {
	return cmp.Or(cmp.Compare(a.Guarantee, b.Guarantee), cmp.Compare(a.CPUs, b.CPUs), cmp.Compare(a.Design, b.Design))
}

// Write reads the run folder dir, draws its pictures into it and writes its report.md and report.html; it returns the path of the
// former.
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
	page, err := Page(b.Bytes(), files)
	if err != nil {
		return "", err
	}
	files = append(files, result.File{Name: result.ReportFile, Data: b.Bytes()}, result.File{Name: result.PageFile, Data: page})
	if err := result.WriteFiles(dir, files); err != nil {
		return "", err
	}
	return filepath.Join(dir, result.ReportFile), nil
}
