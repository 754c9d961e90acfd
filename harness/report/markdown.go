package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"headroom/harness/result"
	"headroom/harness/stats"
)

// grid is a Markdown table, written so that it can also be read as plain text.
type grid struct {
	header []string
	left   int // count of leading columns that are words; the others are figures and stand to the right
	rows   [][]string
}

// add adds a line. A bar inside a cell, even within code, would end the cell, so it is escaped here.
func (g *grid) add(cells ...string) {
	for i := range cells {
		cells[i] = strings.ReplaceAll(cells[i], "|", `\|`)
	}
	g.rows = append(g.rows, cells)
}

// drop removes a column whose cells are all empty.
func (g *grid) drop(column int) {
	for _, row := range g.rows {
		if row[column] != "" {
			return
		}
	}
	g.header = append(g.header[:column:column], g.header[column+1:]...)
	for i, row := range g.rows {
		g.rows[i] = append(row[:column:column], row[column+1:]...)
	}
}

// String writes the table, each line ended.
func (g *grid) String() string {
	width := make([]int, len(g.header))
	for _, row := range append([][]string{g.header}, g.rows...) {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell), 3)
		}
	}
	var b strings.Builder
	write := func(cell func(i int) string) {
		for i := range g.header {
			b.WriteString("| " + cell(i) + " ")
		}
		b.WriteString("|\n")
	}
	pad := func(row []string) func(i int) string {
		return func(i int) string {
			space := strings.Repeat(" ", width[i]-utf8.RuneCountInString(row[i]))
			if i < g.left {
				return row[i] + space
			}
			return space + row[i]
		}
	}
	write(pad(g.header))
	write(func(i int) string {
		if i < g.left {
			return strings.Repeat("-", width[i])
		}
		return strings.Repeat("-", width[i]-1) + ":"
	})
	for _, row := range g.rows {
		write(pad(row))
	}
	return b.String()
}

var marks = strings.NewReplacer("<", "&lt;", "*", `\*`, "`", "\\`", "\n", " ", "\r", " ")

// words makes any text safe to stand in a line or a table cell.
func words(s string) string { return strings.TrimSpace(marks.Replace(s)) }

// code sets a name in the face of code.
func code(s string) string {
	return "`" + strings.NewReplacer("`", "'", "\n", " ").Replace(s) + "`"
}

// block sets text as a block of code, fenced by more backquotes than it holds in a row.
func block(text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence + "sh\n" + strings.TrimRight(text, "\n") + "\n" + fence
}

// number writes v with four significant digits, or with all those before the point when they are more.
func number(v float64) string {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	decimals := 3 - int(math.Floor(math.Log10(math.Abs(v))))
	return strconv.FormatFloat(v, 'f', min(max(decimals, 0), 9), 64)
}

// estimate writes a median with its interval, in units of size: "12.31 [12.25, 12.40]" (I2). An estimate of another count
// than n, the count of its row, has its own beside it.
func estimate(e stats.Estimate, size float64, n int) string {
	if e.Count() == 0 {
		return "none"
	}
	s := number(e.Median/size) + " [no interval]"
	if e.Bounded() {
		s = fmt.Sprintf("%s [%s, %s]", number(e.Median/size), number(e.Low/size), number(e.High/size))
	}
	if e.Count() != n {
		s += fmt.Sprintf(" n=%d", e.Count())
	}
	return s
}

// timed writes an estimate of nanoseconds in the unit that its median calls for: "31.82 us [30.10, 35.56]". Below 10,000 ns it is ns, so that
// figures of one table mostly share it.
func timed(e stats.Estimate, n int) string {
	const least = 10 // of a unit
	for _, u := range []struct {
		size float64
		name string
	}{{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}, {1, "ns"}} {
		if e.Count() > 0 && (e.Median >= least*u.size || u.size == 1) {
			median, interval, _ := strings.Cut(estimate(e, u.size, n), " ")
			return median + " " + u.name + " " + interval
		}
	}
	return estimate(e, 1, n)
}

// percent writes a percentage.
func percent(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) + " %" }

// pValue writes a p-value.
func pValue(p float64) string {
	if p < 0.001 {
		return "p < 0.001"
	}
	return fmt.Sprintf("p = %.3f", p)
}

// duration writes a span of nanoseconds in the unit that leaves one to three digits before the point.
func duration(ns int64) string {
	v := float64(ns)
	switch {
	case v >= 1e9:
		return number(v/1e9) + " s"
	case v >= 1e6:
		return number(v/1e6) + " ms"
	case v >= 1e3:
		return number(v/1e3) + " us"
	}
	return number(v) + " ns"
}

// parameters writes parameters: "hold = 32, bytes = 64".
func parameters(params []result.Pair) string {
	var parts []string
	for _, p := range params {
		parts = append(parts, p.Key+" = "+p.Value)
	}
	return strings.Join(parts, ", ")
}

// plural writes a count with its noun: "1 sample", "3 samples".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
