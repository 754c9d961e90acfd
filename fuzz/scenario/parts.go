package scenario

import "slices"

// part is a scenario with a part less.
type part struct {
	file *File
	gone int // the entity that is not there any more, -1 if all are
}

// clone is a copy that can be changed.
func (f *File) clone() *File {
	c := *f
	if f.Zone != nil {
		z := *f.Zone
		z.Kill = slices.Clone(z.Kill)
		c.Zone = &z
	}
	c.Allocators = slices.Clone(f.Allocators)
	for i := range c.Allocators {
		c.Allocators[i].Knobs = slices.Clone(c.Allocators[i].Knobs)
	}
	c.Locks, c.Events, c.Actors = slices.Clone(f.Locks), slices.Clone(f.Events), slices.Clone(f.Actors)
	for i := range c.Actors {
		c.Actors[i].Ops = slices.Clone(c.Actors[i].Ops)
	}
	return &c
}

// parts lists the scenarios with one part less, the largest parts first. What releases something goes only with what it releases, or where it makes no
// difference.
func (f *File) parts() (list []part) {
	less := func(gone int, change func(c *File)) {
		c := f.clone()
		change(c)
		list = append(list, part{c, gone})
	}
	for i := range f.Actors {
		less(f.entityOf(i), func(c *File) { c.dropActor(i) })
	}
	if f.CPUs > 1 {
		less(-1, (*File).dropCPU)
	}
	for _, t := range f.Traits.Reductions() {
		less(-1, func(c *File) { c.Traits = t })
	}
	for i := range f.Actors {
		ops := f.Actors[i].Ops
		for at := len(ops) - 1; at >= 0; at-- {
			if with := together(ops, at); with != nil {
				less(-1, func(c *File) { c.dropOps(i, with) })
			}
			for _, o := range simpler(ops[at]) {
				less(-1, func(c *File) { c.Actors[i].Ops[at] = o })
			}
		}
	}
	for i := range f.Allocators {
		if f.Allocators[i].Items > 1 {
			less(-1, func(c *File) { c.Allocators[i].Items-- })
		}
	}
	return append(list, f.unused()...)
}

// entityOf is the entity that an actor begins as, -1 for work, which begins as none: tasks are spawned first, then interrupts are raised.
func (f *File) entityOf(actor int) int {
	tasks, before := 0, 0
	for i := range f.Actors {
		if f.Actors[i].Kind == Task {
			tasks++
		}
		if i < actor && (f.Actors[i].Kind == Task) == (f.Actors[actor].Kind == Task) && f.Actors[i].Kind != Work {
			before++
		}
	}
	switch f.Actors[actor].Kind {
	case Work:
		return -1
	case Task:
		return before
	}
	return tasks + before
}

// dropActor takes an actor away, and what names it.
func (f *File) dropActor(i int) {
	name := f.Actors[i].Name
	f.Actors = slices.Delete(f.Actors, i, i+1)
	if f.Zone != nil {
		f.Zone.Kill = slices.DeleteFunc(f.Zone.Kill, func(killed string) bool { return killed == name })
	}
	for k := range f.Actors {
		f.Actors[k].Ops = slices.DeleteFunc(f.Actors[k].Ops, func(o Op) bool { return (o.Code == Queue || o.Code == Flush) && o.Target == name })
	}
}

// dropCPU moves what the last CPU has to do to the one before.
func (f *File) dropCPU() {
	f.CPUs--
	for i := range f.Actors {
		a := &f.Actors[i]
		a.CPU = min(a.CPU, f.CPUs-1)
		for k := range a.Ops {
			a.Ops[k].CPU = min(a.Ops[k].CPU, f.CPUs-1)
		}
	}
	if f.CPUs == 1 {
		f.Traits.Migrations, f.Traits.Hotplugs = 0, 0
	}
}

// dropOps takes operations of an actor away; at is in rising order.
func (f *File) dropOps(actor int, at []int) {
	a := &f.Actors[actor]
	for i := len(at) - 1; i >= 0; i-- {
		a.Ops = slices.Delete(a.Ops, at[i], at[i]+1)
	}
}

// together lists the operations that go when one goes, nil where it cannot: a lock goes with its release, a promise with what is drawn on it. What gives
// items up goes when nothing is left that it could give up, or when the end follows, which gives all up. A mask of interrupts stays over a lock.
func together(ops []Op, at int) []int {
	o := ops[at]
	switch o.Code {
	case Release, IRQOn, Draw, Cancel:
		return nil
	case Take, TryTake:
		return withEnd(ops, at, func(k Op) bool { return (k.Code == Take || k.Code == TryTake) && k.Target == o.Target },
			func(k Op) bool { return k.Code == Release && k.Target == o.Target })
	case IRQOff:
		with := withEnd(ops, at, func(k Op) bool { return k.Code == IRQOff }, func(k Op) bool { return k.Code == IRQOn })
		masked := ops[at:]
		if len(with) == 2 {
			masked = ops[at:with[1]]
		}
		if slices.ContainsFunc(masked, func(k Op) bool { return k.Code == Take || k.Code == TryTake }) {
			return nil // an interrupt may take the lock, too
		}
		return with
	case Reserve:
		list := []int{at}
		for i := at + 1; i < len(ops); i++ {
			if (ops[i].Code == Draw || ops[i].Code == Cancel) && ops[i].Target == o.Target {
				list = append(list, i)
			}
		}
		return list
	case Free, Hand, Dirty:
		gives := func(k Op) bool { return k.Code == Free || k.Code == Hand || k.Code == Dirty }
		if mostHeld(ops[:at], o.Target) > 0 && (o.Code == Dirty || slices.ContainsFunc(ops[at+1:], func(k Op) bool { return !gives(k) })) {
			return nil
		}
	}
	return []int{at}
}

