package workload

import (
	"math"
	"slices"
	"strings"
	"testing"

	"headroom/designs"
	"headroom/harness/driver"
	"headroom/harness/result"
	"headroom/kernel"
)

// runnable is a spec that passes Check.
func runnable(name string) Spec {
	s := Spec{Workload: name, Design: "percpu_tags", Variant: "lock", CPUs: 1, Hold: 8, Keep: 64, Bulk: 16, Burst: 8, Ratio: 4, Tasks: 4,
		Flight: Flight{Rate: 1e5, Arrival: Poisson, Depth: 8, ServiceUs: 10, Service: Random}, File: "f", Kind: "tag", DurationNs: 1,
		OnRefusal: driver.Requeue, FailEvery: 100, Shift: ShiftCPUs, Bytes: 16, Crowd: 1}
	if ways := Ways(name); ways != nil {
		s.Way = ways[0]
	}
	if d, err := Find(name); name == CrossCPU || err == nil && d.TwoCPUs {
		s.CPUs = 2
	}
	return s
}

// A spec that cannot be run is refused with what to give instead.
func TestCheckRefusesWithTheRemedy(t *testing.T) {
	for _, d := range All() {
		s := runnable(d.Name)
		if err := s.Check(); err != nil {
			t.Errorf("%s: %v", d.Name, err)
		}
	}
	for _, c := range []struct {
		workload string
		spoil    func(s *Spec)
		says     string
	}{
		{Fastpath, func(s *Spec) { s.Workload = "slowpath" }, `unknown workload "slowpath": there are [fastpath window bulk-keep cross-cpu start-storm tag-exhaust exhaust-recover bio-inflight irq-alloc-fails ` +
			`hotplug phase-shift preempted-holder false-share trace stacked-pools swap-squeeze reserve-cancel rcu-flood resize-waiters blkcg-first-io]`},
		{Fastpath, func(s *Spec) { s.CPUs = 0 }, "0 CPUs: give at least 1"},
		{Fastpath, func(s *Spec) { s.DurationNs = 0 }, "a sample of 0 ns: give a positive time"},
		{Fastpath, func(s *Spec) { s.Touch = 65 }, "65 bytes to touch: give 0, or a multiple of 64 up to 65536"},
		{Fastpath, func(s *Spec) { s.Touch = -64 }, "-64 bytes to touch: give 0"},
		{Fastpath, func(s *Spec) { s.Touch = 1 << 17 }, "131072 bytes to touch: give 0"},
		{Window, func(s *Spec) { s.Hold = 0 }, "window of 0 items: give 1 to 4096"},
		{Window, func(s *Spec) { s.Hold = 4097 }, "window of 4097 items: give 1 to 4096"},
		{TagExhaust, func(s *Spec) { s.Ratio = 0 }, "tag-exhaust with 0 items and 4 tasks for each CPU: give 0 < items <= 4096"},
		{TagExhaust, func(s *Spec) { s.Ratio = 4097 }, "tag-exhaust with 4097 items"},
		{TagExhaust, func(s *Spec) { s.Tasks = 0 }, "0 tasks for each CPU: give 0 < items <= 4096, and 1 to 1024 tasks in all"},
		{TagExhaust, func(s *Spec) { s.CPUs, s.Tasks = 2, 513 }, "513 tasks for each CPU"},
		{BulkKeep, func(s *Spec) { s.Bulk = 0 }, "bulk-keep of 64 items in bulks of 0: give a bulk of 1 to as many as are kept"},
		{BulkKeep, func(s *Spec) { s.Keep = 15 }, "bulk-keep of 15 items in bulks of 16"},
		{BulkKeep, func(s *Spec) { s.Keep = 4097 }, "at most 4096 of those"},
		{CrossCPU, func(s *Spec) { s.CPUs = 3 }, "cross-cpu on 3 CPUs: give 2"},
		{StartStorm, func(s *Spec) { s.Burst = 0 }, "start-storm with bursts of 0 items: give 1 to 4096"},
		{ExhaustRecover, func(s *Spec) { s.Ratio = 3 }, "exhaust-recover with 3 items and 4 tasks for each CPU: give an item or more for each task"},
		{BioInflight, func(s *Spec) { s.Flight.Rate = 0 }, "bio-inflight at 0 requests a second: give 1 to 5e+07"},
		{BioInflight, func(s *Spec) { s.Flight.Rate = math.NaN() }, "bio-inflight at NaN requests a second"},
		{BioInflight, func(s *Spec) { s.Flight.Depth = 0 }, "bio-inflight 0 deep: give 1 to 4096 items for each CPU"},
		{BioInflight, func(s *Spec) { s.Flight.ServiceUs = -1 }, "bio-inflight with a service time of -1 us"},
		{BioInflight, func(s *Spec) { s.CPUs, s.Flight.Depth = 8, 4096 },
			"bio-inflight 4096 deep on 8 CPUs: 32768 completions could wait in the inbox of one CPU, and it takes 16384: give a depth of at most 2048"},
		{BioInflight, func(s *Spec) { s.DurationNs, s.Flight.ServiceUs = 20_000_000, 1e5 },
			"the 100000 requests a second of 20 ms take about 25.1 s with 8 items for each CPU and 100000 us of service, and a sample may take 3: give a lower rate"},
		{BioInflight, func(s *Spec) { s.Flight.Arrival = "late" }, `bio-inflight with arrivals "late": give poisson or fixed`},
		{BioInflight, func(s *Spec) { s.Flight.Service = "" }, `bio-inflight with service times "": give random or fixed`},
		{IRQAllocFails, func(s *Spec) { s.Ratio = 0 }, "irq-alloc-fails with 0 items and 4 tasks for each CPU: give 0 < items <= 4096, and 1 to 1024 tasks in all"},
		{IRQAllocFails, func(s *Spec) { s.Ratio = math.NaN() }, "irq-alloc-fails with NaN items"},
		{IRQAllocFails, func(s *Spec) { s.Tasks = 0 }, "0 tasks for each CPU"},
		{IRQAllocFails, func(s *Spec) { s.CPUs, s.Tasks = 2, 512 }, "512 tasks for each CPU"},
		{IRQAllocFails, func(s *Spec) { s.FailEvery = 1 }, "every allocation numbered 1 failing: give 2 to 1073741824"},
		{IRQAllocFails, func(s *Spec) { s.OnRefusal = "drop" }, `irq-alloc-fails with "drop" on a refusal: give one of [requeue eio]`},
		{Fastpath, func(s *Spec) { s.Latency = "some" }, `latency "some" of fastpath: give "every", or for fastpath and window "sampled"`},
		{TagExhaust, func(s *Spec) { s.Latency = "sampled" }, `latency "sampled" of tag-exhaust`},
		{BulkKeep, func(s *Spec) { s.Latency = "every" }, `latency "every" of bulk-keep`},
		{Fastpath, func(s *Spec) { s.Processors = []int{0, 1} }, "2 processors for 1 CPUs: name one for each, or none"},
		{Fastpath, func(s *Spec) { s.Room = -1 }, "room for -1 items: give 0 to 4194304"},
		{StackedPools, func(s *Spec) { s.Way = "none" }, `stacked-pools in the way "none": give one of [own shared raid1]`},
		{StackedPools, func(s *Spec) { s.Ratio = math.NaN() }, "stacked-pools with NaN items for each CPU: give more than 0"},
		{StackedPools, func(s *Spec) { s.Tasks = 0 }, "stacked-pools with 0 tasks for each CPU: give 1 to 1024 in all"},
		{Trace, func(s *Spec) { s.File = "" }, `trace "" at pace 0: name a file`},
		{Trace, func(s *Spec) { s.Pace = -1 }, "at pace -1: name a file, and a pace of 0 (flat out) or more"},
		{Trace, func(s *Spec) { s.CPUs = 4097 }, "trace on 4097 CPUs: a recording names 4096 at most; give --cpus a count up to that"},
		{Trace, func(s *Spec) { s.Touch = 64 }, "a recording touches none"},
	} {
		checkRefusal(t, c.workload, c.spoil, c.says)
	}
}

