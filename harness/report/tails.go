package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"headroom/harness/result"
	"headroom/harness/stats"
)

// timedWords says what a distribution timed.
var timedWords = map[string]string{
	result.TimedOperation: "one operation",
	result.TimedAlloc:     "one alloc",
	result.TimedFree:      "one free",
	result.TimedIntended:  "alloc, from intended start",
	result.TimedStart:     "submission to alloc",
	result.TimedActual:    "alloc, uncorrected",
	result.TimedServed:    "release to served",
}

// tails writes the percentiles of single operations, for each item kind. Open loop: from the intended start beside the uncorrected figure.
func (d *document) tails(name string) {
	rows := slices.DeleteFunc(slices.Clone(d.rows), func(r stats.Row) bool { return len(r.Tails) == 0 })
	for _, rows := range d.byKind(name, rows) {
		slices.SortStableFunc(rows, byPlace)
		f := newFrame(rows)
		d.line("### Tails: %s\n", words(f.heading))
		g := grid{left: len(f.columns()) + 2, header: append(f.columns(), "timed", "how")}
		for _, share := range stats.Shares {
			g.header = append(g.header, percentile(share))
		}
		g.header = append(g.header, "n", "operations", "doubts")
		var l doubts
		for _, r := range rows {
			for _, t := range r.Tails {
				g.add(append(f.cells(&r), tailCells(&r, t, &l)...)...)
			}
		}
		g.drop(len(g.header) - 1)
		d.line("%s", g.String())
		d.explain(l)
	}
}

func tailCells(r *stats.Row, t stats.Tail, l *doubts) []string {
	timed := timedWords[t.Timed]
	if timed == "" {
		timed = t.Timed
	}
	n := r.Ns.Count()
	cells := []string{words(timed), words(t.Method)}
	for _, q := range t.Quantiles {
		cells = append(cells, quantile(q, n))
	}
	return append(cells, strconv.Itoa(n), strconv.FormatInt(t.Operations, 10), l.letters(r.Warnings))
}

// quantile writes a percentile with its interval; "floor" where it cannot be told from the machine, "n/a" where too few operations lie above it.
func quantile(q stats.Quantile, n int) string {
	switch {
	case q.Thin:
		return "n/a"
	case q.Floor:
		return "floor"
	}
	return timed(q.Ns, n)
}

// percentile names a share: p50, p99.9, max.
func percentile(share float64) string {
	if share == 1 {
		return "max"
	}
	return "p" + strings.TrimRight(strings.TrimRight(strconv.FormatFloat(100*share, 'f', 4, 64), "0"), ".")
}

// gaps writes what the machine itself took away from each CPU while the tails were taken: the floor.
func (d *document) gaps() {
	rows := stats.GapsOf(d.run)
	if len(rows) == 0 {
		return
	}
	d.line("### The machine's own gaps\n")
	d.line("A loop that only reads the clock was held up so often and for so long, beside the samples that time single operations. CPUs are those of the " +
		"sample, from 0. Percentiles that this explains read *floor* below.\n")
	g := grid{left: 1, header: []string{"CPU", "reading of the clock", fmt.Sprintf("gaps of %d us or more, a second", stats.LeastGapNs/1000), "time lost to them, %", "longest", "n"}}
	for _, r := range rows {
		n := r.ReadingNs.Count()
		g.add(strconv.Itoa(r.CPU), timed(r.ReadingNs, n), estimate(r.PerSecond, 1, n), estimate(r.LostPct, 1, n), timed(r.LongestNs, n), strconv.Itoa(n))
	}
	d.line("%s", g.String())
}
