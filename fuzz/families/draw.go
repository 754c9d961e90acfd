package families

import (
	"headroom/fuzz"
	"headroom/internal/rng"
)

// draw is a program that is being drawn.
type draw struct {
	*rng.Stream
	host    *Host
	program fuzz.Program
	spare   int // items that may yet be held at waits
	most    int // of a bulk
	least   int // of a pool whose size changes; 0 where none does
}

// weight is an operation and how often it comes up, relative to others.
type weight struct {
	code fuzz.Code
	n    int
}

// between draws a number from low to high.
func (d *draw) between(low, high int) int { return low + d.Below(high-low+1) }

// itemBytes is small: each execution begins with a fresh copy of the memory.
const itemBytes = 64

// fewValues is the most values of a knob that is a choice, not a size: each is as likely.
const fewValues = 11

// size sets CPUs, items and knobs: sizes from 1 to high, each at most the one before, choices any.
func (d *draw) size(cpus, items, high int) {
	p := &d.program
	p.CPUs, p.Config.Items = cpus, items
	if d.host.Variant.Capabilities.Memory {
		p.Config.Bytes = itemBytes
	}
	for _, k := range d.host.Variant.Knobs {
		if k.High-k.Low < fewValues {
			p.Config.Knobs[k.Name] = d.between(k.Low, k.High)
			continue
		}
		value := max(k.Low, min(k.High, d.between(1, high)))
		p.Config.Knobs[k.Name] = value
		high = value
	}
	if d.host.Variant.Capabilities.Over != "" {
		p.Config.Room = d.Below(2 * items) // half of them give the layer no more than it guarantees
	}
	d.settle()
}

// settle works out what tasks may hold at waits, for the configuration as it is now.
func (d *draw) settle() {
	c := d.program.Config
	if d.least > 0 {
		c.Items = d.least
	}
	d.spare = d.host.Variant.Guaranteed(c) - max(1, d.most)
}

// unknown is what a task holds that took all it could get: what a layer stands on may have had more than was guaranteed.
const unknown = 1 << 20

// task adds a task of so many operations, drawn by weight.
func (d *draw) task(cpu, ops int, table []weight) {
	t := fuzz.Task{CPU: cpu}
	total, held, used := 0, 0, 0
	for _, w := range table {
		total += w.n
	}
	waits := d.host.Variant.Capabilities.MayWait
	for range ops {
		n, at := d.Below(total), 0
		for n >= table[at].n {
			n -= table[at].n
			at++
		}
		op := fuzz.Op{Code: table[at].code}
		switch op.Code {
		case fuzz.Wait, fuzz.Bulk:
			if op.Code == fuzz.Bulk {
				op.N = d.between(2, d.most)
			}
			if !waits && op.Code == fuzz.Wait || waits && held > d.spare {
				op = fuzz.Op{Code: fuzz.Try}
			} else {
				used = max(used, held)
			}
			held += max(1, op.N)
		case fuzz.Try, fuzz.Urgent, fuzz.Entitled, fuzz.NoLocks:
			held++
		case fuzz.All:
			held = unknown
		case fuzz.Free, fuzz.FreeLast, fuzz.Complete:
			held = max(0, held-1)
		case fuzz.FreeAll:
			held = 0
		}
		switch op.Code {
		case fuzz.Complete, fuzz.IRQTry, fuzz.Plug, fuzz.Unplug:
			op.CPU = d.Below(d.program.CPUs)
		case fuzz.Resize:
			op.N = d.nextSize()
		case fuzz.Tune, fuzz.Bogus:
			op.N = d.Below(64)
		}
		t.Ops = append(t.Ops, op)
	}
	d.spare -= used
	d.program.Tasks = append(d.program.Tasks, t)
}

// nextSize is a size for a pool that shrinks, the least one or none at all as the last. A pool that grows asks its backing, which may have nothing.
func (d *draw) nextSize() int {
	if d.least > 1 {
		return d.least
	}
	return d.Below(2)
}

// tasks adds tasks, all on one CPU or dealt to the CPUs in turn, now and then to every second.
func (d *draw) tasks(count, low, high int, table []weight) {
	first, step := d.Below(d.program.CPUs), d.Below(3)
	for i := range count {
		d.task((first+i*step)%d.program.CPUs, d.between(low, high), table)
	}
}
