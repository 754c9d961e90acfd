// Package designs is the contract: what every allocator design offers, and how it says what it can do.
//
// A design is a package that implements Allocator on the words of package kernel and describes its variants in a table. Workloads, the
// conformance suite and the explorer use nothing else. A design in another module is as good as one of ours.
//
// The contract, sentence by sentence (designtest tries each on every variant):
//
//	C1  Alloc answers with an item nobody holds, or with an error of package kernel and no item
//	C2  an item is in the variant's range
//	C3  a sole caller at quiescence gets as many items as the variant guarantees, so that "always full" is no answer
//	C4  Free makes the item available again; after all items are freed the allocator is as good as new
//	C5  a caller that may wait is not refused, and not left waiting while more items than the variant's Lag are free that it may take; where the
//	    table says Oversleeps, not left waiting once all others have given back what they hold
//	C6  a caller that may not wait never waits: it gets an item or ErrWouldBlock
//	C7  Check finds no fault at quiescence, whatever was done before
//	C8  the free of an item out of range panics before it changes anything; that of an idle item in range panics, changes nothing, or is found
//	    by the next Check
//	C9  CPUDead loses nothing: what a dead CPU kept is available elsewhere
//	C10 after a Reserve of n, n calls of AllocReserved give an item each, whatever others do; Cancel gives the rest back; a Reserve that cannot be
//	    kept is refused or, where the table says ReserveWaits, waits if it may
package designs

import (
	"fmt"
	"maps"
	"slices"

	"headroom/kernel"
	"headroom/kernel/latency"
	"headroom/kernel/mem"
	"headroom/kernel/page"
)

// Item is what an allocator hands out: a tag, an id, or an offset into machine memory. Never an address: traces and hashes must not depend
// on where the system put things.
type Item uint64

// Kind says what an item is. Figures of different kinds are never ranked against each other.
type Kind string

// The kinds of item.
const (
	Tag    Kind = "tag"    // a small integer below the number of items
	ID     Kind = "id"     // an integer, lowest free first
	Page   Kind = "page"   // an offset of whole pages
	Object Kind = "object" // an offset of a fixed-size object
)

// Allocator is the one interface behind which all designs sit.
type Allocator interface {
	// Alloc hands out an item. gfp says what it may do for t; with kernel.DirectReclaim it may put t to sleep, in process context with no
	// spinning lock held. Errors: kernel.ErrWouldBlock, ErrNoMemory, ErrNoSpace, ErrOffline, each as the variant's table says.
	Alloc(t *kernel.Task, gfp kernel.GFP) (Item, error)
	// Free gives an item back. It panics on an item that is out of range, before it changes anything.
	Free(t *kernel.Task, it Item)
	// Check walks the structure and returns what is wrong with it. Only at quiescence: no task is inside the allocator.
	Check() error
}

// CPUDead is implemented by designs that keep items per CPU and want to hear that a CPU went offline. t runs on another CPU.
type CPUDead interface {
	CPUDead(t *kernel.Task, cpu int)
}

// BulkAllocator hands out several items at once: all of them, or as many as it has and an error.
type BulkAllocator interface {
	AllocBulk(t *kernel.Task, gfp kernel.GFP, items []Item) (int, error)
}

// BulkFreer takes several items back at once, each as Free does. They are named by words of machine memory, which it only reads: the array that a caller
// has collected them in need not be copied.
type BulkFreer interface {
	FreeBulk(t *kernel.Task, items []mem.Plain64)
}

// RangeAllocator hands out the lowest free item from low to high.
type RangeAllocator interface {
	AllocRange(t *kernel.Task, gfp kernel.GFP, low, high Item) (Item, error)
}

// NoLockAllocator has an entry that takes no lock, for callers that may hold any: it may try locks, and answers kernel.ErrNoMemory or ErrWouldBlock
// rather than wait for one. What it gives goes back by Free. Alloc with kernel.NoLocks among the flags is the same, said by a flag.
type NoLockAllocator interface {
	AllocNoLocks(t *kernel.Task) (Item, error)
}

// Reserver promises items ahead of their use: after a Reserve of n, n calls of AllocReserved do not fail. Promises bear no name: who draws or cancels
// more than he was promised takes others' promises.
type Reserver interface {
	// Reserve promises n items, all or none. A sole caller at quiescence who may wait is promised as many as the variant guarantees. Errors:
	// kernel.ErrWouldBlock, or kernel.ErrNoMemory where waiting would not help. Waits with kernel.DirectReclaim only.
	Reserve(t *kernel.Task, gfp kernel.GFP, n int) error
	// AllocReserved draws an item. It waits for nobody, in any context that Alloc may be called from.
	AllocReserved(t *kernel.Task) (Item, error)
	// Cancel takes n promises back that were not drawn on.
	Cancel(t *kernel.Task, n int)
}

// Resizer changes the number of items while in use.
type Resizer interface {
	Resize(t *kernel.Task, items int) error
}

