// Package families holds the kinds of programs in which planted mistakes are hunted: a family draws programs and configurations from a seed, for any
// variant that it suits, and does not know which mistake is switched on. So what finds one would have found its like.
//
// A program keeps to the rule of fuzz.Size.Generate: the items that tasks hold at their waits are together fewer than all, so that a run which gets
// stuck is the allocator's fault.
package families

import (
	"headroom/designs"
	"headroom/fuzz"
	"headroom/internal/rng"
	"headroom/kernel/sim"
)

// Family is one kind of program.
type Family struct {
	Name  string
	About string // one line: what its programs are about
	suits func(h *Host) bool
	draw  func(d *draw)
	each  int // schedules of a program: few where a task or two come by themselves to what there is to see
}

// All lists the families. The first is what headroom explore generates.
func All() []Family {
	return []Family{
		{"generated", "small programs of all ordinary operations", always, nil, schedules},
		{"contended", "one to three items, more tasks than items, waits", always, contended, schedules},
		{"buffers", "the same under memory models in which a store is seen late", always, buffers, schedules},
		{"migration", "the same, and tasks that move to other CPUs in mid-operation or when they are woken", always, migration, schedules},
		{"crowd", "bursts of many items, taken and given back together, then waits", always, crowd, schedules},
		{"interrupts", "one or two tasks, and interrupts that free and allocate on every CPU", always, interrupts, schedules},
		{"bulk", "several items by one call, and back by one call", func(h *Host) bool { return h.can.bulk }, bulk, schedules},
		{"hotplug", "CPUs that go and come", func(h *Host) bool { return h.Variant.Capabilities.PerCPU }, hotplug, schedules},
		{"tuning", "sizes and limits that change in mid-operation, and lists emptied from elsewhere", func(h *Host) bool { return h.can.tune }, tuning, schedules},
		{"entitled", "callers with a right to the reserve beside others", func(h *Host) bool { return h.can.audit }, entitled, 8},
		{"paths", "a sole caller takes every way there is, to the last item, and frees what nobody has", always, paths, 2},
		{"deferred", "frees that wait for readers", func(h *Host) bool { return h.can.deferred }, deferred, schedules},
		{"configurations", "any value of every knob, those that must be refused among them", func(h *Host) bool { return len(h.Variant.Knobs) > 0 }, configurations, 8},
	}
}

func always(*Host) bool { return true }

// Host is a variant that mistakes are hunted on.
type Host struct {
	Variant designs.Variant
	can     abilities
}

// abilities are what an allocator can do beside Alloc and Free.
type abilities struct{ bulk, noLocks, resize, tune, audit, deferred, forgives, lists bool }

// NewHost looks at what a variant can do. The error is that of its New.
func NewHost(v designs.Variant) (*Host, error) {
	m, err := sim.New(sim.Options{CPUs: 2, MemoryBytes: hostBytes})
	if err != nil {
		return nil, err
	}
	defer m.Close()
	a, err := v.New(m, designs.Config{Items: hostItems})
	if err != nil {
		return nil, err
	}
	h := &Host{Variant: v}
	_, h.can.bulk = a.(designs.BulkAllocator)
	_, h.can.noLocks = a.(designs.NoLockAllocator)
	_, h.can.resize = a.(designs.Resizer)
	_, tunes := a.(fuzz.Tuner)
	_, drains := a.(fuzz.Drainer)
	h.can.tune = h.can.resize || tunes || drains
	_, h.can.audit = a.(fuzz.Auditor)
	_, h.can.deferred = a.(fuzz.Deferrer)
	_, h.can.forgives = a.(fuzz.Forgiver)
	_, h.can.lists = a.(fuzz.Lister)
	return h, nil
}

// With so few items every variant fits into so much memory.
const (
	hostItems = 4
	hostBytes = 4 << 20
)

// Draw draws a program of the family for a host.
func (f Family) Draw(s *rng.Stream, h *Host) fuzz.Program {
	if f.draw == nil {
		return fuzz.Ordinary.Generate(s, h.Variant)
	}
	d := &draw{Stream: s, host: h, program: fuzz.Program{Design: h.Variant.Design, Variant: h.Variant.Name, CPUs: 1}}
	d.program.Config.Knobs = map[string]int{}
	f.draw(d)
	return d.program
}
