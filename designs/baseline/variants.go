package baseline

import (
	"headroom/designs"
	"headroom/kernel"
)

//go:generate go run headroom/internal/loopgen -type Channel
//go:generate go run headroom/internal/loopgen -type Mutex
//go:generate go run headroom/internal/loopgen -type Pages
//go:generate go run headroom/internal/loopgen -type Slabs
//go:generate go run headroom/internal/loopgen -type SyncPool

// Variants is the table of the baselines; each is a design of its own with one form.
func Variants() []designs.Variant {
	return []designs.Variant{
		variant(channelName, "a buffered channel full of items", &channelLoops, constructor(NewChannel)),
		variant(mutexName, "a slice of items under a sync.Mutex", &mutexLoops, constructor(NewMutex)),
		syncPoolVariant(),
		pageVariant(),
		slabVariant(),
	}
}

// syncPoolVariant: with memory behind the items it can run out of that, so it may fail then; numbers never run out.
func syncPoolVariant() designs.Variant {
	v := variant(syncPoolName, "a sync.Pool that makes a new item when it is empty", &syncPoolLoops, constructor(NewSyncPool))
	v.Capabilities.Unbounded = true
	v.Capabilities.Guarantee = "never fails for want of numbers; with memory behind the items, all that were asked for"
	return v
}

// variant fills in what the three have in common. The kind is that of Config.Bytes 0; with memory behind them the items are objects.
func variant(name, summary string, loops *designs.Loops, newAllocator func(kernel.Place, designs.Config) (designs.Allocator, error)) designs.Variant {
	contexts := []kernel.Context{kernel.Process, kernel.SoftIRQ, kernel.HardIRQ}
	return designs.Variant{
		Design:  name,
		Summary: summary,
		Capabilities: designs.Capabilities{
			Kind:       designs.Tag,
			AllocIn:    contexts,
			FreeIn:     contexts,
			MayFail:    true,
			Guarantee:  "all items can be had from every CPU",
			TakesLocks: true,
			Memory:     true,
			NativeOnly: true,
		},
		New:        newAllocator,
		Guaranteed: func(c designs.Config) int { return c.Items },
		Loops:      loops,
	}
}

// constructor turns a constructor of a concrete type into one of the interface: a nil pointer must not become a non-nil Allocator.
func constructor[T any, P interface {
	*T
	designs.Allocator
}](newConcrete func(kernel.Place, designs.Config) (P, error)) func(kernel.Place, designs.Config) (designs.Allocator, error) {
	return func(place kernel.Place, c designs.Config) (designs.Allocator, error) {
		a, err := newConcrete(place, c)
		if err != nil {
			return nil, err
		}
		return a, nil
	}
}