// So is one of the workloads in which load, CPUs or lines move.
func TestCheckRefusesWhatCannotMove(t *testing.T) {
	for _, c := range []struct {
		workload string
		spoil    func(s *Spec)
		says     string
	}{
		{Hotplug, func(s *Spec) { s.CPUs = 1 }, "hotplug on 1 CPU: give 2 or more"},
		{Hotplug, func(s *Spec) { s.Hold = 0 }, "hotplug of 0 items: give 1 to 4096"},
		{PhaseShift, func(s *Spec) { s.Hold = 4097 }, "phase-shift of 4097 items: give 1 to 4096"},
		{PhaseShift, func(s *Spec) { s.Shift = "" }, `phase-shift of "": give cpus or queues`},
		{Preempted, func(s *Spec) { s.Crowd = 2 }, "preempted-holder with 2 of 2 CPUs on each processor: give a divisor of the CPUs that leaves two processors"},
		{Preempted, func(s *Spec) { s.Crowd = 0 }, "preempted-holder with 0 of 2 CPUs"},
		{FalseShare, func(s *Spec) { s.Bytes = 12 }, "false-share with items of 12 bytes: give a multiple of 8 up to 4096"},
		{FalseShare, func(s *Spec) { s.Bytes = 8192 }, "false-share with items of 8192 bytes"},
		{FalseShare, func(s *Spec) { s.Touch = 64 }, "false-share has writes of its own"},
	} {
		checkRefusal(t, c.workload, c.spoil, c.says)
	}
}

