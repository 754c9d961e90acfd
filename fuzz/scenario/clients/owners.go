package clients

import (
	"fmt"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/lock"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
)

// owners hands out ids, those given back first, then new ones up to a limit, and notes in a table who has each.
type owners struct {
	words *ownerWords
	back  []mem.Plain32 // back[:words.back] were given back
	table []mem.Plain32 // by id: its owner's number plus 1, 0 for none
	limit uint32
}

// ownerWords are protected by lock, taken with interrupts masked.
type ownerWords struct {
	lock       lock.RawSpin
	past, back mem.Plain32 // ids that were ever handed out; those of them that are here
}

func ownersVariant() designs.Variant {
	v := variant("owners", "ids up to a limit, beside a table of their owners (jemalloc 2016-20)", designs.ID, nil,
		func(m machine.Machine, c designs.Config) (designs.Allocator, error) {
			o := &owners{limit: uint32(c.Items)}
			var err error
			if o.words, err = mem.New[ownerWords](m.Memory(), 0); err != nil {
				return nil, err
			}
			if o.back, err = mem.Slice[mem.Plain32](m.Memory(), 0, ownerRoom*c.Items); err != nil {
				return nil, err
			}
			o.table, err = mem.Slice[mem.Plain32](m.Memory(), 0, ownerRoom*c.Items)
			return o, err
		})
	v.Capabilities.MayWait = false
	return v
}

// ownerRoom: what is out of range shall be seen, so it has room in the table.
const ownerRoom = 4

func (o *owners) enter(t *kernel.Task) {
	t.IRQSave()
	o.words.lock.Lock(t)
}

func (o *owners) leave(t *kernel.Task) {
	o.words.lock.Unlock(t)
	t.IRQRestore()
}

// Alloc hands out an id and enters its owner; kernel.ErrWouldBlock at the limit. Any context but NMI.
func (o *owners) Alloc(t *kernel.Task, _ kernel.GFP) (designs.Item, error) {
	o.enter(t)
	id, n := uint32(0), o.words.back.Load()
	switch {
	case n != 0:
		id = o.back[n-1].Load()
		o.words.back.Store(n - 1)
	case o.words.past.Load() >= o.limit:
		o.leave(t)
		return 0, kernel.ErrWouldBlock
	default:
		if mutant.On(je01) {
			o.leave(t)
			o.enter(t)
		}
		id = o.words.past.Load()
		o.words.past.Store(id + 1) // I9: in the section that looked at the limit
	}
	o.table[id].Store(uint32(t.Index()) + 1)
	o.leave(t)
	return designs.Item(id), nil
}

// Free takes an id's owner out of the table, then takes the id back. It panics when nobody is entered. Any context but NMI.
func (o *owners) Free(t *kernel.Task, it designs.Item) {
	id := uint32(it)
	o.enter(t)
	if o.table[id].Load() == 0 {
		panic(fmt.Sprintf("clients: id %d is freed, and the table has no owner", id))
	}
	if mutant.On(je02) {
		o.takeBack(id)
		o.leave(t)
		o.enter(t)
		o.table[id].Store(0)
	} else {
		o.table[id].Store(0) // I10: before anybody else can have it
		o.takeBack(id)
	}
	o.leave(t)
}

func (o *owners) takeBack(id uint32) {
	n := o.words.back.Load()
	o.back[n].Store(id)
	o.words.back.Store(n + 1)
}

// Check: at quiescence every id is here, and nobody is in the table.
func (o *owners) Check() error {
	if past, back := o.words.past.Load(), o.words.back.Load(); past != back {
		return fmt.Errorf("clients: %d ids were made and %d are here", past, back)
	}
	for id := range o.table {
		if owner := o.table[id].Load(); owner != 0 {
			return fmt.Errorf("clients: id %d has owner %d at quiescence", id, owner-1)
		}
	}
	return nil
}
