package percputags

import (
	"headroom/designs"
	"headroom/kernel"
)

// Flagged is a Pool whose lists are guarded by two flags instead of a lock, as Andrew Morton proposed on 12 June 2013: the CPU that works on its
// list raises a flag, and a thief that sees it skips that CPU.
//
// O3, the pair of flags: each side raises its own by a full barrier, then looks at the other's. So at least one of the two sees the other and draws
// back: the owner to the pool's lock, which the thief holds, the thief to the next CPU.
type Flagged struct{ Pool }

// NewFlagged lays a pool out on a machine. It returns an error when the configuration is out of range or the machine's memory is full.
func NewFlagged(place kernel.Place, config Config) (*Flagged, error) {
	p, err := New(place, config)
	if err != nil {
		return nil, err
	}
	p.guard = flagGuard
	return &Flagged{*p}, nil
}

// Alloc hands out a tag of the CPU's own list, or goes looking for one, as Pool.Alloc does.
func (p *Flagged) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	t.IRQSave()
	l := &p.cpus[t.CPU()]
	l.busy.Swap(1) // O3
	if l.thief.Load() == 0 {
		n := l.free.Load()
		if n != 0 {
			tag := l.stack[n-1].Load()
			l.free.Store(n - 1)
			l.busy.StoreRelease(0)
			t.IRQRestore()
			return designs.Item(tag), nil
		}
	} else {
		reachTaken.Hit()
	}
	l.busy.StoreRelease(0)
	t.IRQRestore()
	return p.allocSlow(t, gfp)
}

// Free puts a tag on the list of the CPU it runs on, once no thief is at it, and wakes the sleepers when that list was empty. It panics on a tag
// out of range. Any context but NMI.
func (p *Flagged) Free(t *kernel.Task, it designs.Item) {
	if it >= designs.Item(p.tags) {
		misuse(it, p.tags)
	}
	t.IRQSave()
	cpu := t.CPU()
	l := &p.cpus[cpu]
	l.busy.Swap(1) // O3
	for l.thief.Load() != 0 {
		l.retreat()
	}
	n := l.free.Load()
	l.stack[n].Store(uint32(it))
	n++
	l.free.Store(n)
	l.busy.StoreRelease(0)
	if n == 1 || n == p.max {
		p.freeSlow(t, cpu, n)
	}
	t.IRQRestore()
}

// retreat lets a thief finish, and raises the owner's flag again.
func (l *list) retreat() {
	reachTaken.Hit()
	l.busy.StoreRelease(0)
	l.thief.AwaitNot(1)
	l.busy.Swap(1)
}
