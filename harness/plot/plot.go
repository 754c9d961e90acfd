// Package plot draws throughput against CPUs, or against a swept parameter, and percentile spectra, as SVG and PNG.
//
// A picture holds one workload and one item kind. Several parameters, or several CPU counts of a sweep, become panels
// of one picture that share their axes. Where only one CPU count was measured there is no line to draw, and the picture
// is a dot chart: one line of text and one dot a design.
//
// Invariants:
//
//	I1  the same rows and caption give the same bytes
//	I2  a linear throughput axis starts at 0
//	I3  every picture says what its bars are, how many samples stand behind a point, which commit and which CPU
//	I4  text and marks lie inside the picture: the legend, titles and notes make it larger, they are never cut
//	I5  different item kinds never share an axis
//	I6  where designs of several guarantees share an axis the picture says so, and neither order nor description ranks across them
package plot

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"headroom/harness/result"
	"headroom/harness/stats"
)

// MaxSeries is the count of designs that one picture can tell apart.
const MaxSeries = 12

// Caption is what a picture says besides its data.
type Caption struct {
	Definition string   // one sentence: what one operation of the workload is
	Commit     string   // commit of headroom; "" is printed as unknown
	CPU        string   // CPU model; "" is printed as unknown
	LogY       bool     // logarithmic throughput axis; every value must then be above 0
	Designs    []string // every design of the report, so that each looks alike in all pictures; nil: those of the rows
}

// Picture is one drawing in two forms.
type Picture struct {
	Name     string // file name without its ending: window-tag-cpus
	Workload string
	ItemKind string
	Title    string
	Alt      string // one or two sentences for a reader who cannot see it
	SVG, PNG []byte
}

// Draw makes every picture that a run's rows call for: for each workload and item kind one against CPUs, and one for
// each numeric parameter of which more than one value was measured. More than MaxSeries designs are spread over several
// pictures with the same axes. Rows without samples and those of the run's control are left out; it is an error when that
// leaves none.
func Draw(rows []stats.Row, c Caption) ([]Picture, error) {
	rows = slices.DeleteFunc(measured(rows), func(r stats.Row) bool { return result.IsControl(r.Params) })
	if len(rows) == 0 {
		return nil, errNothing
	}
	if c.Designs == nil {
		c.Designs = distinct(rows, func(r stats.Row) string { return r.Design })
	}
	var pictures []Picture
	for _, group := range groupBy(rows, func(r stats.Row) string { return r.Workload + "\x00" + r.ItemKind }) {
		swept := sweptParams(group)
		for _, param := range swept {
			p, err := drawParts(group, c, func(part []stats.Row) *chart { return paramChart(part, param) })
			if err != nil {
				return nil, err
			}
			pictures = append(pictures, p...)
		}
		if len(swept) > 0 && len(cpuCounts(group)) == 1 {
			continue // the sweep shows every point already
		}
		p, err := drawParts(group, c, cpuChart)
		if err != nil {
			return nil, err
		}
		pictures = append(pictures, p...)
	}
	return pictures, nil
}

// AgainstCPUs draws throughput against the number of CPUs, with a panel for each combination of parameters. The rows
// must be of one workload and one item kind, and of at most MaxSeries designs.
func AgainstCPUs(rows []stats.Row, c Caption) (*Picture, error) {
	return drawOne(rows, c, cpuChart)
}

// AgainstParam draws throughput against the numeric parameter param on a log2 axis, with a panel for each number of CPUs
// and each combination of other parameters. The rows must be of one workload and one item kind, and of at most
// MaxSeries designs; every value of param must be a number above 0.
func AgainstParam(rows []stats.Row, param string, c Caption) (*Picture, error) {
	for _, r := range rows {
		v, ok := number(r.Params, param)
		if !ok {
			return nil, fmt.Errorf("plot: %s has no number for the parameter %s", r.Name, param)
		}
		if v <= 0 {
			return nil, fmt.Errorf("plot: %s: %s=%v cannot stand on a log2 axis, which has values above 0 only", r.Name, param, v)
		}
	}
	return drawOne(rows, c, func(part []stats.Row) *chart { return paramChart(part, param) })
}

var errNothing = errors.New("plot: no cell with samples, so there is nothing to draw")

