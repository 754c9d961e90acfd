package atomic_test

import (
	"runtime"
	"testing"

	"pgregory.net/rapid"

	"headroom/kernel/atomic"
)

// A sequence of operations on a 32-bit word answers as arithmetic on a variable does.
func TestUint32AnswersLikeAVariable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w atomic.Uint32
		v := uint32(0)
		same := func(what string, got, want uint32) {
			if got != want {
				t.Fatalf("%s gives %#x, want %#x", what, got, want)
			}
		}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			x := rapid.Uint32().Draw(t, "x")
			switch what := rapid.SampledFrom(operations).Draw(t, "operation"); what {
			case "Store":
				w.Store(x)
				v = x
			case "StoreRelease":
				w.StoreRelease(x)
				v = x
			case "StoreRelaxed":
				w.StoreRelaxed(x)
				v = x
			case "Swap":
				same(what, w.Swap(x), v)
				v = x
			case "Add":
				v += x
				same(what, w.Add(x), v)
			case "And":
				same(what, w.And(x), v)
				v &= x
			case "Or":
				same(what, w.Or(x), v)
				v |= x
			case "CompareAndSwap":
				if w.CompareAndSwap(v+1, x) || !w.CompareAndSwap(v, x) {
					t.Fatal("CompareAndSwap changed the word from a value it did not hold, or not from the one it held")
				}
				v = x
			}
			same("Load", w.Load(), v)
			same("LoadAcquire", w.LoadAcquire(), v)
			same("LoadRelaxed", w.LoadRelaxed(), v)
		}
	})
}

// A sequence of operations on a 64-bit word answers as arithmetic on a variable does.
func TestUint64AnswersLikeAVariable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w atomic.Uint64
		v := uint64(0)
		same := func(what string, got, want uint64) {
			if got != want {
				t.Fatalf("%s gives %#x, want %#x", what, got, want)
			}
		}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			x := rapid.Uint64().Draw(t, "x")
			switch what := rapid.SampledFrom(operations).Draw(t, "operation"); what {
			case "Store":
				w.Store(x)
				v = x
			case "StoreRelease":
				w.StoreRelease(x)
				v = x
			case "StoreRelaxed":
				w.StoreRelaxed(x)
				v = x
			case "Swap":
				same(what, w.Swap(x), v)
				v = x
			case "Add":
				v += x
				same(what, w.Add(x), v)
			case "And":
				same(what, w.And(x), v)
				v &= x
			case "Or":
				same(what, w.Or(x), v)
				v |= x
			case "CompareAndSwap":
				if w.CompareAndSwap(v+1, x) || !w.CompareAndSwap(v, x) {
					t.Fatal("CompareAndSwap changed the word from a value it did not hold, or not from the one it held")
				}
				v = x
			}
			same("Load", w.Load(), v)
			same("LoadAcquire", w.LoadAcquire(), v)
			same("LoadRelaxed", w.LoadRelaxed(), v)
		}
	})
}

// operations are the names of what changes a word.
var operations = []string{"Store", "StoreRelease", "StoreRelaxed", "Swap", "Add", "And", "Or", "CompareAndSwap"}

// AwaitNot returns at once when the word differs, and else when another goroutine changes it, which waits until the spinning has begun.
func TestAwaitNotEndsWhenTheWordChanges(t *testing.T) {
	var word, spinning atomic.Uint32
	word.AwaitNot(1)
	changed := make(chan struct{})
	go func() {
		for spinning.Load() == 0 {
			runtime.Gosched()
		}
		word.Store(7)
		close(changed)
	}()
	spinning.Store(1)
	word.AwaitNot(0)
	if got := word.Load(); got != 7 {
		t.Errorf("AwaitNot returned with %d in the word", got)
	}
	<-changed
}

// Increments from several goroutines at once are all counted, between full fences too.
func TestAddLosesNothing(t *testing.T) {
	const goroutines, rounds = 4, 5000
	var w32 atomic.Uint32
	var w64 atomic.Uint64
	done := make(chan struct{})
	for range goroutines {
		go func() {
			for range rounds {
				w32.Add(1)
				atomic.Fence()
				w64.Add(1)
			}
			done <- struct{}{}
		}()
	}
	for range goroutines {
		<-done
	}
	if w32.Load() != goroutines*rounds || w64.Load() != goroutines*rounds {
		t.Errorf("%d and %d, want %d", w32.Load(), w64.Load(), goroutines*rounds)
	}
}