// checkRefusal spoils a spec that can be run, and looks that Check and Run refuse it with what it says.
func checkRefusal(t *testing.T, workload string, spoil func(s *Spec), says string) {
	t.Helper()
	s := runnable(workload)
	spoil(&s)
	if err := s.Check(); err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("%+v: %v, want %q", s, err, says)
	}
	if _, err := Run(nil, nil, designs.Variant{}, s, nil); err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("Run of %+v: %v, want %q", s, err, says)
	}
}

// A variant lacks a workload for one stated reason, or can run it.
func TestLacksNamesTheReason(t *testing.T) {
	tags := designs.Capabilities{Kind: designs.Tag, MayWait: true}
	for _, c := range []struct {
		workload, kind string
		have           designs.Capabilities
		says           string
	}{
		{Fastpath, "", designs.Capabilities{}, ""},
		{Window, "", designs.Capabilities{}, ""},
		{TagExhaust, "", tags, ""},
		{TagExhaust, "", designs.Capabilities{Kind: designs.Tag}, "its Alloc never waits for an item"},
		{BioInflight, "", designs.Capabilities{FreeIn: []kernel.Context{kernel.Process, kernel.SoftIRQ}}, "its Free may not be called in a hard interrupt"},
		{BioInflight, "", designs.Capabilities{FreeIn: []kernel.Context{kernel.HardIRQ}}, ""},
		{BioInflight, "", designs.Capabilities{FreeIn: []kernel.Context{kernel.HardIRQ}, Unbounded: true}, "its items never run out"},
		{IRQAllocFails, "", designs.Capabilities{AllocIn: []kernel.Context{kernel.Process}, FreeIn: []kernel.Context{kernel.HardIRQ}}, "its Alloc may not be called in a hard interrupt"},
		{IRQAllocFails, "", designs.Capabilities{AllocIn: []kernel.Context{kernel.HardIRQ}, FreeIn: []kernel.Context{kernel.HardIRQ}}, ""},
		{ExhaustRecover, "", designs.Capabilities{Unbounded: true}, "its items never run out"},
		{ExhaustRecover, "", designs.Capabilities{}, ""},
		{CrossCPU, "", designs.Capabilities{}, ""},
		{Hotplug, "", designs.Capabilities{Unbounded: true}, ""},
		{FalseShare, "", tags, ""},
		{FalseShare, "", designs.Capabilities{Kind: designs.Object, Unbounded: true}, ""},
		{FalseShare, "", designs.Capabilities{Kind: designs.Tag, Unbounded: true}, "its items have no bound, so there is no record for each to write"},
		{Trace, "tag", tags, ""},
		{Trace, "tag", designs.Capabilities{Kind: designs.ID}, "its items are ids, not tags"},
		{Trace, "tag", designs.Capabilities{Kind: designs.Page}, "its items are pages, not tags"},
		{Trace, "page", designs.Capabilities{Kind: designs.Page}, ""},
		{Trace, "page", designs.Capabilities{Kind: designs.Tag, Memory: true}, ""},
		{Trace, "page", tags, "its items are tags, not memory"},
	} {
		d, err := Find(c.workload)
		if err != nil {
			t.Fatal(err)
		}
		if got := Lacks(d, designs.Variant{Capabilities: c.have}, c.kind); got != c.says {
			t.Errorf("%s of %q on %+v: %q, want %q", c.workload, c.kind, c.have, got, c.says)
		}
	}
}

