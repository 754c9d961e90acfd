package cost

import (
	"headroom/harness/stats"
)

// Spread is a median with its interval, at 95 % or more.
type Spread struct {
	Median  float64 `json:"median"`
	Low     float64 `json:"low"` // both bounds are 0 when there are fewer than 6 samples
	High    float64 `json:"high"`
	Samples int     `json:"samples"` // 0 when there is no figure
}

func spread(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	e := stats.Of(values)
	s := Spread{Median: e.Median, Samples: e.Count()}
	if e.Bounded() {
		s.Low, s.High = e.Low, e.High
	}
	return s
}

// Bounded reports whether there were samples enough for an interval.
func (s Spread) Bounded() bool { return s.Samples >= minSamples }

// Verdict is how a figure came out against its bar.
type Verdict string

// The verdicts. The median decides.
const (
	OK     Verdict = "ok"
	Miss   Verdict = "MISS"
	NoBar  Verdict = "-"          // there is none for this row
	TooFew Verdict = "no verdict" // fewer than 6 samples
)

// judge holds a figure against a bar, 0 for none.
func judge(s Spread, bar float64) Verdict {
	switch {
	case bar == 0:
		return NoBar
	case !s.Bounded():
		return TooFew
	case s.Median > bar:
		return Miss
	}
	return OK
}

// Line is a row with what was measured of it.
type Line struct {
	Row
	OursNs      Spread  `json:"oursNs"`
	OursCAS     Spread  `json:"oursCas"`
	OriginalNs  Spread  `json:"originalNs"` // no samples when there is no original in the tree, or no tree
	OriginalCAS Spread  `json:"originalCas"`
	Ratio       Spread  `json:"ratio"`  // ours to the original's: in ns when both were measured, in compare-and-swaps to a published figure
	Slower      bool    `json:"slower"` // ours took longer than the original of this run, by the whole interval
	AllocsPerOp float64 `json:"allocsPerOp"`
	Verdict     Verdict `json:"verdict"`
}

// Scale is a per-CPU design on two CPUs against one.
type Scale struct {
	Name    string  `json:"name"`
	OneNs   Spread  `json:"oneNs"`
	TwoNs   Spread  `json:"twoNs"`
	Ratio   Spread  `json:"ratio"` // in ns
	Verdict Verdict `json:"verdict"`
}

// Table is a finished run.
type Table struct {
	Lines       []Line  `json:"lines"`
	Scales      []Scale `json:"scales"`
	Tree        *Tree   `json:"tree"`     // nil: the originals' figures are published ones
	SetAside    int     `json:"setAside"` // samples that do not count, since their compare-and-swap changed
	Realtime    string  `json:"realtime"` // why real-time priority was refused, "" when it was had
	Interrupted bool    `json:"interrupted"`
}

// refused notes why a sample did not get real-time priority.
func (t *Table) refused(why string) {
	if why != "" {
		t.Realtime = why
	}
}

// Misses counts the figures over their bars.
func (t *Table) Misses() int { return t.count(Miss) }

// count is the number of figures with a verdict.
func (t *Table) count(v Verdict) (n int) {
	for i := range t.Lines {
		if t.Lines[i].Verdict == v {
			n++
		}
	}
	for i := range t.Scales {
		if t.Scales[i].Verdict == v {
			n++
		}
	}
	return n
}

// fill sums the samples up.
func (t *Table) fill(rows []Row, taken samples, o Options) {
	t.Tree = o.Tree
	for _, r := range rows {
		t.Lines = append(t.Lines, lineOf(r, taken, o.Tree != nil))
		if o.TwoCPUs && r.scales() {
			t.Scales = append(t.Scales, scaleOf(r, taken))
		}
	}
}

// maxAllocs is what an operation may allocate on the heap on average: the runtime's own work beside a sample shows as less.
const maxAllocs = 0.001

func lineOf(r Row, taken samples, measured bool) Line {
	l := Line{Row: r}
	ours := taken.row(partName(r.Ours), partName(r.Under))
	l.OursNs, l.OursCAS = summed(ours)
	for _, v := range ours {
		if v != nil {
			l.AllocsPerOp = max(l.AllocsPerOp, v.allocs)
		}
	}
	switch {
	case measured: // I1
		theirs := taken.row(originalName(r.Original), originalName(r.OriginalUnder))
		l.OriginalNs, l.OriginalCAS = summed(theirs)
		l.Ratio = ratio(ours, theirs)
		l.Slower = l.Ratio.Bounded() && l.Ratio.Low > 1
	case r.Published.CAS > 0:
		var ratios []float64
		for _, v := range ours {
			if v != nil {
				ratios = append(ratios, v.cas/r.Published.CAS)
			}
		}
		l.Ratio = spread(ratios)
	}
	l.Verdict = judge(l.OursCAS, r.BarCAS)
	if l.AllocsPerOp > maxAllocs {
		l.Verdict = Miss
	}
	return l
}

func scaleOf(r Row, taken samples) Scale {
	one, two := cell{part: r.Ours, cpus: 1}, cell{part: r.Ours, cpus: 2}
	a, b := taken.row(one.name(), ""), taken.row(two.name(), "")
	s := Scale{Name: r.Name, Ratio: ratio(b, a)}
	s.OneNs, _ = summed(a)
	s.TwoNs, _ = summed(b)
	s.Verdict = judge(s.Ratio, ScaleBar)
	return s
}

func partName(p *Part) string {
	if p == nil {
		return ""
	}
	return (&cell{part: p, cpus: 1}).name()
}

func originalName(program string) string {
	if program == "" {
		return ""
	}
	return (&cell{original: program}).name()
}

// row gives a cell's samples by round, less another cell's of the same round if one is named; nil in rounds that lack either.
func (s samples) row(name, under string) []*value {
	list := make([]*value, len(s[name]))
	for round, v := range s[name] {
		switch {
		case v == nil || under == "":
			list[round] = v
		case round < len(s[under]) && s[under][round] != nil:
			u := s[under][round]
			list[round] = &value{ns: v.ns - u.ns, cas: v.cas - u.cas, allocs: v.allocs}
		}
	}
	return list
}

func summed(list []*value) (ns, cas Spread) {
	var a, b []float64
	for _, v := range list {
		if v != nil {
			a, b = append(a, v.ns), append(b, v.cas)
		}
	}
	return spread(a), spread(b)
}

// ratio is taken round by round (I2). Where a divisor is not above zero, as the difference of two like things may be, there is none.
func ratio(of, to []*value) Spread {
	var list []float64
	for round := range min(len(of), len(to)) {
		if of[round] == nil || to[round] == nil {
			continue
		}
		if to[round].ns <= 0 {
			return Spread{}
		}
		list = append(list, of[round].ns/to[round].ns)
	}
	return spread(list)
}
