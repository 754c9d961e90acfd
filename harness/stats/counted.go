package stats

import (
	"maps"
	"slices"

	"headroom/harness/result"
)

// The counters that count events: summed up per operation. Every other counter is a figure of its own.
var perOperation = []string{"failed", "waits", "steals", "refills", "spills", "locks", "deadlocks", "reserve-refused", "unsaved",
	"broken-promises", "others-refused", "listed", "throttled", "fallbacks", "lost-writes", "requeues", "refused-in-irq", "injected"}

// Counter is one thing that the samples of a cell counted.
type Counter struct {
	Name         string // locks
	PerOperation bool   // the values are counts over the operations of their sample; else they are the samples' own figures
	Value        Estimate
}

// Counter gives the estimate of the counter of that name; it is empty when no sample has it.
func (r *Row) Counter(name string) Estimate {
	for _, c := range r.Counters {
		if c.Name == name {
			return c.Value
		}
	}
	return Of(nil)
}

// counters sums up what the kept samples counted, sorted by name. A sample that lacks a counter is left out of it: a design that does not
// count something is not one that counted none.
func counters(c *result.Cell) []Counter {
	values := make(map[string][]float64)
	for i := range c.Kept {
		s := &c.Kept[i]
		for name, v := range s.Counters {
			if slices.Contains(perOperation, name) {
				if s.Ops <= 0 {
					continue
				}
				v /= float64(s.Ops)
			}
			values[name] = append(values[name], v)
		}
	}
	var out []Counter
	for _, name := range slices.Sorted(maps.Keys(values)) {
		out = append(out, Counter{name, slices.Contains(perOperation, name), Of(values[name])})
	}
	return out
}

// OpenLoop reports whether operations came at times of their own, so that the load, not the design, decides about the throughput.
func (r *Row) OpenLoop() bool {
	return slices.ContainsFunc(r.Tails, func(t Tail) bool { return t.Timed == result.TimedIntended })
}

// exhausted reports whether in most of the kept samples more than one operation in rare was refused or had to sleep. Fewer are no part of the mean.
func exhausted(c *result.Cell) bool {
	const rare = 1000
	n := 0
	for i := range c.Kept {
		s := &c.Kept[i]
		if counted := s.Counters; rare*(counted["failed"]+counted["waits"]) > float64(s.Ops) {
			n++
		}
	}
	return 2*n > len(c.Kept)
}

// fairness is the slowest CPU's share of the fastest one's operations, from 0 to 1. It is empty on one CPU, and where a sample does not say
// what each CPU did.
func fairness(c *result.Cell) Estimate {
	var shares []float64
	for i := range c.Kept {
		per := c.Kept[i].PerCPU
		if len(per) < 2 || len(per) != c.CPUs {
			continue
		}
		if most := slices.Max(per); most > 0 {
			shares = append(shares, float64(slices.Min(per))/float64(most))
		}
	}
	return Of(shares)
}
