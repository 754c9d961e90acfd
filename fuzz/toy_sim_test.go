//go:build sim

package fuzz

import (
	"fmt"
	"math/bits"
	"strings"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/lock"
	"headroom/kernel/mem"
)

// toy is a bitmap of tags with a mistake of the caller's choice, to see that the checks tell each.
type toy struct {
	fault   string
	full    uint64
	words   *toyWords
	scratch []int
	calls   int
}

type toyWords struct {
	taken   atomic.Uint64
	waiters lock.WaitQueue
	spin    lock.RawSpin
	count   mem.Plain64 // of allocations; protected by spin
}

// toyVariant describes a toy; the fault "" is none.
func toyVariant(fault string) designs.Variant {
	return designs.Variant{
		Design: "toy",
		Name:   fault,
		Capabilities: designs.Capabilities{Kind: designs.Tag, MayWait: !strings.HasPrefix(fault, "takes locks in"), MayFail: true,
			TakesLocks: !strings.HasPrefix(fault, "takes locks")},
		New: func(place kernel.Place, c designs.Config) (designs.Allocator, error) {
			if fault == "cannot be made" {
				return nil, fmt.Errorf("toy: on purpose")
			}
			words, err := mem.New[toyWords](place.Memory(), 0)
			return &toy{fault: fault, full: 1<<c.Items - 1, words: words}, err
		},
		Guaranteed: func(c designs.Config) int {
			if fault == "counts outside memory" {
				return 1
			}
			return c.Items
		},
	}
}

func (y *toy) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	y.enter(t)
	for {
		if gfp.MayWait() {
			y.words.waiters.Prepare(t, false)
		}
		if it, ok := y.claim(); ok {
			if gfp.MayWait() {
				y.words.waiters.Finish(t)
			}
			return it, nil
		}
		if y.fault == "waits by looking" {
			continue
		}
		if !gfp.MayWait() {
			if y.fault == "waits where it must not" && t.Context() == kernel.Process {
				t.Sleeping()
				t.Wake(t)
				t.Schedule()
			}
			return 0, kernel.ErrWouldBlock
		}
		if y.fault == "refuses a waiter" {
			y.words.waiters.Finish(t)
			return 0, kernel.ErrWouldBlock
		}
		if y.fault == "waits under a spinning lock" {
			y.words.spin.Lock(t)
		}
		t.Schedule()
		y.words.waiters.Finish(t)
	}
}

// enter counts the call, and goes wrong in ways that have nothing to do with items.
func (y *toy) enter(t *kernel.Task) {
	if y.fault == "takes locks in Free" || y.fault == "takes locks in interrupts" {
		return
	}
	if y.fault != "races on a plain word" {
		t.IRQSave()
		y.words.spin.Lock(t)
	}
	y.words.count.Store(y.words.count.Load() + 1)
	if y.fault == "locks twice" {
		y.words.spin.Lock(t)
	}
	if y.fault != "races on a plain word" {
		y.words.spin.Unlock(t)
		t.IRQRestore()
	}
	if y.fault == "never ends" {
		for y.words.taken.Load() <= y.full {
		}
	}
	if y.fault == "panics" {
		y.scratch[0]++
	}
}

func (y *toy) claim() (designs.Item, bool) {
	for {
		old := y.words.taken.Load()
		bit := bits.TrailingZeros64(^old & y.full)
		if bit == 64 {
			return 0, false
		}
		if y.fault == "counts outside memory" {
			bit = (bit + y.calls) % bits.Len64(y.full)
			y.calls++
		}
		taken := old | 1<<bit
		if y.fault == "panics in two ways" && bit > 0 {
			panic(fmt.Sprintf("toy: item %d is handed out", bit))
		}
		if y.fault == "hands out twice" {
			y.words.taken.Store(taken)
			return designs.Item(bit), true
		}
		if y.words.taken.CompareAndSwap(old, taken) {
			if y.fault == "out of range" && taken == y.full {
				return designs.Item(bit + 1), true
			}
			return designs.Item(bit), true
		}
	}
}

func (y *toy) Free(t *kernel.Task, it designs.Item) {
	if y.fault == "panics in two ways" {
		panic(fmt.Sprintf("toy: item %d is freed", it))
	}
	if y.fault == "loses items" && it > 0 {
		return
	}
	if y.fault == "takes locks in Free" || y.fault == "takes locks in interrupts" && t.Context() == kernel.HardIRQ {
		t.IRQSave()
		y.words.spin.Lock(t)
		y.words.spin.Unlock(t)
		t.IRQRestore()
	}
	y.words.taken.And(^(uint64(1) << it))
	if y.fault != "never wakes" {
		y.words.waiters.Wake(t, 0)
	}
}

func (y *toy) Check() error {
	taken := y.words.taken.Load()
	if y.fault == "panics in Check" && taken == 0 {
		y.scratch[0]++
	}
	if y.fault == "finds a fault" {
		return fmt.Errorf("toy: on purpose")
	}
	return nil
}
