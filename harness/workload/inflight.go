package workload

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unsafe"

	"headroom/designs"
	"headroom/harness/measure"
	"headroom/harness/result"
	"headroom/internal/rng"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/latency"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
)

// The laws by which requests arrive, and by which the device serves them.
const (
	Fixed   = "fixed"   // always the same time
	Poisson = "poisson" // arrivals independent of each other: exponential times between them
	Random  = "random"  // service: exponential times
)

// Flight is what bio-inflight does: an open loop, so requests come at times of their own, whether or not the ones before are done.
type Flight struct {
	Rate      float64 `json:"rate"`      // requests a second on each CPU
	Arrival   string  `json:"arrival"`   // Poisson or Fixed
	Depth     int     `json:"depth"`     // items for each CPU: no more requests are in flight
	ServiceUs float64 `json:"serviceUs"` // mean time the device takes
	Service   string  `json:"service"`   // Random or Fixed
}

// With is the flight with those values of other that are given.
func (f Flight) With(other Flight) Flight {
	f.Rate, f.Depth, f.ServiceUs = cmp.Or(other.Rate, f.Rate), cmp.Or(other.Depth, f.Depth), cmp.Or(other.ServiceUs, f.ServiceUs)
	f.Arrival, f.Service = cmp.Or(other.Arrival, f.Arrival), cmp.Or(other.Service, f.Service)
	return f
}

func (f *Flight) params() []result.Pair {
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	p := []result.Pair{{Key: "rate", Value: number(f.Rate)}, {Key: "depth", Value: strconv.Itoa(f.Depth)}, {Key: "service-us", Value: number(f.ServiceUs)}}
	if f.Arrival != Poisson {
		p = append(p, result.Pair{Key: "arrival", Value: f.Arrival})
	}
	if f.Service != Random {
		p = append(p, result.Pair{Key: "service", Value: f.Service})
	}
	return p
}

// A rate above the highest leaves less time for a request than the clock takes to read; a depth above the greatest is no device's.
const (
	leastRate    = 1
	mostRate     = 50e6
	mostDepth    = 4096
	mostServeUs  = 1e6
	leastServeUs = 0
	// mostWaiting bounds the inbox of a CPU: all requests of the device before it may be completed at once, and one device may have the items of all CPUs.
	mostWaiting = 1 << 14
)

func (f *Flight) check() error {
	switch {
	case !(f.Rate >= leastRate && f.Rate <= mostRate):
		return fmt.Errorf("bio-inflight at %g requests a second: give %d to %g", f.Rate, leastRate, mostRate)
	case f.Depth < 1 || f.Depth > mostDepth:
		return fmt.Errorf("bio-inflight %d deep: give 1 to %d items for each CPU", f.Depth, mostDepth)
	case !(f.ServiceUs >= leastServeUs && f.ServiceUs <= mostServeUs):
		return fmt.Errorf("bio-inflight with a service time of %g us: give %d to %g", f.ServiceUs, leastServeUs, mostServeUs)
	case f.Arrival != Poisson && f.Arrival != Fixed:
		return fmt.Errorf("bio-inflight with arrivals %q: give %s or %s", f.Arrival, Poisson, Fixed)
	case f.Service != Random && f.Service != Fixed:
		return fmt.Errorf("bio-inflight with service times %q: give %s or %s", f.Service, Random, Fixed)
	}
	return nil
}

// checkOn refuses what check cannot know: a flight too deep for so many CPUs, and one whose backlog would take too long after arrivals of so many ns.
func (f *Flight) checkOn(cpus int, arrivalNs int64) error {
	if waiting := f.Depth * cpus; waiting > mostWaiting {
		return fmt.Errorf("bio-inflight %d deep on %d CPUs: %d completions could wait in the inbox of one CPU, and it takes %d: give a depth of at most %d, or fewer CPUs",
			f.Depth, cpus, waiting, mostWaiting, mostWaiting/cpus)
	}
	if ns := f.lastsNs(arrivalNs); ns > longestFlightNs {
		return fmt.Errorf("bio-inflight: the %g requests a second of %.3g ms take about %.3g s with %d items for each CPU and %g us of service, and a sample may take %g:"+
			" give a lower rate, a shorter service time or more depth", f.Rate, float64(arrivalNs)/1e6, ns/1e9, f.Depth, f.ServiceUs, longestFlightNs/1e9)
	}
	return nil
}

