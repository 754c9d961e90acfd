package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"headroom/harness/result"
	"headroom/harness/stats"
)

// head writes the title and what an interrupted run is worth.
func (d *document) head() {
	cpu := d.env.Get(result.KeyCPU)
	if cpu == "" {
		cpu = "an unknown CPU"
	}
	when := "at an unknown time"
	if !d.run.Started.IsZero() {
		when = d.run.Started.UTC().Format(time.DateOnly)
	}
	d.line("# headroom: allocator designs on %s, %s\n", words(cpu), when)
	if d.run.Interrupted {
		d.line("> **Interrupted run.** It was stopped early and holds only the samples that were complete by then. Cells that had none are listed as such.\n")
	}
}

// repeat writes how to repeat the run.
func (d *document) repeat() {
	d.line("## How to repeat it\n")
	d.line("Commit %s. Started %s.\n", code(commit(d.env)), d.started())
	if d.run.Command == "" {
		d.line("The command is not recorded.\n")
	} else {
		d.line("%s\n", block(d.run.Command))
	}
	d.line("Every kept sample stands in %s, in Go benchmark format. Benchstat's own table of it puts all designs side by side: it knows nothing of item kinds, guarantees and floors.\n", code(result.RawFile))
	d.line("%s\n", block("go tool benchstat -col /design "+result.RawFile))
}

// commit is the commit of headroom, with a word when the tree differed from it.
func commit(env result.Env) string {
	c := env.Get(result.KeyCommit)
	if c == "" {
		c = "unknown"
	}
	if env.Get(result.KeyModified) == "yes" {
		c += " (modified)"
	}
	return c
}

func (d *document) started() string {
	if d.run.Started.IsZero() {
		return "at an unknown time"
	}
	return d.run.Started.UTC().Format("2006-01-02 15:04:05 UTC")
}

// warnings writes the doubts about the run as a whole.
func (d *document) warnings() {
	list := slices.Clone(d.run.Warnings)
	c := d.run.Control
	switch {
	case c.Cell == "":
		list = append(list, "No control was run: the A/A spread is unknown, so differences are held against their p alone, and nothing shows that the run could have seen one.")
	case !c.Distinguished:
		list = append(list, fmt.Sprintf("The run could not tell a planted slowdown of %s from noise: \"no difference\" below means little.", percent(c.PlantedPct)))
	}
	if slices.ContainsFunc(d.rows, func(r stats.Row) bool { return r.Guarantee == "" }) {
		list = append(list, "The run does not say what its designs guarantee: ranks may hold designs of different guarantees against each other.")
	}
	var lacking []string
	for _, key := range []string{result.KeyCPU, result.KeyKernel, result.KeyGo, result.KeyCommit} {
		if v := d.env.Get(key); v == "" || v == "unknown" || v == "none" {
			lacking = append(lacking, key)
		}
	}
	if len(lacking) > 0 {
		list = append(list, "The environment does not say: "+strings.Join(lacking, ", ")+".")
	}
	if n := d.emptyCells(); n > 0 {
		list = append(list, plural(n, "cell")+" of "+fmt.Sprint(len(d.run.Cells))+" ended without a sample that counts.")
	}
	if len(d.run.Cells) == 0 {
		list = append(list, "No cell was measured.")
	}
	d.line("## Warnings about the run\n")
	if len(list) == 0 {
		d.line("None. Doubts about single figures stand beside them.\n")
		return
	}
	for _, w := range list {
		d.line("> * %s", words(w))
	}
	d.line("")
}

func (d *document) emptyCells() int {
	n := 0
	for _, c := range d.run.Cells {
		if len(c.Kept) == 0 {
			n++
		}
	}
	return n
}

func (d *document) environment() {
	d.line("## Environment\n")
	if len(d.env) == 0 {
		d.line("Not recorded.\n")
		return
	}
	g := grid{header: []string{"what", "value"}, left: 2}
	for _, p := range d.env {
		value := words(p.Value)
		if value == "" {
			value = "unknown"
		}
		g.add(words(p.Key), value)
	}
	d.line("%s", g.String())
}

// ruler says how far the run can be trusted to tell a difference, and what its own machinery costs.
func (d *document) ruler() {
	d.line("## How good the ruler was\n")
	d.ruled()
	cas, loop, low, high := d.overall()
	if cas.Count() > 0 {
		d.line("* **The measuring loop** itself costs %s ns an operation, over %s. It is part of ns/op, not subtracted.", estimate(loop, 1, loop.Count()), plural(loop.Count(), "sample"))
		d.line("* **One CAS** is an uncontended compare-and-swap, timed in every sample's own process: %s ns, all from %s to %s ns, over %s. CAS/op divides within a sample, so a clock that changes between samples cancels.",
			estimate(cas, 1, cas.Count()), number(low), number(high), plural(cas.Count(), "sample"))
	}
	d.line("")
	d.twins()
	d.gaps()
}

// twins writes the figures of the control's cells.
func (d *document) twins() {
	if len(d.control) == 0 {
		return
	}
	g := grid{header: []string{"cell of the control", "ns/op", "CAS/op", "n", "doubts"}, left: 1}
	for _, r := range d.control {
		n := r.Ns.Count()
		g.add(code(r.Name), estimate(r.Ns, 1, n), estimate(r.CAS, 1, n), fmt.Sprint(n), words(strings.Join(r.Warnings, "; ")))
	}
	g.drop(len(g.header) - 1)
	d.line("%s", g.String())
}

