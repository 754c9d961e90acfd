package sbitmap

import (
	"testing"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/machine"
)

// Each CPU begins at a place of its own and stays there: what it frees, it finds again, whoever had allocated it. Who found nothing begins at the start.
func TestCPUsLookWhereTheirHintPoints(t *testing.T) {
	const cpus = 8
	b := newBench(t, cpus)
	m := b.bitmap(Config{Tags: 1024})
	alloc := func(cpu int) designs.Item {
		it, err := m.Alloc(b.on(cpu), kernel.NoWait)
		if err != nil {
			t.Fatal(err)
		}
		return it
	}
	words := map[designs.Item]int{}
	for cpu := range cpus {
		hinted := designs.Item(m.cpus[cpu].hint.Load() >> m.shift)
		first, second := alloc(cpu)>>m.shift, alloc(cpu)>>m.shift
		if first != hinted || second != hinted {
			t.Errorf("CPU %d, whose hint is in word %d, gets tags of the words %d and %d", cpu, hinted, first, second)
		}
		words[first]++
	}
	if len(words) < cpus/2 {
		t.Errorf("%d CPUs begin in %d words of 16", cpus, len(words))
	}
	its := alloc(0)
	m.Free(b.on(1), its)
	if got := alloc(1); got>>m.shift != its>>m.shift {
		t.Errorf("CPU 1 freed tag %d, and then gets %d of another word", its, got)
	}
	for {
		if _, err := m.Alloc(b.on(2), kernel.NoWait); err != nil {
			break
		}
	}
	if hint := m.cpus[2].hint.Load(); hint != 0 {
		t.Errorf("the hint of a CPU that found nothing is %d", hint)
	}
}

// Sleepers are woken by the batch: less frees than that wake nobody, and the one that fills it wakes as many sleepers as it has frees.
func TestSleepersAreWokenByTheBatch(t *testing.T) {
	const tags, batch, sleepers = 32, 4, 8
	allowed, err := machine.Allowed()
	if err != nil {
		t.Fatal(err)
	}
	topology, err := machine.ReadTopology("/sys", allowed)
	if err != nil {
		t.Fatal(err)
	}
	m, err := machine.NewNative(machine.Options{CPUs: topology.CPUs[:1], MemoryBytes: benchMemoryBytes})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	b, err := New(m, Config{Tags: tags, WakeBatch: batch})
	if err != nil {
		t.Fatal(err)
	}
	served := 0
	settle := func(t *kernel.Task) { // lets the other tasks of the CPU run until they wait
		for range 32 {
			t.Resched()
		}
	}
	m.Spawn(nil, machine.Spec{Name: "owner", Body: func(task *kernel.Task) {
		for range tags {
			_, _ = b.Alloc(task, kernel.NoWait)
		}
		for range sleepers {
			m.Spawn(task, machine.Spec{Name: "sleeper", Body: func(task *kernel.Task) {
				_, _ = b.Alloc(task, kernel.NoIO)
				served++
			}})
		}
		settle(task)
		for freed := range designs.Item(sleepers) {
			b.Free(task, freed)
			settle(task)
			if want := int(freed+1) / batch * batch; served != want {
				t.Errorf("after %d frees %d callers are served, want %d", freed+1, served, want)
			}
		}
		for it := range designs.Item(tags) { // whatever happened, nobody is left waiting
			b.Free(task, it)
		}
	}})
	if err := m.Run(); err != nil || b.Stats().Waits != sleepers {
		t.Errorf("%d waits, %v", b.Stats().Waits, err)
	}
}