// A request costs its CPU so much about, for its alloc, its interrupt and the free: it bounds what no device could slow down further.
const requestNs = 500

// longestFlightNs is the longest sample of bio-inflight, its backlog included: it holds the processors all the while.
const longestFlightNs = 3e9

// lastsNs is how long a sample takes about in which requests arrive for so many ns. All of them are served, however late: the device has no more
// than depth of them at a time.
func (f *Flight) lastsNs(arrivalNs int64) float64 {
	requests, serviceNs := f.Rate*float64(arrivalNs)/1e9, f.ServiceUs*1e3
	return max(float64(arrivalNs), requests*requestNs, requests*serviceNs/float64(f.Depth)) + serviceNs
}

// flight is what bio-inflight needs.
type flight struct {
	devices []device
	landed  *atomic.Uint32 // CPUs all of whose requests are done
	gfp     kernel.GFP
}

// device is what one CPU submits to. A request is a slot with the item in it; the device keeps those under way in the order in which they are due,
// and completes each by an interrupt on the next CPU, which frees the item and then the slot.
//
// Ordering, O2: the handler is done with item and slot before it releases state; who takes the slot again acquires it.
type device struct {
	slots    []slot
	works    []machine.Work
	dueNs    []int64 // by slot
	order    []int32 // slots under way, the first to be done at the end
	next     int     // where the search for a free slot begins
	most     int     // largest number of requests that were under way at once
	over     bool    // nothing more will be submitted
	random   rng.Stream
	intended *latency.Histogram // of allocations on this CPU, from when they were due
	actual   *latency.Histogram // of the same, from when they began
}

type slot struct {
	state atomic.Uint32 // 0 when free
	item  mem.Plain64
	_     [48]byte // a line each: 4 and 4 for alignment and 8 are used
}

// spareSlots are for requests whose item is free again while their handler is not yet done with the slot.
const spareSlots = 64

// arrivalSeed makes arrivals and service times the same in every sample and for every design.
const arrivalSeed = 0x62696f

// OwnBytes is the machine memory that a workload takes for what its items pass through, beyond a few pages: the requests of bio-inflight, the objects of rcu-flood.
func (s *Spec) OwnBytes() int {
	switch s.Workload {
	case RCUFlood:
		return s.CPUs * floodObjects * 2 * floodObjectBytes // a slab of them, its descriptors, and what lists keep
	case BioInflight:
	default:
		return 0
	}
	return s.CPUs * (s.Items(0) + spareSlots) * int(unsafe.Sizeof(slot{}))
}

func (r *run) layFlight() error {
	f := &flight{gfp: kernel.NoWait, devices: make([]device, r.spec.CPUs)}
	if r.variant.Capabilities.MayWait {
		f.gfp = kernel.NoIO
	}
	r.flight = f
	var err error
	if f.landed, err = mem.New[atomic.Uint32](r.machine.Memory(), 0); err != nil {
		return err
	}
	n := r.config.Items + spareSlots
	intended, actual := newHistograms(r.spec.CPUs), newHistograms(r.spec.CPUs)
	for cpu := range f.devices {
		d := &f.devices[cpu]
		*d = device{works: make([]machine.Work, n), dueNs: make([]int64, n), order: make([]int32, 0, n),
			random: rng.New(arrivalSeed + uint64(cpu)), intended: intended[cpu], actual: actual[cpu]}
		if d.slots, err = mem.Slice[slot](r.machine.Memory(), r.machine.Node(cpu), n); err != nil {
			return err
		}
		for i := range d.works {
			d.works[i].Run = func(t *kernel.Task) { r.complete(t, &d.slots[i]) }
		}
	}
	return nil
}

// submitOrServe is the body of bio-inflight's tasks: the first submits, the second is the device while the first waits for an item.
func (r *run) submitOrServe(t *kernel.Task, s *seat, task int) {
	d := &r.flight.devices[s.cpu]
	if task == 1 {
		var wait measure.Patience
		for !d.over {
			r.serve(t, d)
			t.Resched()
			wait.Round() // for the CPU that frees items
		}
		return
	}
	end := s.started + r.spec.DurationNs
	for due := s.started + r.pause(d); due < end; due += r.pause(d) {
		r.idleUntil(t, d, due)
		r.submit(t, s, d, due)
	}
	var wait measure.Patience
	for d.busy() {
		r.serve(t, d)
		t.Resched()
		wait.Round()
	}
	// Other CPUs' completions still come here.
	r.flight.landed.Add(1)
	for r.flight.landed.Load() < uint32(r.spec.CPUs) {
		t.Resched()
		wait.Round()
	}
	d.over = true
}

