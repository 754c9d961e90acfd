// Package cost holds the fast paths of the designs against those of the C originals: a tight pair of alloc and free, one thread, nobody else.
//
// An original is compiled from a kernel tree that the user names, with the folder shim in place of the rest of the kernel, and measured as the
// designs are: a fresh process a sample, pinned to the same processor, at the same priority, for the same time, its own compare-and-swap beside it.
// Designs and originals are interleaved in random order. Without a tree the originals' column holds published figures of another machine, and says so.
//
// Invariants:
//
//	I1  a table's column of originals is either measured in the same run or published, never some of each
//	I2  a ratio is taken between samples of one round, then summed up
//	I3  a sample whose compare-and-swap changed by more than 15 % while it was taken does not count, ours or an original's
package cost

import (
	"slices"

	"headroom/designs/catalog"
	"headroom/harness"
	"headroom/harness/workload"
)

// Part is one thing of ours to measure.
type Part struct {
	Design  string         `json:"design"`
	Variant string         `json:"variant"`
	Knobs   map[string]int `json:"knobs,omitempty"`
}

// Figure is a published one: of C in user space, interrupt masking a no-op, ns for an alloc and free.
type Figure struct {
	Ns  float64 `json:"ns"`  // 0 when none was published
	CAS float64 `json:"cas"` // the same in that machine's compare-and-swaps
}

// PublishedOn is the machine that the published figures are from.
const PublishedOn = "C in user space on a 2-CPU x86-64 virtual machine, compare-and-swap 2.43 ns"

// Row is one line of the table. Its cost is Ours, less Under when there is one; likewise the original's.
type Row struct {
	Name          string  `json:"name"`
	Ours          *Part   `json:"ours,omitempty"`  // nil for a reference: an original without a counterpart here
	Under         *Part   `json:"under,omitempty"` // what Ours is a layer over
	BarCAS        float64 `json:"barCas"`          // the most it may cost, in compare-and-swaps; 0 when there is no bar
	Published     Figure  `json:"published"`
	Original      string  `json:"original,omitempty"` // the program, as originals lists them; "" when no tree that is read has one
	OriginalUnder string  `json:"originalUnder,omitempty"`
}

// ScaleBar is how much more an operation of a per-CPU design may cost on each of two CPUs than on one.
const ScaleBar = 1.10

// allRows is the table. The bars of the designs are at most the originals' published figures; those of the rest were set when they were planned.
var allRows = []Row{
	{Name: "percpu_tags:lock", Ours: &Part{Design: "percpu_tags", Variant: "lock"}, BarCAS: 5.1, Published: Figure{12.3, 5.1}},
	{Name: "percpu_tags:lock-3.12", Ours: &Part{Design: "percpu_tags", Variant: "lock-3.12"}},
	{Name: "percpu_tags:flag", Ours: &Part{Design: "percpu_tags", Variant: "flag"}, BarCAS: 3.2},
	{Name: "percpu_tags:flag-bit", Ours: &Part{Design: "percpu_tags", Variant: "flag-bit"}},
	{Name: "percpu_tags:xchg", Ours: &Part{Design: "percpu_tags", Variant: "xchg"}, BarCAS: 3.2, Published: Figure{7.9, 3.2}},
	{Name: "ida:tree", Ours: &Part{Design: "ida", Variant: "tree"}, BarCAS: 13, Published: Figure{32, 13}, Original: "ida"},
	{Name: "ida:magazine", Ours: &Part{Design: "ida", Variant: "magazine"}, BarCAS: 1.8, Published: Figure{3.0, 1.2}},
	{Name: "ida:magazine-steal", Ours: &Part{Design: "ida", Variant: "magazine-steal"}, BarCAS: 5.1, Published: Figure{12.4, 5.1}},
	{Name: "sbitmap", Ours: &Part{Design: "sbitmap"}, BarCAS: 4.4, Published: Figure{10.7, 4.4}, Original: "sbitmap"},
	{Name: "page", Ours: &Part{Design: "page"}, BarCAS: 9.9, Published: Figure{24.0, 9.9}},
	{Name: "reservation:page", Ours: &Part{Design: "reservation", Variant: "page"}, BarCAS: 9.9, Published: Figure{24.0, 9.9}},
	{Name: "reservation:page, its branch", Ours: &Part{Design: "reservation", Variant: "page"}, Under: &Part{Design: "page"}},
	{Name: "gfp_nolocks:null", Ours: &Part{Design: "gfp_nolocks", Variant: "null"}, BarCAS: 3.6, Published: Figure{9, 3.6}},
	{Name: "gfp_nolocks:trylock", Ours: &Part{Design: "gfp_nolocks", Variant: "trylock"}},
	{Name: "gfp_nolocks:slab", Ours: &Part{Design: "gfp_nolocks", Variant: "slab"}},
	{Name: "mempool, beyond its backing", Ours: &Part{Design: "mempool", Variant: "mainline-page"}, Under: &Part{Design: "page"}, BarCAS: 1.5,
		Original: "mempool", OriginalUnder: "backing"},
	{Name: "mempool, its pointer's share", Ours: &Part{Design: "mempool", Variant: "mainline-page"},
		Under: &Part{Design: "mempool", Variant: "mainline-page", Knobs: map[string]int{"direct": 1}}},
	{Name: "percpu_tags:lock in C of our own (reference)", Original: "locked"},
	{Name: "percpu_tags:xchg in C of our own (reference)", Original: "draft"},
	{Name: "mempool alone (reference)", Published: Figure{13.2, 5.4}, Original: "drained"},
	{Name: "objpool (reference)", Published: Figure{8.8, 3.6}, Original: "objpool"},
}

