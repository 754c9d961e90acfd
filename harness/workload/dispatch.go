package workload

import (
	"headroom/designs"
	"headroom/kernel"
)

// dispatchLoops call through the interface: for variants without loops of their own, and to measure what the call costs.
var dispatchLoops = designs.Loops{
	Pair: func(a designs.Allocator, t *kernel.Task, gfp kernel.GFP, ops int, records *designs.Records) (failed int) {
		for range ops {
			it, err := a.Alloc(t, gfp)
			if err != nil {
				failed++
				continue
			}
			if records != nil {
				records.Touch(it)
			}
			a.Free(t, it)
		}
		return failed
	},
	Window: func(a designs.Allocator, t *kernel.Task, gfp kernel.GFP, held []designs.Item, ops int, records *designs.Records) (failed int) {
		for ; ops > 0; ops -= len(held) {
			n := 0
			for range held {
				it, err := a.Alloc(t, gfp)
				if err != nil {
					failed++
					continue
				}
				held[n] = it
				n++
			}
			for _, it := range held[:n] {
				if records != nil {
					records.Touch(it)
				}
				a.Free(t, it)
			}
		}
		return failed
	},
}
