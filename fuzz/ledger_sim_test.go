//go:build sim

package fuzz

import (
	"errors"
	"testing"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/machine"
	"headroom/kernel/sim"
)

// Offsets, which have no bound, are unique like numbers: one that is held is not handed out again, one that was given back is.
func TestOffsetsAreUnique(t *testing.T) {
	v := designs.Variant{Capabilities: designs.Capabilities{Kind: designs.Object}}
	for _, c := range []struct {
		name  string
		again designs.Item
		fails bool
	}{{"held", 1 << 20, true}, {"given back", 4096, false}, {"new", 1 << 40, false}, {"below the number of items", 1, true}} {
		m, err := sim.New(sim.Options{CPUs: 1, Entities: 1})
		if err != nil {
			t.Fatal(err)
		}
		l := newLedger(m, v, designs.Config{Items: 2})
		m.SetStrategy(lowest{})
		m.Spawn(nil, machine.Spec{Name: "T0", Body: func(*kernel.Task) {
			for _, it := range []designs.Item{4096, 1 << 20, 1} {
				l.take(it)
			}
			l.give(4096)
			l.take(c.again)
		}})
		var f *sim.Failure
		err = m.Run()
		if errors.As(err, &f) != c.fails || c.fails && f.Class != sim.Uniqueness {
			t.Errorf("%s: %v", c.name, err)
		}
		m.Close()
	}
}
