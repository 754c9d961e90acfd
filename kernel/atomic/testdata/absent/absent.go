// Package absent holds pairs of functions, X and XWith: the second one has what the native build must compile to nothing.
package absent

import (
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/mutant"
	"headroom/kernel/reach"
)

var (
	mistake = mutant.Define(mutant.Mutant{ID: "XX-01", Host: "kernel/atomic/testdata/absent"})
	point   = reach.Define("kernel/atomic/testdata/absent", "point")
)

//go:noinline
func Mutant(w *atomic.Uint32) uint32 {
	return w.Add(1)
}

//go:noinline
func MutantWith(w *atomic.Uint32) uint32 {
	if mutant.On(mistake) {
		old := w.Load()
		w.Store(old + 1)
		return old + 1
	}
	return w.Add(1)
}

//go:noinline
func MutantAbsent(w *atomic.Uint32, n uint32) uint32 {
	if n == 0 {
		return w.Load()
	}
	return w.Add(n)
}

//go:noinline
func MutantAbsentWith(w *atomic.Uint32, n uint32) uint32 {
	if !mutant.On(mistake) && n == 0 {
		return w.Load()
	}
	return w.Add(n)
}

//go:noinline
func Hit(w *atomic.Uint32) uint32 {
	return w.Add(1)
}

//go:noinline
func HitWith(w *atomic.Uint32) uint32 {
	point.Hit()
	return w.Add(1)
}

//go:noinline
func IRQ(t *kernel.Task, w *atomic.Uint32) uint32 {
	return w.Add(1)
}

//go:noinline
func IRQWith(t *kernel.Task, w *atomic.Uint32) uint32 {
	t.IRQSave()
	v := w.Add(1)
	t.IRQRestore()
	return v
}

//go:noinline
func Spin(t *kernel.Task, w *atomic.Uint32) uint32 {
	return w.Add(1)
}

//go:noinline
func SpinWith(t *kernel.Task, w *atomic.Uint32) uint32 {
	t.SpinEnter()
	v := w.Add(1)
	t.SpinExit()
	return v
}
