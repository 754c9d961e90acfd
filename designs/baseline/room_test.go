package baseline

import (
	"testing"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
)

// roomy are the baselines that draw on memory below them.
func roomy() []designs.Variant { return []designs.Variant{pageVariant(), slabVariant()} }

// Config.Room makes the zones larger, and with them what can be held; less than Items changes nothing.
func TestRoomIsThereBesideTheItems(t *testing.T) {
	for _, v := range roomy() {
		for _, c := range []struct{ room, least, most int }{{0, 4, 31}, {3, 4, 31}, {200, 200, 231}} {
			if n := holds(t, v, designs.Config{Items: 4, Bytes: 256, Room: c.room}); n < c.least || n > c.most {
				t.Errorf("%s for 4 items with room for %d holds %d", v.Design, c.room, n)
			}
		}
	}
}

// holds is how many items the sole caller on a machine of one CPU gets.
func holds(t *testing.T, v designs.Variant, c designs.Config) (n int) {
	t.Helper()
	allowed, err := machine.Allowed()
	if err != nil {
		t.Fatal(err)
	}
	m, err := machine.NewNative(machine.Options{CPUs: []machine.CPU{{ID: allowed[0]}}, MemoryBytes: placeBytes, Tasks: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	a, err := v.New(m, c)
	if err != nil {
		t.Fatal(err)
	}
	m.Spawn(nil, machine.Spec{Name: "sole", Body: func(task *kernel.Task) {
		for {
			if _, err := a.Alloc(task, kernel.NoWait); err != nil {
				return
			}
			n++
		}
	}})
	if err := m.Run(); err != nil {
		t.Fatal(err)
	}
	return n
}

// An allocator over 1 GiB, with the memory it is in, is made without a look at each page.
func BenchmarkNewWithRoom(b *testing.B) {
	for _, v := range roomy() {
		b.Run(v.Design, func(b *testing.B) {
			c := designs.Config{Items: 64, Bytes: pageBytes, Room: 1 << 18}
			for b.Loop() {
				memory, err := mem.Make(1, 2<<30, nil)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := v.New(place{memory}, c); err != nil {
					b.Fatal(err)
				}
				memory.Release()
			}
		})
	}
}