// Rows lists the lines whose designs the catalog has, and the names of those it does not have yet.
func Rows() (rows []Row, absent []string) {
	for _, r := range allRows {
		if known(r.Ours) && known(r.Under) {
			rows = append(rows, r)
		} else {
			absent = append(absent, r.Name)
		}
	}
	return rows, absent
}

func known(p *Part) bool {
	if p == nil {
		return true
	}
	_, err := catalog.Find(p.Design, p.Variant)
	return err == nil
}

// scales reports whether a row's design keeps its items by CPU, so that a second CPU should cost it nothing.
func (r *Row) scales() bool {
	if r.Ours == nil || r.Under != nil {
		return false
	}
	v, err := catalog.Find(r.Ours.Design, r.Ours.Variant)
	return err == nil && v.Capabilities.PerCPU
}

// cell is one thing that is sampled: a part of ours on a number of CPUs, or an original.
type cell struct {
	part     *Part
	cpus     int
	original string
}

// name tells cells apart; two rows that need the same thing share it.
func (c *cell) name() string {
	if c.part == nil {
		return "original " + c.original
	}
	return c.part.name() + []string{"", "", " on 2 CPUs"}[c.cpus]
}

func (p *Part) name() string {
	name := p.Design
	if p.Variant != "" {
		name += ":" + p.Variant
	}
	if p.Knobs["direct"] == 1 {
		name += " direct=1"
	}
	return name
}

// spec describes a sample of ours; the catalog has the design (Rows).
func (c *cell) spec() (workload.Spec, error) {
	v, err := catalog.Find(c.part.Design, c.part.Variant)
	return harness.TightPair(v, c.part.Knobs, c.cpus, durationNs), err
}

// cells lists what the rows need, each once. originals are the programs there are.
func cells(rows []Row, twoCPUs bool, originals []string) (list []cell) {
	add := func(c cell) {
		if !slices.ContainsFunc(list, func(o cell) bool { return o.name() == c.name() }) {
			list = append(list, c)
		}
	}
	for i := range rows {
		r := &rows[i]
		for _, p := range []*Part{r.Ours, r.Under} {
			if p != nil {
				add(cell{part: p, cpus: 1})
			}
		}
		if twoCPUs && r.scales() {
			add(cell{part: r.Ours, cpus: 2})
		}
		for _, o := range []string{r.Original, r.OriginalUnder} {
			if slices.Contains(originals, o) {
				add(cell{original: o})
			}
		}
	}
	return list
}