func drawOne(rows []stats.Row, c Caption, form func([]stats.Row) *chart) (*Picture, error) {
	rows = measured(rows)
	if len(rows) == 0 {
		return nil, errNothing
	}
	for _, r := range rows {
		if r.Workload != rows[0].Workload || r.ItemKind != rows[0].ItemKind {
			return nil, fmt.Errorf("plot: %s (%s) and %s (%s) cannot share a picture; draw each workload and item kind by itself",
				rows[0].Name, rows[0].ItemKind, r.Name, r.ItemKind) // I5
		}
	}
	if n := len(distinct(rows, func(r stats.Row) string { return r.Design })); n > MaxSeries {
		return nil, fmt.Errorf("plot: %d designs, but only %d can be told apart in one picture", n, MaxSeries)
	}
	pictures, err := drawParts(rows, c, form)
	if err != nil {
		return nil, err
	}
	return &pictures[0], nil
}

// drawParts draws rows of one workload and item kind, over as many pictures as their designs need.
func drawParts(rows []stats.Row, c Caption, form func([]stats.Row) *chart) ([]Picture, error) {
	whole := form(rows)
	if err := whole.check(c.LogY); err != nil {
		return nil, err
	}
	designs := distinct(rows, func(r stats.Row) string { return r.Design })
	parts := (len(designs) + MaxSeries - 1) / MaxSeries
	size := (len(designs) + parts - 1) / parts
	var pictures []Picture
	for i := range parts {
		names := designs[i*size : min((i+1)*size, len(designs))]
		part := form(slices.DeleteFunc(slices.Clone(rows), func(r stats.Row) bool { return !slices.Contains(names, r.Design) }))
		// All parts have the same axes and notes.
		part.values, part.xs, part.classes, part.counts, part.bare = whole.values, whole.xs, whole.classes, whole.counts, whole.bare
		if parts > 1 {
			part.name += "-" + strconv.Itoa(i+1)
			part.title += fmt.Sprintf(" (%d of %d)", i+1, parts)
		}
		p, err := part.picture(c)
		if err != nil {
			return nil, err
		}
		pictures = append(pictures, p)
	}
	return pictures, nil
}

func measured(rows []stats.Row) []stats.Row {
	return slices.DeleteFunc(slices.Clone(rows), func(r stats.Row) bool { return r.Throughput.Count() == 0 })
}

// distinct gives the different keys of rows, sorted.
func distinct(rows []stats.Row, key func(stats.Row) string) []string {
	var keys []string
	for _, r := range rows {
		keys = append(keys, key(r))
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// groupBy splits rows by key; groups and their rows keep the order of rows.
func groupBy(rows []stats.Row, key func(stats.Row) string) [][]stats.Row {
	var groups [][]stats.Row
	place := make(map[string]int)
	for _, r := range rows {
		k := key(r)
		i, ok := place[k]
		if !ok {
			i = len(groups)
			place[k] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], r)
	}
	return groups
}

// sweptParams names the parameters that are a number above 0 in every row and have more than one value, sorted.
func sweptParams(rows []stats.Row) []string {
	var swept []string
	for _, p := range rows[0].Params {
		numeric := !slices.ContainsFunc(rows, func(r stats.Row) bool {
			v, ok := number(r.Params, p.Key)
			return !ok || v <= 0
		})
		values := distinct(rows, func(r stats.Row) string { return value(r.Params, p.Key) })
		if numeric && len(values) > 1 {
			swept = append(swept, p.Key)
		}
	}
	slices.Sort(swept)
	return swept
}

func cpuCounts(rows []stats.Row) []int {
	var counts []int
	for _, r := range rows {
		counts = append(counts, r.CPUs)
	}
	slices.Sort(counts)
	return slices.Compact(counts)
}

// value is the value of a parameter, "" without it.
func value(params []result.Pair, key string) string {
	return result.Env(params).Get(key)
}

// number is the value of a parameter as a number.
func number(params []result.Pair, key string) (float64, bool) {
	v, err := strconv.ParseFloat(value(params, key), 64)
	return v, err == nil
}

// paramText writes parameters for people: "hold = 32, items per CPU = 64".
func paramText(params []result.Pair) string {
	var parts []string
	for _, p := range params {
		parts = append(parts, spoken(p.Key)+" = "+p.Value)
	}
	return strings.Join(parts, ", ")
}

// without is params less the one of that key.
func without(params []result.Pair, key string) []result.Pair {
	return slices.DeleteFunc(slices.Clone(params), func(p result.Pair) bool { return p.Key == key })
}

// byParams orders rows by their parameters, then CPUs, then design.
func byParams(a, b stats.Row) int {
	return cmp.Or(stats.CompareParams(a.Params, b.Params), cmp.Compare(a.CPUs, b.CPUs), cmp.Compare(a.Design, b.Design))
}