// Flusher is implemented by designs with a worker of their own. Flush returns when it has nothing to do: the allocator is as quiet then as its callers
// are. Process context.
type Flusher interface {
	Flush(t *kernel.Task)
}

// Expirer is implemented by designs whose originals bound a sleep by time. Expire makes who sleeps in Alloc try again, as the end of that time would. Any
// context but NMI.
type Expirer interface {
	Expire(t *kernel.Task)
}

// ReserveOpener is implemented by designs that decide who of their callers may draw on memory reserves. OpensReserves reports whether one with these
// rights may, when nothing else is left: if not, he waits for what others give back.
type ReserveOpener interface {
	OpensReserves(rights kernel.Rights) bool
}

// Bytes is implemented by designs whose items are memory.
type Bytes interface {
	Bytes(it Item) []byte
}

// StatsReader counts the slow paths taken since creation. Only at quiescence.
type StatsReader interface {
	Stats() Stats
}

// Stats are counts of slow paths since creation.
type Stats struct {
	Waits   uint64 // times a caller was put to sleep
	Locks   uint64 // acquisitions of locks that CPUs share, outside the fast path
	Steals  uint64 // times another CPU's items were taken
	Refills uint64 // times a per-CPU list was filled from the shared one
	Spills  uint64 // times a full per-CPU list gave items to the shared one
	Failed  uint64 // calls of Alloc that returned an error
}

// Config says how an allocator is made.
type Config struct {
	Items int            // items it shall hold, 1 to Most
	Bytes int            // bytes of memory behind each item, for variants with memory, up to Most; 0 for none
	Room  int            // items' worth of backing memory, up to Most, for variants that draw on memory below them; less than Items means just enough for those
	Knobs map[string]int // the variant's own parameters by name; absent ones take their defaults
	// Zones is memory that others use as well, for variants that can stand on it (Capabilities.OnZones); Room does not count then. nil: a variant
	// makes zones of its own.
	Zones *page.Allocator
}

// Knob returns the value of a parameter, or its default.
func (c Config) Knob(name string, standard int) int {
	if v, ok := c.Knobs[name]; ok {
		return v
	}
	return standard
}

// Most is the greatest number of items, bytes of an item, or items of room: with it the products and sums of a design's layout do not overflow.
const Most = 1 << 31

// Validate returns an error when the items, the bytes or the room are out of range, or a knob given is not in the table or outside its range there.
// Every variant's New begins with it, so that a misspelt knob is not taken for the default.
func (c Config) Validate(table []Knob) error {
	switch {
	case c.Items < 1:
		return fmt.Errorf("%d items: give at least 1", c.Items)
	case c.Items > Most:
		return fmt.Errorf("%d items: give at most 2^31", c.Items)
	case c.Bytes < 0:
		return fmt.Errorf("%d bytes an item: give 0 for none, or more", c.Bytes)
	case c.Bytes > Most:
		return fmt.Errorf("%d bytes an item: give at most 2^31", c.Bytes)
	case c.Room < 0:
		return fmt.Errorf("room for %d items: give 0 for just enough, or more", c.Room)
	case c.Room > Most:
		return fmt.Errorf("room for %d items: give at most 2^31", c.Room)
	}
	known := 0
	for _, k := range table {
		value, given := c.Knobs[k.Name]
		if !given {
			continue
		}
		known++
		if value < k.Low || value > k.High {
			return fmt.Errorf("knob %s is %d: give %d to %d", k.Name, value, k.Low, k.High)
		}
	}
	if known == len(c.Knobs) {
		return nil
	}
	unknown := slices.DeleteFunc(slices.Sorted(maps.Keys(c.Knobs)), func(name string) bool {
		return slices.ContainsFunc(table, func(k Knob) bool { return k.Name == name })
	})
	return fmt.Errorf("no knob is called %q", unknown)
}

// Knob describes a parameter of a variant.
type Knob struct {
	Name     string `json:"name"`
	Standard int    `json:"standard"` // the default
	Low      int    `json:"low"`
	High     int    `json:"high"`
	Meaning  string `json:"meaning"` // with its unit
}

