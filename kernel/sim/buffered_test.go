//go:build sim

package sim_test

import (
	"fmt"
	"testing"

	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/sim"
)

// around is store buffering across an interrupt: a CPU stores x and looks at y, one of the two in a handler; the other CPU does the reverse with a full
// barrier. It returns how often the handler came behind the store, and how often both then saw nothing, over all runs there are.
func around(memory sim.Memory, storeInHandler bool) (behind, both int, err error) {
	m, err := sim.New(sim.Options{CPUs: 2, Entities: 3, MemoryBytes: 4096, Memory: memory})
	if err != nil {
		return 0, 0, err
	}
	defer m.Close()
	words, err := mem.Slice[atomic.Uint32](m.Memory(), 0, 32)
	if err != nil {
		return 0, 0, err
	}
	x, y := &words[0], &words[16]
	stored, late := false, false
	var saw [2]uint32
	store := func() { x.StoreRelaxed(1); stored = true }
	look := func() { late, saw[0] = stored, y.LoadRelaxed() }
	task, handler := store, look
	if storeInHandler {
		task, handler = look, store
	}
	m.Spawn(nil, machine.Spec{Name: "P0", CPU: 0, Body: func(t *kernel.Task) {
		stored, late = false, false
		m.Interrupt(t, 0, &machine.Work{Run: func(*kernel.Task) { handler() }})
		t.Resched()
		task()
		t.Resched()
	}})
	m.Spawn(nil, machine.Spec{Name: "P1", CPU: 1, Body: func(*kernel.Task) { y.Swap(1); saw[1] = x.LoadRelaxed() }})
	m.Mark()
	d := &depthFirst{}
	m.SetStrategy(d)
	for more := true; more; more = d.next() {
		m.Rewind()
		if err := m.Run(); err != nil {
			return 0, 0, err
		}
		if late {
			behind++
			if saw == [2]uint32{} {
				both++
			}
		}
	}
	return behind, both, nil
}

// I5: on x86-64 the arrival of an interrupt empties the store buffer, and the return from it does. Under Weak neither orders a store before a load.
func TestInterruptsEmptyTheBufferUnderTSO(t *testing.T) {
	for _, storeInHandler := range []bool{false, true} {
		for memory, allowed := range map[sim.Memory]bool{sim.SC: false, sim.TSO: false, sim.Weak: true} {
			behind, both, err := around(memory, storeInHandler)
			if err != nil || behind == 0 || both > 0 != allowed {
				t.Errorf("%v, store in the handler %v: %d runs in which the look comes behind the store, in %d of them both see nothing, %v; allowed %v",
					memory, storeInHandler, behind, both, err, allowed)
			}
		}
	}
}

// What is looked at aside is memory as the caller's CPU sees it: its own stores, in the buffer or not, and no value that was only shown to a load. The
// look changes nothing for the others.
func TestAsideSeesTheCallersOwnStores(t *testing.T) {
	for _, memory := range []sim.Memory{sim.SC, sim.TSO, sim.Weak} {
		unseen := 0
		err := explore(sim.Options{CPUs: 2, Entities: 2, MemoryBytes: 4096, Memory: memory}, func(m *sim.Machine) error {
			words, err := mem.Slice[atomic.Uint32](m.Memory(), 0, 32)
			if err != nil {
				return err
			}
			x, y := &words[0], &words[16]
			m.Spawn(nil, machine.Spec{Name: "looks", CPU: 0, Body: func(*kernel.Task) {
				for i := range uint32(3) {
					x.StoreRelaxed(2*i + 1)
					x.StoreRelaxed(2*i + 2)
					y.LoadRelaxed()
					m.Aside(func() {
						if got := x.Load(); got != 2*i+2 {
							m.Fail(sim.Machinery, "a look aside sees %d behind a store of %d", got, 2*i+2)
						}
					})
				}
			}})
			m.Spawn(nil, machine.Spec{Name: "other", CPU: 1, Body: func(*kernel.Task) {
				before := uint32(0)
				for range 6 {
					y.Add(1)
					got := x.Load()
					if got < before || got > 6 {
						m.Fail(sim.Machinery, "the other CPU sees %d after %d", got, before)
					}
					if got == 1 || got == 3 || got == 5 {
						unseen++
					}
					before = got
				}
			}})
			return nil
		}, 500, func(_ *sim.Machine, seed uint64, r run) error {
			if r.err != nil {
				return fmt.Errorf("seed %d: %w", seed, r.err)
			}
			return nil
		})
		if err != nil || unseen == 0 {
			t.Errorf("%v: %v; a store that was followed by another was seen %d times", memory, err, unseen)
		}
	}
}
