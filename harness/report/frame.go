package report

import (
	"slices"
	"strconv"
	"strings"

	"headroom/harness/measure"
	"headroom/harness/result"
	"headroom/harness/stats"
)

// frame says in what the rows of one table differ, apart from their design: that stands in columns, the rest in the heading.
type frame struct {
	guarantee bool
	class     bool
	params    []string
	heading   string // what all rows share: "tag, waits, bounded, hold = 32, distance class near"
}

// newFrame works out the frame of rows of one workload and item kind.
func newFrame(rows []stats.Row) frame {
	var f frame
	guarantees, classes := distinct(rows, func(r stats.Row) string { return r.Guarantee }), classesOf(rows)
	f.guarantee, f.class = len(guarantees) > 1, len(classes) > 1
	parts := []string{rows[0].ItemKind, guarantees[0]}
	if f.guarantee {
		parts[1] = ""
	}
	var keys []string
	for _, r := range rows {
		for _, p := range r.Params {
			if !slices.Contains(keys, p.Key) {
				keys = append(keys, p.Key)
			}
		}
	}
	for _, key := range keys {
		values := distinct(rows, func(r stats.Row) string { return result.Env(r.Params).Get(key) })
		if len(values) > 1 {
			f.params = append(f.params, key)
		} else {
			parts = append(parts, key+" = "+values[0])
		}
	}
	if len(classes) == 1 && classes[0] != measure.Single {
		parts = append(parts, "distance class "+classes[0])
	}
	f.heading = strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
	return f
}

// classesOf gives the distance classes of the rows that have one.
func classesOf(rows []stats.Row) []string {
	return slices.DeleteFunc(distinct(rows, func(r stats.Row) string { return r.Class }), func(s string) bool { return s == "" })
}

// columns names the frame's columns; the first is the design's.
func (f frame) columns() []string {
	names := []string{"design"}
	if f.guarantee {
		names = append(names, "guarantee")
	}
	names = append(names, "CPUs")
	if f.class {
		names = append(names, "class")
	}
	return append(names, f.params...)
}

// cells gives the frame's cells of a row.
func (f frame) cells(r *stats.Row) []string {
	cells := []string{code(r.Design)}
	if f.guarantee {
		cells = append(cells, words(r.Guarantee))
	}
	cells = append(cells, strconv.Itoa(r.CPUs))
	if f.class {
		cells = append(cells, words(r.Class))
	}
	for _, key := range f.params {
		cells = append(cells, words(result.Env(r.Params).Get(key)))
	}
	return cells
}

// distinct gives the different keys of rows in the order of their appearance.
func distinct(rows []stats.Row, key func(stats.Row) string) []string {
	var keys []string
	for _, r := range rows {
		if k := key(r); !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return keys
}
