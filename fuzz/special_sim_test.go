//go:build sim

package fuzz

import (
	"maps"
	"testing"

	"headroom/designs"
	"headroom/fuzz/explore"
	"headroom/kernel"
	"headroom/kernel/mem"
	"headroom/kernel/percpu"
	"headroom/kernel/sim"
)

// apart is an allocator whose CPUs share nothing: each has one item of its own, and only that of CPU 0 is ever handed out. It says that it refuses a caller
// only when all items are taken, which is not so.
type apart struct{ words []*apartWord }

type apartWord struct{ taken mem.Plain32 }

func (a *apart) ExactRefusals() {}

func (a *apart) Alloc(t *kernel.Task, _ kernel.GFP) (designs.Item, error) {
	w := &a.words[t.CPU()].taken
	if t.CPU() != 0 || w.Load() != 0 {
		w.Store(w.Load())
		return 0, kernel.ErrWouldBlock
	}
	w.Store(1)
	return 0, nil
}

func (a *apart) Free(t *kernel.Task, _ designs.Item) { a.words[t.CPU()].taken.Store(0) }
func (a *apart) Check() error                        { return nil }

// A search with sleep sets misses no wrong refusal: whether one is wrong depends on which calls overlap, also where they access nothing in common.
func TestSearchFindsEveryWrongRefusal(t *testing.T) {
	p := Program{Design: "toy", CPUs: 2, Config: designs.Config{Items: 1}, Tasks: []Task{{CPU: 0, Ops: []Op{{Code: Try}, {Code: Free}}}, {CPU: 1, Ops: []Op{{Code: Try}}}}}
	var classes [2]map[sim.Class]bool
	var made [2]int
	for i, plain := range []bool{true, false} {
		classes[i], made[i] = classesOn(t, apartVariant, p, &explore.DFS{Most: -1, Plain: plain})
	}
	if !maps.Equal(classes[0], classes[1]) || !classes[0][sim.Contract] || !classes[0][""] {
		t.Errorf("%d executions end in %v, %d with sleep sets in %v", made[0], classes[0], made[1], classes[1])
	}
}

var apartVariant = designs.Variant{
	Design:       "toy",
	Capabilities: designs.Capabilities{Kind: designs.Tag, MayFail: true},
	New: func(place kernel.Place, _ designs.Config) (designs.Allocator, error) {
		words, err := percpu.New[apartWord](place)
		return &apart{words}, err
	},
	Guaranteed: func(designs.Config) int { return 1 },
}