// pause is the time to the next request, in ns.
func (r *run) pause(d *device) int64 {
	mean := 1e9 / r.spec.Flight.Rate
	if r.spec.Flight.Arrival == Fixed {
		return int64(mean)
	}
	return int64(mean * exponential(&d.random))
}

// exponential is a random number with mean 1.
func exponential(random *rng.Stream) float64 {
	const unit = 1 << 53
	return -math.Log((float64(random.Uint64()>>11) + 1) / unit)
}

// spinNs before a request is due the CPU only looks at the clock: going round its tasks takes some tenths of that, and the request would be late.
const spinNs = 1000

// idleUntil is the device and lets interrupts in until the time has come.
func (r *run) idleUntil(t *kernel.Task, d *device, due int64) {
	for r.now() < due-spinNs {
		r.serve(t, d)
		t.Resched()
	}
	r.waitUntil(due)
}

// submit allocates an item for the request that was due, and gives it to the device.
func (r *run) submit(t *kernel.Task, s *seat, d *device, due int64) {
	at := r.freeSlot(t, d)
	began := r.now()
	s.late.add(began - due)
	it, err := r.allocator.Alloc(t, r.flight.gfp)
	now := r.lengthen(s, began, r.now())
	s.inside += now - began
	if err != nil {
		s.failed++
		return
	}
	r.record(d.intended, now-due)
	r.record(d.actual, now-began)
	if r.records != nil {
		r.records.Touch(it)
	}
	d.slots[at].item.Store(uint64(it))
	d.slots[at].state.Store(1)
	service := r.spec.Flight.ServiceUs * 1e3
	if r.spec.Flight.Service == Random {
		service *= exponential(&d.random)
	}
	d.dueNs[at] = now + int64(service)
	place, _ := slices.BinarySearchFunc(d.order, d.dueNs[at], func(other int32, due int64) int { return cmp.Compare(due, d.dueNs[other]) })
	d.order = slices.Insert(d.order, place, int32(at)) // there is room for every slot: nothing is allocated
	d.most = max(d.most, len(d.order))
}

// freeSlot finds a free slot. There are more than items, so it need not wait but for a handler that is held up.
func (r *run) freeSlot(t *kernel.Task, d *device) int {
	var wait measure.Patience
	for looks := 1; ; looks++ {
		at := d.next
		if d.next++; d.next == len(d.slots) {
			d.next = 0
		}
		if d.slots[at].state.LoadAcquire() == 0 { // O2
			return at
		}
		if looks%len(d.slots) == 0 {
			r.serve(t, d)
			t.Resched()
			wait.Round()
		}
	}
}

// busy reports whether requests are under way, or their completions.
func (d *device) busy() bool {
	for i := range d.slots {
		if d.slots[i].state.LoadAcquire() != 0 {
			return true
		}
	}
	return false
}

// serve raises the interrupts of the requests that are done by now.
func (r *run) serve(t *kernel.Task, d *device) {
	now := r.now()
	for last := len(d.order) - 1; last >= 0 && d.dueNs[d.order[last]] <= now; last-- {
		at := d.order[last]
		d.order = d.order[:last]
		r.machine.Interrupt(t, (t.CPU()+1)%r.spec.CPUs, &d.works[at])
	}
}

// complete is the interrupt handler: it frees the item of a request.
func (r *run) complete(t *kernel.Task, at *slot) {
	s := &r.seats[t.CPU()]
	it := designs.Item(at.item.Load())
	began := r.now()
	r.allocator.Free(t, it)
	s.inside += r.lengthen(s, began, r.now()) - began
	s.ops++
	at.state.StoreRelease(0) // O2
}

// flightFigures adds both views of the allocations' times: from when they were due, and from when they began, which leaves out what those before
// made them wait.
func (r *run) flightFigures(o *result.Sample) error {
	var intended, actual []*latency.Histogram
	most := 0
	for i := range r.flight.devices {
		intended = append(intended, r.flight.devices[i].intended)
		actual = append(actual, r.flight.devices[i].actual)
		most = max(most, r.flight.devices[i].most)
	}
	o.Counters[CounterInFlight] = float64(most)
	return errors.Join(r.describe(o, intended, result.TimedIntended), r.describe(o, actual, result.TimedActual))
}
