package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"headroom/harness"
	"headroom/harness/result"
	"headroom/harness/workload"
	"headroom/kernel/machine"
)

// tuning is the flags of headroom bench that change how workloads run.
type tuning struct {
	placement string
	latency   string
	keep      int
	bulk      int
	burst     int
	failEvery int
	flight    workload.Flight
}

// register adds the flags.
func (o *tuning) register(f *pflag.FlagSet) {
	f.StringVar(&o.placement, "placement", harness.SMTLast, "how processors are chosen: "+strings.Join(harness.Policies(), ", "))
	f.StringVar(&o.latency, "latency", "", "time single operations in cells of their own: every, sampled, or off (default: the full run's choice, none with --quick)")
	f.IntVar(&o.keep, "keep", 0, "bulk-keep: items each CPU keeps (default 512)")
	f.IntVar(&o.bulk, "bulk", 0, "bulk-keep: items taken at a time (default 16, and 256)")
	f.IntVar(&o.burst, "burst", 0, "start-storm: items each CPU takes at once (default 64)")
	f.IntVar(&o.failEvery, "fail-every", 0, "irq-alloc-fails: every so many allocations in interrupts fail by order (default 100)")
	f.Float64Var(&o.flight.Rate, "rate", 0, "bio-inflight: requests a second on each CPU; this and the next four replace its two points by one")
	f.IntVar(&o.flight.Depth, "depth", 0, "bio-inflight: items for each CPU")
	f.Float64Var(&o.flight.ServiceUs, "service-us", 0, "bio-inflight: mean time the device takes, in us")
	f.StringVar(&o.flight.Arrival, "arrival", "", "bio-inflight: poisson or fixed times between requests")
	f.StringVar(&o.flight.Service, "service", "", "bio-inflight: random or fixed service times")
}

// apply checks the flags against the processors there are and puts them into a request. Without a placement, which a command has that registers no
// flags, each sample chooses its processors: programs that know of no choice can take it too.
func (o *tuning) apply(q *harness.Request, cpus []machine.CPU) error {
	if o.placement == "" {
		return nil
	}
	q.Topology = machine.Topology{CPUs: cpus}
	order, err := harness.Place(q.Topology, o.placement)
	if err != nil {
		return fmt.Errorf("--placement: %w", err)
	}
	if len(q.CPUs) > 0 && slices.Max(q.CPUs) > len(order) {
		return fmt.Errorf("--cpus %d: placement %s has %d CPUs; give 1 to %d", slices.Max(q.CPUs), o.placement, len(order), len(order))
	}
	if known := []string{"", result.EveryOperation, result.Sampled, harness.LatencyOff}; !slices.Contains(known, o.latency) {
		return fmt.Errorf("--latency %q: give %s", o.latency, strings.Join(known[1:], ", "))
	}
	q.Placement, q.Latency, q.Keep, q.Bulk, q.Burst, q.FailEvery = o.placement, o.latency, o.keep, o.bulk, o.burst, o.failEvery
	if o.flight != (workload.Flight{}) {
		f := harness.StandardFlight().With(o.flight)
		q.Flight = &f
	}
	return nil
}

// describePlacement is the line of the environment that says which processors a run uses, in which order.
func (o *tuning) describePlacement(q *harness.Request) result.Pair {
	order, err := harness.Place(q.Topology, o.placement)
	if err != nil {
		return result.Pair{Key: placementKey, Value: o.placement}
	}
	var ids []string
	for _, c := range order {
		ids = append(ids, fmt.Sprint(c.ID))
	}
	return result.Pair{Key: placementKey, Value: fmt.Sprintf("%s: CPUs %s", o.placement, strings.Join(ids, ","))}
}

const placementKey = "placement"