// Capabilities say what a variant can do. The table itself is tested.
type Capabilities struct {
	Kind         Kind             `json:"kind"`
	AllocIn      []kernel.Context `json:"allocIn"`      // contexts Alloc may be called from
	FreeIn       []kernel.Context `json:"freeIn"`       // contexts Free may be called from
	MayWait      bool             `json:"mayWait"`      // Alloc with DirectReclaim waits instead of failing
	MayFail      bool             `json:"mayFail"`      // Alloc without DirectReclaim may return an error
	Guarantee    string           `json:"guarantee"`    // what it promises, in words
	TakesLocks   bool             `json:"takesLocks"`   // false: Alloc and Free wait for no lock on any path; they may try
	NoLocks      bool             `json:"noLocks"`      // has an entry that takes no lock (NoLockAllocator), whatever Alloc does
	Memory       bool             `json:"memory"`       // items are memory (Bytes)
	PerCPU       bool             `json:"perCpu"`       // items are kept per CPU, so CPUDead matters
	IRQPairs     float64          `json:"irqPairs"`     // interrupt mask and unmask pairs of one alloc and free, on the fast path
	OwnLocks     float64          `json:"ownLocks"`     // locks of the CPU's own that one alloc and free take, on the fast path
	Over         string           `json:"over"`         // full name of the variant it is a layer over, "" for none: what the layer adds is shown
	NativeOnly   bool             `json:"nativeOnly"`   // uses Go's own primitives: the simulator cannot see it
	Oversleeps   bool             `json:"oversleeps"`   // what is freed may go below a layer unseen by its sleepers: a later free wakes them (see C5)
	HoldsBack    bool             `json:"holdsBack"`    // who may not wait can be refused beside items that a worker, or a caller that may do everything, gets
	ReserveWaits bool             `json:"reserveWaits"` // Reserve with DirectReclaim waits until others have freed enough, instead of failing
	KeepsAside   bool             `json:"keepsAside"`   // a caller may be refused beside items that other CPUs keep at hand; there are as many more
	Misses       bool             `json:"misses"`       // a caller may be refused since another is inside at that moment, however much is free
	OnZones      bool             `json:"onZones"`      // can stand on zones that others use as well (Config.Zones)
	Promises     bool             `json:"promises"`     // it is a Reserver
	Resizes      bool             `json:"resizes"`      // it is a Resizer
	Unbounded    bool             `json:"unbounded"`    // Items is a hint, not a limit
	KnownFaults  string           `json:"knownFaults"`  // faults kept from the original, "" for none
}

// Variant is one debate position: a design made in one way.
type Variant struct {
	Design       string // percpu_tags
	Name         string // lock; "" when the design has one form only
	Summary      string // one line: idea and origin
	Capabilities Capabilities
	Knobs        []Knob
	// New lays the allocator out on a machine. Errors: a knob or item count out of range, or no memory; each names the remedy.
	New func(place kernel.Place, config Config) (Allocator, error)
	// NewOver is New over zones that others use as well, for variants that draw on single pages; nil for the rest. Room says how many items there may be.
	NewOver func(place kernel.Place, pages *page.Allocator, config Config) (Allocator, error)
	// Guaranteed is the number of items a sole caller at quiescence always gets from an allocator of that configuration.
	Guaranteed func(config Config) int
	// Lag is how many items may be free while a caller sleeps, for designs that wake sleepers once in several frees; nil for none.
	Lag func(config Config) int
	// Works is how many interrupts and queued works of an allocator's own can be pending at a time; nil for none.
	Works func(config Config) int
	// Breaks names the sentences of the contract (C1 to C10) that a variant faithful to a faulty original is known to break. KnownFaults says how.
	// The suite passes over what it finds against them, and fails when one is never seen broken.
	Breaks []string
	// SlowHost is the package whose slow paths (kernel/reach) an exploration of the variant must take, as its path below the module; "" is the
	// design's own. SlowPaths names those of them the variant can come to; nil is all.
	SlowHost  string
	SlowPaths []string
	// Loops are the measuring loops on the concrete type; nil makes the harness call through the interface, and say so.
	Loops *Loops
}

// FreeBeside is Lag, or 0.
func (v Variant) FreeBeside(config Config) int {
	if v.Lag == nil {
		return 0
	}
	return v.Lag(config)
}

// FullName is design:name, or the design alone.
func (v Variant) FullName() string {
	if v.Name == "" {
		return v.Design
	}
	return v.Design + ":" + v.Name
}

// Loops are the inner loops of the closed workloads, compiled against one concrete allocator type, so that the cost of a call through an
// interface does not drown a path of a few nanoseconds. They are generated by internal/loopgen. Each returns how many allocations failed.
type Loops struct {
	// Pair runs ops times: allocate one item, touch its record if records is not nil, free it.
	Pair func(a Allocator, t *kernel.Task, gfp kernel.GFP, ops int, records *Records) (failed int)
	// Window allocates len(held) items, touches their records, then frees them, oldest first, until ops pairs are done; ops is a multiple of
	// len(held).
	Window func(a Allocator, t *kernel.Task, gfp kernel.GFP, held []Item, ops int, records *Records) (failed int)

	// Every and Sampled are the same loops with a clock in the operation, for native machines; their functions are nil in loops written by hand
	// without them.
	Every, Sampled TimedLoops
}

// TimedLoops are loops that record how long single operations take, by one of the methods of package latency. Operations that fail are left out.
type TimedLoops struct {
	// Pair records latency.Operation: one alloc, the touch of the record if there are records, and the free. Where it samples, ops is a multiple of
	// latency.BlockOps.
	Pair func(a Allocator, t *kernel.Task, gfp kernel.GFP, ops int, records *Records, rec *latency.Recorder) (failed int)
	// Window records latency.Alloc and latency.Free, each call by itself. The touching of the records is in neither.
	Window func(a Allocator, t *kernel.Task, gfp kernel.GFP, held []Item, ops int, records *Records, rec *latency.Recorder) (failed int)
}
