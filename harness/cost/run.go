package cost

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"headroom/harness"
	"headroom/harness/workload"
)

// Options say how a table is measured.
type Options struct {
	Samples   int   // rounds: a sample of each cell in each; at least 6 give an interval
	Processor int   // the number of the processor that one-CPU samples run on
	TwoCPUs   bool  // measure per-CPU designs on two CPUs as well
	Tree      *Tree // nil without originals to measure
	Seed      uint64
	Progress  harness.Reporter
	Program   string // what to start for a sample of ours; it is given the word "sample"
}

// durationNs is the length of a sample, as in a full bench; restNs the pause behind it for the rest of the machine.
const (
	durationNs = 100_000_000
	restNs     = durationNs * 3 / 2
)

// minSamples is the fewest samples that give an interval at 95 %.
const minSamples = 6

// value is one sample of a cell.
type value struct {
	ns, cas float64 // of an operation; cas in compare-and-swaps of the same process
	allocs  float64 // heap objects allocated in an operation; ours only
}

// samples are a run's: for each cell, by round, nil where the sample was set aside.
type samples map[string][]*value

// SecondsPerSample is about how long one takes, with its process and the pause behind it.
const SecondsPerSample = 0.06 + float64(durationNs+restNs)/1e9

// Run measures the rows and gives the table. When ctx ends it returns what is complete, marked as interrupted.
func Run(ctx context.Context, rows []Row, o Options) (*Table, error) {
	var originals []string
	if o.Tree != nil {
		originals = o.Tree.built
	}
	list := cells(rows, o.TwoCPUs, originals)
	order := rand.New(rand.NewPCG(o.Seed, 1))
	taken, t := samples{}, &Table{}
	o.Progress.Start(len(list) * o.Samples)
	rounds := 0
	for ; rounds < o.Samples || o.Samples >= minSamples && rounds < 2*o.Samples && fewest(taken, list) < minSamples; rounds++ {
		for _, i := range order.Perm(len(list)) {
			c := &list[i]
			o.Progress.Step(c.name())
			v, err := o.one(ctx, c, t)
			if ctx.Err() != nil {
				o.Progress.Done()
				t.Interrupted = true
				t.fill(rows, taken, o)
				return t, nil
			}
			if err != nil {
				o.Progress.Done()
				return nil, fmt.Errorf("%s: %w", c.name(), err)
			}
			taken[c.name()] = append(taken[c.name()], v)
			rest(ctx)
		}
	}
	o.Progress.Done()
	t.fill(rows, taken, o)
	return t, nil
}

// fewest is the smallest number of samples that count of any cell.
func fewest(taken samples, list []cell) int {
	least := math.MaxInt
	for i := range list {
		n := 0
		for _, v := range taken[list[i].name()] {
			if v != nil {
				n++
			}
		}
		least = min(least, n)
	}
	return least
}

func rest(ctx context.Context) {
	timer := time.NewTimer(restNs)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// casDrift is how far the compare-and-swap before and after an interval may differ, as for our own samples.
const casDrift = 0.15

// one takes a sample of a cell; nil when it is to be set aside (I3).
func (o *Options) one(ctx context.Context, c *cell, t *Table) (*value, error) {
	if c.part == nil {
		m, err := o.Tree.run(ctx, c.original, o.Processor, durationNs)
		if err != nil {
			return nil, err
		}
		t.refused(m.Realtime)
		if math.Abs(m.CASNs[1]/m.CASNs[0]-1) > casDrift {
			t.SetAside++
			return nil, nil
		}
		return &value{ns: m.NsPerOp, cas: m.NsPerOp / ((m.CASNs[0] + m.CASNs[1]) / 2)}, nil
	}
	spec, err := c.spec()
	if err != nil {
		return nil, err
	}
	taken, err := harness.Take(ctx, o.Program, spec)
	if err != nil {
		return nil, err
	}
	t.refused(taken.Realtime)
	s := &taken.Sample
	if s.Counters[workload.CounterFailed] > 0 {
		return nil, fmt.Errorf("%.0f allocations failed: a pair is to find an item always", s.Counters[workload.CounterFailed])
	}
	if s.Dropped != "" {
		t.SetAside++
		return nil, nil
	}
	return &value{ns: s.NsPerOp, cas: s.CASPerOp(), allocs: float64(taken.Allocs) / float64(s.Ops)}, nil
}