// withEnd is an operation that begins something, and the one that ends it, if there is one.
func withEnd(ops []Op, at int, begins, ends func(Op) bool) []int {
	depth := 0
	for i := at; i < len(ops); i++ {
		switch {
		case begins(ops[i]):
			depth++
		case ends(ops[i]):
			if depth--; depth == 0 {
				return []int{at, i}
			}
		}
	}
	return []int{at}
}

// mostHeld is how many items of an allocator a task can hold behind its first operations.
func mostHeld(ops []Op, target string) (n int) {
	for _, o := range ops {
		if o.Target != target {
			continue
		}
		switch o.Code {
		case Fill:
			n += maxItems
		case Alloc, NoLocks, Draw:
			n += o.Count
		case Free, Dirty, Hand:
			if o.Count == All {
				n = 0
			}
			n = max(0, n-o.Count)
		}
	}
	return n
}

// simpler lists operations that do a little less.
func simpler(o Op) (list []Op) {
	with := func(change func(less *Op)) {
		less := o
		change(&less)
		list = append(list, less)
	}
	switch o.Code {
	case Alloc, NoLocks:
		if o.Count > 2 {
			with(func(less *Op) { less.Count = 1 })
		}
		if o.Count > 1 {
			with(func(less *Op) { less.Count-- })
		}
	case Hand:
		with(func(less *Op) { less.Code, less.CPU = Free, 0 })
	}
	return list
}

// unused lists the scenarios without something that is declared, and that nobody names.
func (f *File) unused() (list []part) {
	less := func(change func(c *File)) {
		c := f.clone()
		change(c)
		list = append(list, part{c, -1})
	}
	named := map[string]bool{}
	for i := range f.Actors {
		for _, o := range f.Actors[i].Ops {
			named[o.Target] = true
		}
	}
	if z := f.Zone; z != nil {
		named[z.WritesTake], named[z.WritesNeed] = true, true
		for i := range f.Allocators {
			named[zoneName] = named[zoneName] || f.Allocators[i].Over
		}
		if !named[zoneName] {
			less(func(c *File) { c.Zone = nil })
		}
		if z.WritesTake != "" {
			less(func(c *File) { c.Zone.WritesTake = "" })
		}
		if z.WritesNeed != "" {
			less(func(c *File) { c.Zone.WritesNeed = "" })
		}
	}
	for i := range f.Allocators {
		if !named[f.Allocators[i].Name] {
			less(func(c *File) { c.Allocators = slices.Delete(c.Allocators, i, i+1) })
		}
	}
	for i, l := range f.Locks {
		if !named[l.Name] {
			less(func(c *File) { c.Locks = slices.Delete(c.Locks, i, i+1) })
		}
	}
	for i, e := range f.Events {
		if !named[e] {
			less(func(c *File) { c.Events = slices.Delete(c.Events, i, i+1) })
		}
	}
	return list
}

// unfair lists what a scenario asks of itself that cannot be, or only by luck, whatever its allocators do: a wait for a signal that nobody gives; more items
// at a time than are guaranteed, by one task alone, or by all together at their waits; more draws than were promised.
func (f *File) unfair() (list []string) {
	for _, e := range f.Events {
		waits, signals := 0, 0
		for i := range f.Actors {
			for _, o := range f.Actors[i].Ops {
				if o.Target == e && o.Code == Wait {
					waits++
				} else if o.Target == e && o.Code == Signal {
					signals++
				}
			}
		}
		if waits > signals {
			list = append(list, "event "+e)
		}
	}
	for i := range f.Allocators {
		list = append(list, f.unfairOf(&f.Allocators[i])...)
	}
	return list
}

// unfairOf looks at one allocator.
func (f *File) unfairOf(a *Allocator) (list []string) {
	guaranteed := a.guaranteed()
	spare := guaranteed - 1
	for i := range f.Actors {
		actor := &f.Actors[i]
		alone, atWaits, promised := 0, 0, 0
		for at, o := range actor.Ops {
			if o.Target != a.Name {
				continue
			}
			held := mostHeld(actor.Ops[:at+1], a.Name)
			switch o.Code {
			case Alloc:
				alone = max(alone, held)
				if o.GFP.MayWait() {
					atWaits = max(atWaits, held-1)
				}
			case NoLocks, Fill:
				alone = max(alone, held)
			case Reserve:
				promised += o.Count
			case Draw, Cancel:
				if promised -= o.Count; promised < 0 {
					list = append(list, "promise "+actor.Name+" "+a.Name)
				}
			}
		}
		if alone > guaranteed {
			list = append(list, "alone "+actor.Name+" "+a.Name)
		}
		spare -= atWaits
	}
	if spare < 0 {
		list = append(list, "together "+a.Name)
	}
	return list
}

// guaranteed is how many items there are throughout.
func (a *Allocator) guaranteed() int {
	v, err := a.find()
	if err != nil {
		return a.Items
	}
	return v.Guaranteed(a.config())
}
