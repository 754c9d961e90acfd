package plot

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"headroom/harness/stats"
)

// chart is a picture before it has a form: its panels of points, and the words that only the rows know.
type chart struct {
	name     string
	workload string
	kind     string
	title    string
	xLabel   string // title of the horizontal axis
	xName    string // the same in a word or two
	panels   []panel
	dots     bool    // one CPU count, no sweep: a dot chart
	spectrum bool    // percentiles against time
	shared   string  // of a spectrum: what the titles of its panels have in common
	values   []point // every point whose values the vertical axis must show
	xs       []float64
	classes  []string // distance classes of points on more than one CPU, sorted
	counts   [2]int   // least and greatest count of samples behind a point
	bare     int      // count of points without an interval
}

// panel is one pair of axes.
type panel struct {
	title  string
	series []series
}

// series is one design in one panel.
type series struct {
	design    string
	guarantee string
	points    []point // by ascending x
}

// point is the throughput of one cell, or one percentile of a spectrum.
type point struct {
	name           string
	x              float64 // CPUs, the swept parameter, or 1/(1-p)
	y, low, high   float64 // operations a second, or ns
	bounded        bool    // low and high are finite
	class          string  // distance class
	samples, index int     // count of samples; place of x among the panel's
	floor          bool    // of a spectrum: inside the machine's floor
}

// cpuChart arranges rows of one workload and item kind against the number of CPUs.
func cpuChart(rows []stats.Row) *chart {
	c := newChart(rows, func(r stats.Row) float64 { return float64(r.CPUs) }, func(r stats.Row) string { return paramText(r.Params) })
	c.name = fileName(c.workload, c.kind, "cpus")
	c.xLabel, c.xName = "CPUs running the workload", "CPUs"
	c.title = c.workload + ": throughput against CPUs"
	if counts := cpuCounts(rows); len(counts) == 1 {
		c.dots = true
		c.title = fmt.Sprintf("%s: throughput on %s", c.workload, cpus(counts[0]))
	}
	c.finishTitle()
	return c
}

// paramChart arranges rows of one workload and item kind against the parameter param.
func paramChart(rows []stats.Row, param string) *chart {
	title := func(r stats.Row) string {
		return strings.Join(slices.DeleteFunc([]string{cpus(r.CPUs), paramText(without(r.Params, param))},
			func(s string) bool { return s == "" }), ", ")
	}
	x := func(r stats.Row) float64 {
		v, _ := number(r.Params, param)
		return v
	}
	c := newChart(rows, x, title)
	c.name = fileName(c.workload, c.kind, param)
	c.xLabel, c.xName = spoken(param), spoken(param)
	c.title = c.workload + ": throughput against " + c.xLabel
	c.finishTitle()
	return c
}

// newChart makes points and panels. panelOf names the panel of a row; panels come in the order of byParams.
func newChart(rows []stats.Row, x func(stats.Row) float64, panelOf func(stats.Row) string) *chart {
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, byParams)
	c := &chart{workload: rows[0].Workload, kind: rows[0].ItemKind}
	for _, r := range rows {
		c.xs = append(c.xs, x(r))
	}
	slices.Sort(c.xs)
	c.xs = slices.Compact(c.xs)
	for _, group := range groupBy(rows, panelOf) {
		p := panel{title: panelOf(group[0])}
		for _, design := range groupBy(group, func(r stats.Row) string { return r.Design }) {
			s := series{design: design[0].Design, guarantee: design[0].Guarantee}
			for _, r := range design {
				s.points = append(s.points, c.point(r, x(r)))
			}
			slices.SortStableFunc(s.points, func(a, b point) int { return cmp.Compare(a.x, b.x) })
			p.series = append(p.series, s)
		}
		c.panels = append(c.panels, p)
	}
	return c
}

// point makes the point of a row and notes what the chart has to say about it.
func (c *chart) point(r stats.Row, x float64) point {
	e := r.Throughput
	p := point{r.Name, x, e.Median, e.Low, e.High, e.Bounded(), r.Class, e.Count(), slices.Index(c.xs, x), false}
	c.note(&r, p)
	if !p.bounded {
		c.bare++
	}
	c.values = append(c.values, p)
	return p
}

