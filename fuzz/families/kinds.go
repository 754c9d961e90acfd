package families

import (
	"slices"

	"headroom/designs"
	"headroom/fuzz"
	"headroom/kernel/sim"
)

func contended(d *draw) {
	d.size(d.between(1, 3), d.between(1, 3), 3)
	d.program.Traits.Faults = d.Below(3)
	d.waiters()
}

func (d *draw) waiters() {
	d.tasks(d.between(2, 4), 2, 5, []weight{{fuzz.Wait, 6}, {fuzz.Try, 1}, {fuzz.Free, 4}, {fuzz.FreeLast, 1}, {fuzz.Yield, 1}})
}

func buffers(d *draw) {
	d.size(d.between(2, 3), d.between(1, 2), 3)
	d.program.Traits.Memory = []sim.Memory{sim.TSO, sim.Weak}[d.Below(2)]
	d.waiters()
}

func migration(d *draw) {
	d.size(d.between(2, 3), d.between(1, 3), 3)
	d.program.Traits.Migrations = d.between(1, 3)
	d.waiters()
}

// crowd: each task takes a burst, gives it back, and waits for one more. Sizes lie about those at which words and batches fill.
func crowd(d *draw) {
	items := []int{4, 6, 8, 12, 16, 17}[d.Below(6)]
	d.size(d.between(1, 3), items, 4)
	if d.host.Variant.Capabilities.Over != "" {
		d.program.Config.Room = d.between(1, 2) * items
	}
	d.settle()
	tasks := d.between(2, 5)
	first := d.Below(d.program.CPUs)
	for i := range tasks {
		burst := d.between(1, max(1, items*2/tasks))
		if d.Below(4) == 0 {
			burst = items
		}
		t := fuzz.Task{CPU: (first + i) % d.program.CPUs}
		t.Ops = repeat(t.Ops, fuzz.Try, burst)
		if d.Below(2) == 0 {
			t.Ops = append(t.Ops, fuzz.Op{Code: fuzz.Yield})
		}
		t.Ops = repeat(t.Ops, fuzz.Free, burst)
		if d.host.Variant.Capabilities.MayWait {
			t.Ops = repeat(t.Ops, fuzz.Wait, 1)
			t.Ops = repeat(t.Ops, fuzz.Free, d.Below(2))
		}
		d.program.Tasks = append(d.program.Tasks, t)
	}
}

func repeat(ops []fuzz.Op, code fuzz.Code, n int) []fuzz.Op {
	return append(ops, slices.Repeat([]fuzz.Op{{Code: code}}, n)...)
}

// interrupts: in every second program a sole task takes and hands away, over and over, so that what CPUs keep has to go round.
func interrupts(d *draw) {
	if d.Below(2) == 0 {
		d.size(d.between(2, 4), d.between(2, 4), 4)
		d.tasks(1, 20, 40, []weight{{fuzz.Try, 4}, {fuzz.Complete, 4}, {fuzz.Yield, 5}})
		return
	}
	d.size(d.between(1, 2), d.between(1, 6), 4)
	d.tasks(d.between(1, 2), 3, 8, []weight{{fuzz.Try, 4}, {fuzz.Wait, 1}, {fuzz.Free, 2}, {fuzz.Complete, 4}, {fuzz.IRQTry, 4}})
}

func bulk(d *draw) {
	d.size(d.between(1, 2), d.between(2, 5), 3)
	d.most = d.between(2, min(3, d.program.Config.Items))
	d.settle()
	d.tasks(d.between(2, 4), 2, 5, []weight{{fuzz.Bulk, 5}, {fuzz.Try, 1}, {fuzz.Wait, 2}, {fuzz.Free, 3}, {fuzz.FreeAll, 3}, {fuzz.Complete, 1}})
}

func hotplug(d *draw) {
	d.size(d.between(2, 3), d.between(1, 5), 3)
	d.program.Traits.Hotplugs = d.Below(3)
	d.tasks(d.between(2, 4), 3, 7, []weight{{fuzz.Try, 4}, {fuzz.Wait, 3}, {fuzz.Free, 4}, {fuzz.Plug, 3}, {fuzz.Unplug, 2}, {fuzz.Complete, 1}})
}