// A variant that may leave a caller waiting for ever runs no workload in which items run out, and every other.
func TestFaultyWaitingIsLacking(t *testing.T) {
	irq := []kernel.Context{kernel.HardIRQ}
	v := designs.Variant{Breaks: []string{neverWoken}, Capabilities: designs.Capabilities{Kind: designs.Page, Memory: true, MayWait: true, FreeIn: irq, AllocIn: irq,
		OnZones: true, Promises: true, Resizes: true, HoldsBack: true, KnownFaults: "it sleeps on"}}
	for _, d := range All() {
		want := ""
		if d.Waits || d.Bounded || d.Drains {
			want = "a caller of it can wait for ever beside free items: it sleeps on"
		}
		if got := Lacks(d, v, ""); d.Name != Trace && got != want {
			t.Errorf("%s: %q, want %q", d.Name, got, want)
		}
	}
}

// Two specs that measure different things have different parameters; what both share is not among them.
func TestParamsTellSpecsApart(t *testing.T) {
	for _, c := range []struct {
		spec Spec
		want string
	}{
		{Spec{Workload: Fastpath, CPUs: 2}, ""},
		{Spec{Workload: Fastpath, Dispatch: true}, "call=interface"},
		{Spec{Workload: Fastpath, Twin: "slower", SlowerPct: 10}, "control=slower"},
		{Spec{Workload: Window, Hold: 32, Touch: 128}, "hold=32 touch=128"},
		{Spec{Workload: TagExhaust, Ratio: 0.5, Tasks: 16}, "items-per-cpu=0.5"},
		{Spec{Workload: BulkKeep, Keep: 512, Bulk: 16, Placement: "scatter"}, "keep=512 bulk=16 placement=scatter"},
		{Spec{Workload: CrossCPU, CPUs: 2, Distance: "llc"}, "distance=llc"},
		{Spec{Workload: StartStorm, Burst: 64}, "burst=64"},
		{Spec{Workload: ExhaustRecover, Ratio: 16, Tasks: 8, Latency: "every"}, "items-per-cpu=16 latency=every"},
		{Spec{Workload: BioInflight, Flight: Flight{Rate: 2e5, Arrival: Poisson, Depth: 32, ServiceUs: 50, Service: Random}}, "rate=200000 depth=32 service-us=50"},
		{Spec{Workload: BioInflight, Flight: Flight{Rate: 2e5, Arrival: Fixed, Depth: 32, ServiceUs: 50, Service: Fixed}},
			"rate=200000 depth=32 service-us=50 arrival=fixed service=fixed"},
		{Spec{Workload: BioInflight, Flight: Flight{Rate: 1e6, Arrival: Poisson, Depth: 1, ServiceUs: 2.5, Service: Random}}, "rate=1000000 depth=1 service-us=2.5"},
		{Spec{Workload: IRQAllocFails, OnRefusal: driver.EIO, FailEvery: 100, Ratio: 4, Tasks: 6}, "on-refusal=eio fail-every=100 items-per-cpu=4"},
		{Spec{Workload: Hotplug, Hold: 32}, "hold=32"},
		{Spec{Workload: PhaseShift, Hold: 64, Shift: ShiftQueues}, "hold=64 shift=queues"},
		{Spec{Workload: Preempted, Hold: 64, Crowd: 2}, "hold=64 per-processor=2"},
		{Spec{Workload: FalseShare, Hold: 32, Bytes: 16}, "hold=32 bytes=16"},
		{Spec{Workload: Fastpath, Latency: "sampled"}, "latency=sampled"},
		{Spec{Workload: Fastpath, Knobs: map[string]int{KnobDirect: 1}}, "call=direct"},
		{Spec{Workload: StackedPools, Way: SharedPool}, "pools=shared"},
		{Spec{Workload: Trace, Kind: "tag", File: "f"}, "kind=tag pace=flat-out"},
		{Spec{Workload: Trace, Kind: "page", File: "f", Pace: 2.5}, "kind=page pace=2.5x"},
	} {
		var words []string
		for _, p := range c.spec.Params() {
			words = append(words, p.Key+"="+p.Value)
		}
		if got := strings.Join(words, " "); got != c.want {
			t.Errorf("%+v has %q, want %q", c.spec, got, c.want)
		}
	}
	controls := []result.Pair{{Key: result.ParamCall, Value: "interface"}, {Key: result.ParamControl, Value: "slower"}}
	twin := Spec{Workload: Fastpath, Dispatch: true, Twin: "slower"}
	if got := twin.Params(); !slices.Equal(got, controls) {
		t.Errorf("a control has %v, and readers look for %v", got, controls)
	}
}