// ruled says in words what the control showed.
func (d *document) ruled() {
	c := d.run.Control
	switch {
	case c.Cell == "":
		d.line("* No control was run.")
		return
	case c.PlantedP == 0:
		d.line("* The control of %s has too few samples to show anything.", code(c.Cell))
	default:
		d.line("* **The same twice (A/A).** %s was measured as if it were two designs. In 95 of 100 random halvings of these samples the medians of the halves lie within %s of each other, and no difference of that size or less is called one below.",
			code(c.Cell), percent(c.AASpreadPct))
		outcome := "The run told the two apart."
		if !c.Distinguished {
			outcome = "**The run did not tell the two apart**, so it may miss real differences of this size."
		}
		d.line("* **A slowdown on purpose.** The same cell with every operation made %s longer came out %s slower (%s). %s",
			percent(c.PlantedPct), percent(c.MeasuredPct), pValue(c.PlantedP), outcome)
	}
	d.dispatch()
}

// dispatch writes what calling through the interface adds to the cell that was measured both ways.
func (d *document) dispatch() {
	const own = "The figures below are without it: each design that has a loop of its own is called by that."
	for i := range d.control {
		r := &d.control[i]
		call := result.Pair{Key: result.ParamCall, Value: result.CallInterface}
		if !slices.Contains(r.Params, call) || r.Ns.Count() == 0 {
			continue
		}
		direct := slices.DeleteFunc(slices.Clone(r.Params), func(p result.Pair) bool { return p == call })
		if b := d.partner(r, r.Design, direct); b != nil && b.Class == r.Class {
			d.line("* **Calling through the interface** adds %s ns an operation (%s and %d samples, shift of Hodges and Lehmann). %s",
				interval(stats.Shift(b.Ns, r.Ns)), plural(b.Ns.Count(), "sample"), r.Ns.Count(), own)
			return
		}
	}
	d.line("* The cost of calling through the interface was not measured. %s", own)
}

// overall sums up, over all kept samples, the compare-and-swap (with its extremes) and the loop, in ns.
func (d *document) overall() (cas, loop stats.Estimate, low, high float64) {
	var casNs, loopNs []float64
	low, high = math.Inf(1), math.Inf(-1)
	for _, c := range d.run.Cells {
		for _, s := range c.Kept {
			if s.CASNs > 0 {
				casNs = append(casNs, s.CASNs)
				low, high = min(low, s.CASNs), max(high, s.CASNs)
			}
			loopNs = append(loopNs, s.LoopNs)
		}
	}
	return stats.Of(casNs), stats.Of(loopNs), low, high
}

// reading explains the columns, once.
func (d *document) reading() {
	if len(d.tables) == 0 {
		return
	}
	d.line("## How to read the tables\n")
	d.line("* A figure is a median with the bounds of its interval, at %.0f %% confidence or more, from order statistics: nothing is assumed about the distribution. **n** counts the samples; each was a fresh process.", 100*stats.Confidence)
	d.line("* **ns/op** is time of CPUs over operations; under the heading of each workload stands which time that is. **CAS/op** is the same in uncontended compare-and-swaps. **Throughput** is that of all CPUs together.")
	d.line("* **rank** orders ns/op among cells of one item kind, guarantee, parameters, CPU count and distance class, and starts again with each of these. Designs that the run cannot tell from the first of their rank share it. **Against first** is the change of ns/op from the first row, by the Mann-Whitney test at alpha = 0.05, not corrected for the number of comparisons: of twenty comparisons of equals one may fall below 0.05 by chance. **Cannot tell** means that there are too few samples for any difference to show.")
	d.line("* **Guarantee**: *waits* means that an allocation which may wait gets an item sooner or later; *may fail* that it can be refused; *bounded* that there is a fixed number of items; *half the items* that only so many are promised to one CPU, the rest may lie out of its reach; *less a reserve* that some are for callers with a right to them; *woken in batches* that a caller may sleep beside free items until some more are freed; *two pools* that a pool stands on another, so that there are twice the items; *known faults* that the variant keeps faults of its original. A design that promises less is spared work that one which promises more must do, so designs of different promises are not ranked against each other.")
	d.line("* **+ irq save/restore †**: *published figure added, not measured.* In the kernel these paths mask interrupts, which user space cannot, so it comes free here. The column adds irq pairs/op x %.1f ns, the cost of local_irq_save and local_irq_restore on an i7-4790K at 4 GHz (37 cycles), in compare-and-swaps of this machine. The ranks are without it.", stats.IRQPairNs)
	d.line("* **Own locks ‡** are those of the CPU's own that one operation takes on the fast path, as the design declares. **Shared locks** are acquisitions of locks that CPUs share, counted outside the fast path.")
	if slices.ContainsFunc(d.rows, func(r stats.Row) bool { return len(r.Tails) > 0 }) {
		d.line("* **Tails** are percentiles of single operations, each the median over the samples with its interval. **Floor** means that the machine's own gaps, seen by a spinning loop that does nothing else, explain the percentile: nothing about the design can be read from it. **n/a** means that too few operations lie above it. Open loop: *from the intended start* counts from the moment an operation was due; *uncorrected* from the moment it began, which leaves out what it waited for its turn. Where in most samples of an open loop items ran out for more than one operation in 1,000, the tails are of the queue, and the cell has no rank. Cells that time each operation are slower by the clock, so their mean cost stands in no table.")
	}
	d.line("* Letters under **doubts** (⚠) lead to the lines below the table.\n")
}