func tuning(d *draw) {
	d.size(d.between(1, 3), d.between(2, 6), 4)
	if d.host.can.resize {
		d.least = d.between(1, d.program.Config.Items)
		d.settle()
	}
	d.tasks(d.between(1, 3), 3, 8, []weight{{fuzz.Try, 4}, {fuzz.Wait, 3}, {fuzz.Free, 5}})
	d.task(d.Below(d.program.CPUs), d.between(1, 5), []weight{{fuzz.Tune, 3}, {fuzz.Resize, 3}, {fuzz.Drain, 3}, {fuzz.Try, 1}, {fuzz.Free, 1}})
}

// entitled: in half of the programs nobody has a right to the reserve, which shows best who goes there without.
func entitled(d *draw) {
	items := d.between(1, 8)
	d.size(d.between(1, 3), items, 3)
	d.program.Config.Room = items + d.Below(3*items+8) // marks grow with the room
	d.settle()
	table := []weight{{fuzz.Try, 6}, {fuzz.Free, 2}, {fuzz.Wait, 1}, {fuzz.All, 1}}
	if d.Below(2) == 0 {
		table = append(table, weight{fuzz.Urgent, 3}, weight{fuzz.Entitled, 3}, weight{fuzz.Free, 3})
	}
	d.tasks(d.between(1, 3), 3, 12, table)
}

// paths: sizes up to where an id needs a second chunk, and every way to the last item.
func paths(d *draw) {
	sizes := []int{1, 2, 3, 4, 7, 8, 16, 17}
	if d.host.Variant.Capabilities.Kind == designs.ID && d.host.can.forgives {
		sizes = append(sizes, 63, 64, 65, 1023, 1024, 1025, 1100)
	}
	d.size(1, sizes[d.Below(len(sizes))], 4)
	table := []weight{{fuzz.Try, 3}, {fuzz.All, 2}, {fuzz.Free, 3}, {fuzz.FreeLast, 2}, {fuzz.FreeAll, 1}}
	if d.host.can.forgives {
		table = append(table, weight{fuzz.Bogus, 4})
	}
	if d.host.can.noLocks {
		table = append(table, weight{fuzz.NoLocks, 4})
	}
	ops := d.between(2, 10)
	if d.program.Config.Items > 64 {
		ops = 3
	}
	d.task(0, ops, table)
	if task := &d.program.Tasks[0]; d.Below(2) == 0 {
		task.Ops = append([]fuzz.Op{{Code: fuzz.All}}, task.Ops...)
	}
}

// deferred: writers free what readers on other CPUs still use, and now and then a CPU passes a quiet moment.
func deferred(d *draw) {
	d.size(2, d.between(2, 8), 3)
	for range d.between(1, 2) {
		d.task(d.Below(2), d.between(4, 10), []weight{{fuzz.Try, 4}, {fuzz.Free, 4}, {fuzz.Yield, 3}, {fuzz.Drain, 2}})
	}
	for range d.between(1, 3) {
		d.task(d.Below(2), d.between(2, 6), []weight{{fuzz.Read, 2}, {fuzz.Yield, 3}, {fuzz.Drain, 1}})
	}
}

// configurations: what New refuses is passed over, and what it takes has to work.
func configurations(d *draw) {
	d.size(d.between(1, 3), d.between(1, 8), 4)
	for _, k := range d.host.Variant.Knobs {
		switch d.Below(4) {
		case 0:
			d.program.Config.Knobs[k.Name] = k.Low
		case 1, 2:
			d.program.Config.Knobs[k.Name] = max(k.Low, min(k.High, d.Below(8)))
		}
	}
	d.settle()
	d.tasks(d.between(1, 3), 3, 10, []weight{{fuzz.Try, 5}, {fuzz.Wait, 2}, {fuzz.Free, 6}, {fuzz.Complete, 1}})
}
