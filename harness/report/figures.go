package report

import (
	"fmt"
	"slices"
	"strings"

	"headroom/harness/plot"
	"headroom/harness/result"
	"headroom/harness/stats"
)

// draw makes the pictures of every workload that has samples.
func draw(env result.Env, run *result.Run) (figures []Figure, files []result.File) {
	rows := slices.DeleteFunc(stats.Rows(run), func(r stats.Row) bool { return r.Throughput.Count() == 0 || result.IsControl(r.Params) })
	caption := plot.Caption{Commit: commit(env), CPU: env.Get(result.KeyCPU), Designs: distinct(rows, func(r stats.Row) string { return r.Design })}
	slices.Sort(caption.Designs)
	for _, name := range distinct(rows, func(r stats.Row) string { return r.Workload }) {
		_, caption.Definition = describe(name)
		own := slices.DeleteFunc(slices.Clone(rows), func(r stats.Row) bool { return r.Workload != name })
		// The throughput of an open loop is its load's.
		means := slices.DeleteFunc(slices.Clone(own), func(r stats.Row) bool { return result.IsAside(r.Params) || r.OpenLoop() })
		add := func(shown []stats.Row, pictures []plot.Picture, err error) {
			if err != nil {
				figures = append(figures, Figure{Workload: name, Warnings: []string{"No picture: " + strings.TrimPrefix(err.Error(), "plot: ")}})
			}
			for _, p := range pictures {
				f := Figure{Workload: name, Title: p.Title, Alt: p.Alt, File: p.Name + ".png", Vector: p.Name + ".svg", Warnings: shownDoubts(shown, p.ItemKind)}
				figures = append(figures, f)
				files = append(files, result.File{Name: f.File, Data: p.PNG}, result.File{Name: f.Vector, Data: p.SVG})
			}
		}
		if len(means) > 0 {
			pictures, err := plot.Draw(means, caption)
			add(means, pictures, err)
		}
		timed := slices.DeleteFunc(own, func(r stats.Row) bool { return len(r.Tails) == 0 })
		pictures, err := plot.Spectra(timed, caption)
		add(timed, pictures, err)
	}
	return figures, files
}

// shownDoubts gathers the warnings about the rows of one item kind, each with the count of cells that it is about (I5).
func shownDoubts(rows []stats.Row, kind string) []string {
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
