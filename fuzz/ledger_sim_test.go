//go:build sim

package fuzz

import (
	"errors"
	"strings"
	"testing"
	"unsafe"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
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

// spans is an allocator whose items are memory, of 64 bytes from their number on.
type spans struct{ memory *mem.Memory }

func (s spans) Bytes(it designs.Item) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(s.memory.Base(), uintptr(it))), 64)
}

// Memory is handed out once: an item that shares bytes with one that is held is none of its own, and neither is one that lies outside.
func TestMemoryIsUnique(t *testing.T) {
	v := designs.Variant{Capabilities: designs.Capabilities{Kind: designs.Object, Memory: true}}
	for _, c := range []struct {
		name string
		next designs.Item
		says string
	}{
		{"beside", 192, ""}, {"given back", 256, ""}, {"the same", 128, "somebody held it"}, {"overlapping the end", 160, "shares memory"},
		{"overlapping the start", 65, "shares memory"}, {"overlapping item 0", 1, "shares memory"}, {"outside", 256<<10 - 63, "outside"}, {"the last", 256<<10 - 64, ""},
	} {
		m, err := sim.New(sim.Options{CPUs: 1, Entities: 1})
		if err != nil {
			t.Fatal(err)
		}
		l := newLedger(m, v, designs.Config{Items: 2})
		l.memory = spans{m.Memory()}
		m.SetStrategy(lowest{})
		m.Spawn(nil, machine.Spec{Name: "T0", Body: func(*kernel.Task) {
			for _, it := range []designs.Item{0, 128, 256} {
				l.take(it)
			}
			l.give(256)
			l.take(c.next)
		}})
		err = m.Run()
		var f *sim.Failure
		if errors.As(err, &f); (f == nil) != (c.says == "") || f != nil && (f.Class != sim.Uniqueness || !strings.Contains(f.Message, c.says)) {
			t.Errorf("%s: %v; want %q", c.name, err, c.says)
		}
		m.Close()
	}
}
