package scenario

import (
	"fmt"

	"headroom/internal/rng"
	"headroom/kernel"
)

// waits are the flags of a driver's allocations: most may wait.
var waits = []kernel.GFP{kernel.NoIO, kernel.NoIO, kernel.Kernel, kernel.NoWait}

// GenerateDriver draws a small driver: one to four tasks, and perhaps an interrupt, that allocate, free, wait and lock, over one or two pools and up to three
// mutexes, beside a zone. Nothing keeps them from taking locks in any order, or from sleeping for an element under a mutex: some deadlock in some schedule,
// others do not. Equal streams give equal drivers.
func GenerateDriver(s *rng.Stream) *File {
	f := &File{Name: "driver", CPUs: 1 + s.Below(3), Zone: &Zone{Pages: 2 + s.Below(4), Min: 1, Low: 1, High: 1}}
	for i := range 1 + s.Below(2) {
		a := Allocator{Name: string(rune('p' + i)), Variant: "mempool:mainline-page", Items: 1 + s.Below(2), Over: true}
		f.Zone.Pages += a.Items // a pool takes its elements from the zone
		f.Allocators = append(f.Allocators, a)
	}
	for i := range s.Below(4) {
		f.Locks = append(f.Locks, Lock{Kind: Mutex, Name: string(rune('a' + i))})
	}
	f.Locks = append(f.Locks, Lock{Kind: Spin, Name: "s"})
	for i := range 1 + s.Below(4) {
		a := Actor{Kind: Task, Name: fmt.Sprintf("T%d", i), CPU: s.Below(f.CPUs)}
		d := driver{file: f, stream: s}
		for range 2 + s.Below(4) {
			d.step()
		}
		d.finish()
		a.Ops = d.ops
		f.Actors = append(f.Actors, a)
	}
	if s.Below(3) == 0 {
		f.Actors = append(f.Actors, Actor{Kind: Interrupt, Name: "irq0", CPU: s.Below(f.CPUs),
			Ops: []Op{{Code: Take, Target: "s", Count: 1}, {Code: Release, Target: "s", Count: 1}}})
	}
	return f
}

// driver is the operations of a task that is being drawn, and what it has at their end.
type driver struct {
	file   *File
	stream *rng.Stream
	ops    []Op
	locks  []string // held, the latest last
	pools  []string // an item of each, the latest last
}

func (d *driver) add(o Op) {
	if o.Count == 0 {
		o.Count = 1
	}
	d.ops = append(d.ops, o)
}

// step draws one operation, or a short stretch that belongs together.
func (d *driver) step() {
	s, f := d.stream, d.file
	switch s.Below(8) {
	case 0, 1, 2:
		p := f.Allocators[s.Below(len(f.Allocators))].Name
		d.add(Op{Code: Alloc, Target: p, GFP: waits[s.Below(len(waits))]})
		d.pools = append(d.pools, p)
	case 3:
		if n := len(d.pools); n > 0 {
			d.add(Op{Code: Free, Target: d.pools[n-1]})
			d.pools = d.pools[:n-1]
		}
	case 4, 5:
		d.lock()
	case 6:
		if n := len(d.locks); n > 0 {
			d.add(Op{Code: Release, Target: d.locks[n-1]})
			d.locks = d.locks[:n-1]
		}
	case 7:
		d.add(Op{Code: IRQOff})
		d.add(Op{Code: Take, Target: "s"})
		d.add(Op{Code: Release, Target: "s"})
		d.add(Op{Code: IRQOn})
	}
}

// lock takes a mutex that the task has not.
func (d *driver) lock() {
	mutexes := len(d.file.Locks) - 1 // the last is the spin lock
	if mutexes == 0 {
		return
	}
	name := d.file.Locks[d.stream.Below(mutexes)].Name
	for _, held := range d.locks {
		if held == name {
			return
		}
	}
	d.add(Op{Code: Take, Target: name})
	d.locks = append(d.locks, name)
}

// finish releases what is held.
func (d *driver) finish() {
	for i := len(d.locks) - 1; i >= 0; i-- {
		d.add(Op{Code: Release, Target: d.locks[i]})
	}
	for i := len(d.pools) - 1; i >= 0; i-- {
		d.add(Op{Code: Free, Target: d.pools[i]})
	}
}
