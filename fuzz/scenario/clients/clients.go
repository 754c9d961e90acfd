// Package clients holds small allocators, and users of allocators, in which mistakes of the kernel's history, and of other allocators, can be planted
// whose own place is none of the designs: a driver that reserves slots, layers of drivers over each other, a queue of waiters with a discipline, lists of
// CPUs that come and go. Each does one thing, and does it right unless a mutant is on. They are there for hunts alone, so none of them is measured.
//
//	aio        slots of a ring, reserved in batches on each CPU (fs/aio.c)
//	stack      a request that takes an element in each of two layers (dm, md)
//	bio        an I/O that a driver splits, its parts submitted when the driver has returned (block layer)
//	iobuf      buffers, for requests of one and of two, in the order of their coming (SPDK)
//	magazines  lists of each CPU over a depot, on CPUs that come online later (SPL, page lists)
//	submit     chunks that a worker makes whose own work needs the submitter's lock (blk-cgroup)
//	ring       a list with a version in its head, for one item and for several (SLUB)
//	owners     ids beside a table of who has them (jemalloc)
//	queues     tags of several hardware queues, each with its sleepers (blk-mq)
//	zone       pages under watermarks, with every way to them (kernel/page)
//
// Invariants:
//
//	I1   aio: a sole caller gets as many slots as were promised, on whatever CPU others left theirs (mutant AI-02)
//	I2   stack: who waits in the lower layer waits for elements that nobody holds for a wait in it (mutant MP-06)
//	I3   bio: who waits for a clone has none on his list that nobody else can submit (mutant BI-01)
//	I4   iobuf: one caller at a time has part of what he wants (mutant MP-08)
//	I5   magazines: a caller is refused only while items that are held and calls under way are as many as there are items (mutant MP-10)
//	I6   magazines: what no lock protects belongs to one CPU, which is there (mutants PA-09, SP-05)
//	I7   submit: who waits for the worker holds no lock that the worker takes (mutant MP-11)
//	I8   ring: every change of the head changes its version (mutant SL-01)
//	I9   owners: an id is below the limit (mutant JE-01)
//	I10  owners: an id that is held has its holder in the table (mutant JE-02)
//	I11  queues: a sleeper that is woken and does not take a tag wakes another (mutant SB-05)
//
// zone has the invariants of kernel/page.
package clients

import (
	"fmt"
	"strings"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/machine"
	"headroom/kernel/mutant"
)

// Design is the name under which programs and replay files have the clients.
const Design = "clients"

const host = "fuzz/scenario/clients"

var (
	ai02 = mutant.Define(mutant.Mutant{ID: "AI-02", Host: host, Breaks: "I1",
		Story: "there are as many slots as promised, and what other CPUs keep of them cannot be had; fs/aio.c, 2013"})
	mp06 = mutant.Define(mutant.Mutant{ID: "MP-06", Host: host, Breaks: "I2",
		Story: "both layers take from one pool; dm until 2006, commit 0b1d647a02c5, md until 2010, commit a167f6632436"})
	bi01 = mutant.Define(mutant.Mutant{ID: "BI-01", Host: host, Breaks: "I3",
		Story: "a driver waits for a clone while its earlier ones wait for its return; block layer, fixed in 2012 by commit df2cb6daa4cb"})
	mp08 = mutant.Define(mutant.Mutant{ID: "MP-08", Host: host, Breaks: "I4",
		Story: "a waiter that got the first of two buffers goes to the tail of the queue; SPDK, fixed in 2025 by commit 2f2c3aeda791"})
	mp10 = mutant.Define(mutant.Mutant{ID: "MP-10", Host: host, Breaks: "I5",
		Story: "a refill takes a batch, lets the locks go, and puts down what it did not need afterwards; Zephyr, 2018, commit 7845e1b01e90"})
	pa09 = mutant.Define(mutant.Mutant{ID: "PA-09", Host: host, Breaks: "I6",
		Story: "CPUs that are not up yet share a list without a lock; Linux, fixed in 2010 by commit 4eaf3f64397c"})
	sp05 = mutant.Define(mutant.Mutant{ID: "SP-05", Host: host, Breaks: "I6",
		Story: "there are magazines for the CPUs that were online at creation; SPL, fixed in 2015 by commit 9b13f65d284d"})
	mp11 = mutant.Define(mutant.Mutant{ID: "MP-11", Host: host, Breaks: "I7",
		Story: "a submitter waits for the worker with the queue's lock held, which the worker's reclaim needs; blk-cgroup, 2011"})
	sl01 = mutant.Define(mutant.Mutant{ID: "SL-01", Host: host, Breaks: "I8",
		Story: "operations on several items leave the version alone; SLUB, 2016 to 2020, commits fd4d9c7d0c71 and ebe909e0fdb3"})
	je01 = mutant.Define(mutant.Mutant{ID: "JE-01", Host: host, Breaks: "I9",
		Story: "the limit is looked at in one section of the lock and the count raised in another; jemalloc, 2020, commit be9548f2bef3"})
	je02 = mutant.Define(mutant.Mutant{ID: "JE-02", Host: host, Breaks: "I10",
		Story: "an id is given back before its entry is cleared; jemalloc, 2016, commit 9a645c612f1d"})
	sb05 = mutant.Define(mutant.Mutant{ID: "SB-05", Host: host, Breaks: "I11",
		Story: "a woken sleeper has moved to a CPU of another queue, takes a tag there, and keeps the wake-up; blk-mq, fixed in 2018 by commit e6fc46498784"})
)

// Variants is the table of the clients.
func Variants() []designs.Variant {
	return []designs.Variant{aioVariant(), stackVariant(), bioVariant(), iobufVariant(), magazinesVariant(), submitVariant(), ringVariant(), ownersVariant(),
		queuesVariant(), zoneVariant(false), zoneVariant(true)}
}

// Find is a client's variant by its names; false when there is none.
func Find(design, name string) (designs.Variant, bool) {
	v, err := Named(name)
	return v, design == Design && name != "" && err == nil
}

// Named is the client of a name, the first for "". The error lists them.
func Named(name string) (designs.Variant, error) {
	var names []string
	for _, v := range Variants() {
		if v.Name == name || name == "" {
			return v, nil
		}
		names = append(names, v.Name)
	}
	return designs.Variant{}, fmt.Errorf("no client is called %q: there are %s", name, strings.Join(names, ", "))
}

// variant fills in what all have in common. As many items as asked for are guaranteed.
func variant(name, summary string, kind designs.Kind, table []designs.Knob, construct func(place machine.Machine, c designs.Config) (designs.Allocator, error)) designs.Variant {
	contexts := []kernel.Context{kernel.Process, kernel.SoftIRQ, kernel.HardIRQ}
	return designs.Variant{
		Design:       Design,
		Name:         name,
		Summary:      summary,
		Capabilities: designs.Capabilities{Kind: kind, AllocIn: contexts, FreeIn: contexts, MayWait: true, MayFail: true, TakesLocks: true},
		Knobs:        table,
		New: func(place kernel.Place, c designs.Config) (designs.Allocator, error) {
			if err := c.Validate(table); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			m, ok := place.(machine.Machine)
			if !ok {
				return nil, fmt.Errorf("%s: a %T raises no interrupts: give a machine", name, place)
			}
			a, err := construct(m, c)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			return a, nil
		},
		Guaranteed: func(c designs.Config) int { return c.Items },
	}
}