// note notes the class and the count of samples of a point.
func (c *chart) note(r *stats.Row, p point) {
	if r.CPUs > 1 && r.Class != "" && !slices.Contains(c.classes, r.Class) {
		c.classes = append(c.classes, r.Class)
		slices.Sort(c.classes)
	}
	if c.counts == [2]int{} {
		c.counts = [2]int{p.samples, p.samples}
	}
	c.counts = [2]int{min(c.counts[0], p.samples), max(c.counts[1], p.samples)}
}

// finishTitle moves the title of a single panel, and the item kind, into the title of the chart.
func (c *chart) finishTitle() {
	var more []string
	if c.shared != "" {
		more = append(more, c.shared)
	}
	if len(c.panels) == 1 && c.panels[0].title != "" {
		more = append(more, c.panels[0].title)
		c.panels[0].title = ""
	}
	if c.kind != "" {
		more = append(more, "item kind: "+c.kind)
	}
	if len(more) > 0 {
		c.title += " (" + strings.Join(more, "; ") + ")"
	}
}

// check reports points that cannot be drawn.
func (c *chart) check(logY bool) error {
	for _, p := range c.values {
		low := p.y
		if p.bounded {
			low = min(low, p.low)
		}
		if low < 0 {
			return fmt.Errorf("plot: %s: throughput %v op/s is below 0", p.name, low)
		}
		if logY && low == 0 {
			return fmt.Errorf("plot: %s: throughput 0 op/s cannot stand on a logarithmic axis; draw it on a linear one", p.name)
		}
	}
	for _, panel := range c.panels {
		for _, s := range panel.series {
			for i := 1; i < len(s.points); i++ {
				if s.points[i].x == s.points[i-1].x {
					return fmt.Errorf("plot: two rows of %s; a picture shows a cell once", s.points[i].name)
				}
			}
		}
	}
	return nil
}

// guarantees lists the guarantees of the chart's designs, sorted.
func (c *chart) guarantees() []string {
	var list []string
	for _, p := range c.panels {
		for _, s := range p.series {
			list = append(list, s.guarantee)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// alt describes the chart in words: what is shown, and which design leads where most CPUs, or the greatest value, stand, within each guarantee.
func (c *chart) alt() string {
	if c.spectrum {
		return c.spectrumAlt()
	}
	designs := make(map[string]bool)
	for _, p := range c.panels {
		for _, s := range p.series {
			designs[s.design] = true
		}
	}
	count := fmt.Sprintf("%d designs", len(designs))
	if len(designs) == 1 {
		count = "1 design"
	}
	words := fmt.Sprintf("%s, %s.", c.title, count)
	guarantees := c.guarantees()
	for _, g := range guarantees {
		words += " " + c.leader(g, len(guarantees) > 1)
	}
	return words
}

// leader names the design of a guarantee that leads at the end of the horizontal axis.
func (c *chart) leader(guarantee string, named bool) string {
	var best point
	var leader, where string
	for _, p := range c.panels {
		for _, s := range p.series {
			last := s.points[len(s.points)-1]
			if s.guarantee == guarantee && (leader == "" || cmp.Or(cmp.Compare(last.x, best.x), cmp.Compare(last.y, best.y)) > 0) {
				leader, best, where = s.design, last, p.title
			}
		}
	}
	unit := unitOf(best.y)
	if where != "" {
		where = " (" + where + ")"
	}
	at := "at " + c.xName + " = " + plain(best.x)
	if c.dots {
		at = "there"
	}
	if named {
		at += " among those of guarantee \"" + guarantee + "\""
	}
	return fmt.Sprintf("Highest median %s: %s with %.4g %s operations per second%s.", at, leader, best.y/unit.size, unit.word, where)
}

// fileName joins words to a file name of lower-case letters, digits and hyphens.
func fileName(words ...string) string {
	var kept []string
	for _, w := range words {
		w = strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
				return r
			}
			return '-'
		}, strings.ToLower(w))
		if w = strings.Trim(w, "-"); w != "" {
			kept = append(kept, w)
		}
	}
	return strings.Join(kept, "-")
}

// spoken writes the name of a parameter for people: items-per-cpu becomes items per CPU.
func spoken(param string) string {
	words := strings.Split(param, "-")
	for i, w := range words {
		if w == "cpu" {
			words[i] = "CPU"
		}
	}
	return strings.Join(words, " ")
}

func cpus(n int) string {
	if n == 1 {
		return "1 CPU"
	}
	return fmt.Sprintf("%d CPUs", n)
}