// Only the workloads that mean to run out of items do: every other workload has as many as can be in use, on lists, and on their way.
func TestItemsSufficeUnlessTheyShallNot(t *testing.T) {
	for _, c := range []struct {
		spec  Spec
		depth int
		want  int
	}{
		{Spec{Workload: Fastpath, CPUs: 1}, 0, 128},
		{Spec{Workload: Window, CPUs: 2, Hold: 64}, 0, 2 * (64 + 128)},
		{Spec{Workload: TagExhaust, CPUs: 1, Ratio: 0.5}, 0, 1},
		{Spec{Workload: TagExhaust, CPUs: 3, Ratio: 0.5}, 0, 2},
		{Spec{Workload: TagExhaust, CPUs: 8, Ratio: 0.01}, 0, 1},
		{Spec{Workload: TagExhaust, CPUs: 2, Ratio: 16}, 0, 32},
		{Spec{Workload: BulkKeep, CPUs: 2, Keep: 512, Bulk: 16}, 0, 2 * (512 + 16 + 128)},
		{Spec{Workload: CrossCPU, CPUs: 2}, 0, 2 * (64 + 128)},
		{Spec{Workload: StartStorm, CPUs: 2, Burst: 64}, 0, 2 * (64 + 128)},
		{Spec{Workload: ExhaustRecover, CPUs: 2, Ratio: 16, Tasks: 8}, 0, 32},
		{Spec{Workload: BioInflight, CPUs: 2, Flight: Flight{Depth: 32}}, 0, 64},
		{Spec{Workload: IRQAllocFails, CPUs: 2, Ratio: 4, Tasks: 6}, 0, 8},
		{Spec{Workload: Hotplug, CPUs: 2, Hold: 32}, 0, 2 * (32 + 128)},
		{Spec{Workload: PhaseShift, CPUs: 3, Hold: 64, Shift: ShiftCPUs}, 0, 2 * 64 * 3 / 2},
		{Spec{Workload: PhaseShift, CPUs: 3, Hold: 64, Shift: ShiftQueues}, 0, 3 * (64 + 3)},
		{Spec{Workload: Preempted, CPUs: 4, Hold: 64, Crowd: 2}, 0, 4 * (64 + 128)},
		{Spec{Workload: FalseShare, CPUs: 2, Hold: 32, Bytes: 16}, 0, 2 * (32 + 128)},
		{Spec{Workload: Trace, CPUs: 2}, 100, 100 + 2*256 + 2*128},
	} {
		if got := c.spec.Items(c.depth); got != c.want {
			t.Errorf("%+v at depth %d: %d items, want %d", c.spec, c.depth, got, c.want)
		}
	}
}
