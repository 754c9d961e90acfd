//go:build sim

package gfpnolocks

import (
	"errors"
	"fmt"
	"testing"

	"headroom/designs"
	"headroom/designs/designtest"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/choice"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
	"headroom/kernel/reach"
)

// scene is a client, a word through which readers find an object, and who reads what.
type scene struct {
	designs.Allocator // the objects
	client            *Client
	pages             *TryLock
	shared            *atomic.Uint64
	reading           map[designs.Item]int
	queued, freed     int
	bulks             int  // pages of pointers that were freed, in all runs
	writers           int  // that are not done
	over              bool // everything came back
}

// Free is where the client gives an object back: nobody may still read it.
func (s *scene) Free(t *kernel.Task, it designs.Item) {
	s.unread(it)
	s.Allocator.Free(t, it)
}

// FreeBulk is where the client gives a page of pointers back.
func (s *scene) FreeBulk(t *kernel.Task, items []mem.Plain64) {
	for i := range items {
		s.unread(designs.Item(items[i].Load()))
	}
	s.bulks++
	s.Allocator.(designs.BulkFreer).FreeBulk(t, items)
}

func (s *scene) unread(it designs.Item) {
	if s.reading[it] != 0 {
		panic(fmt.Sprintf("object %d is freed while it is read", it))
	}
	s.freed++
}

const (
	schedules = 600
	tinyPage  = 64  // room for 3 pointers
	readSteps = 150 // of a reader: about what queueing, quiescing and draining take
)

// explore runs writers that replace the shared object, readers, and a worker on each CPU, under many schedules.
func explore(spares int, ask bool) error {
	s := &scene{}
	read := 0
	err := designtest.Explore(designtest.Program{
		CPUs: 2, MemoryBytes: 256 << 10, StepLimit: 60_000, Seeds: schedules,
		Build: func(m machine.Machine) error { return s.build(m, spares, ask) },
		Stage: func(m machine.Machine) {
			read += len(s.reading)
			s.reading, s.queued, s.freed, s.writers, s.over = map[designs.Item]int{}, 0, 0, 0, false
			s.spawn(m)
		},
		Verdict: s.verdict,
	})
	if err == nil && (read == 0 || (s.bulks == 0) != (spares == 0 && !ask)) {
		return fmt.Errorf("%w: %d objects were read, %d pages of pointers freed", errNothing, read, s.bulks)
	}
	return err
}

func (s *scene) build(m machine.Machine, spares int, ask bool) error {
	objects, err := slabVariant().New(m, designs.Config{Items: 24, Bytes: 64})
	if err != nil {
		return err
	}
	pages, err := tryLockVariant().New(m, designs.Config{Items: 2, Bytes: tinyPage})
	if err != nil {
		return err
	}
	grace, err := NewGrace(m)
	if err != nil {
		return err
	}
	s.Allocator, s.pages = objects, pages.(*TryLock)
	if s.shared, err = mem.New[atomic.Uint64](m.Memory(), 0); err != nil {
		return err
	}
	s.client, err = NewClient(m, ClientConfig{Pages: s.pages, Objects: s, Grace: grace, PageBytes: tinyPage, Spares: spares, Ask: ask})
	return err
}

var errNothing = errors.New("nothing is shown")

func (s *scene) spawn(m machine.Machine) {
	for cpu := range 2 {
		s.writers++
		task(m, "writer", cpu, s.write)
		task(m, "reader", cpu, func(t *kernel.Task) {
			for range 3 {
				s.read(t)
				s.client.config.Grace.Quiesce(t)
				t.Resched()
			}
		})
		task(m, "worker", cpu, func(t *kernel.Task) {
			for !s.over {
				s.client.Refill(t, kernel.NoWait)
				s.client.config.Grace.Quiesce(t)
				s.client.Drain(t)
				s.over = s.over || s.writers == 0 && s.freed == s.queued
				t.Resched()
			}
		})
	}
}

func task(m machine.Machine, name string, cpu int, body func(t *kernel.Task)) {
	m.Spawn(nil, machine.Spec{Name: fmt.Sprintf("%s/%d", name, cpu), CPU: cpu, Body: body})
}

// write puts objects in the place of the shared one and queues what was there; the last it takes away.
func (s *scene) write(t *kernel.Task) {
	for range 5 {
		it, err := s.Alloc(t, kernel.NoWait)
		if err != nil {
			it = 0
		}
		old := s.shared.Swap(uint64(it))
		if old == 0 {
			continue
		}
		s.queued++
		before := t.LocksAsked()
		s.client.Queue(t, designs.Item(old))
		if n := t.LocksAsked() - before; n != 1 {
			panic(fmt.Sprintf("Queue asked for %d locks, and one is its own", n))
		}
	}
	if old := s.shared.Swap(0); old != 0 {
		s.queued++
		s.client.Queue(t, designs.Item(old))
	}
	s.writers--
}

// read uses the shared object, without giving the CPU away meanwhile.
func (s *scene) read(t *kernel.Task) {
	t.IRQSave()
	if it := designs.Item(s.shared.Load()); it != 0 {
		s.reading[it]++
		for range readSteps {
			s.shared.Load()
		}
		s.reading[it]--
	}
	t.IRQRestore()
}

// verdict: every object and, without the spare ones, every page is back.
func (s *scene) verdict() error {
	if s.freed != s.queued {
		return fmt.Errorf("%d objects were queued, %d came back", s.queued, s.freed)
	}
	p, spares := s.pages.pages, s.client.Stats().Spares
	if idle := p.FreePages() + p.ListedPages() + p.LatePages() + spares; idle != p.ZonePages() {
		return fmt.Errorf("%d of %d pages are idle in the end", idle, p.ZonePages())
	}
	return errors.Join(s.client.Check(), s.Allocator.Check(), s.pages.Check())
}

// I1 to I4 over random schedules: with a page for some calls only, with spare pages only, and without any page.
func TestNoScheduleBreaksTheClient(t *testing.T) {
	for _, c := range []struct {
		spares int
		ask    bool
	}{{1, true}, {2, false}, {0, true}, {0, false}} {
		if err := explore(c.spares, c.ask); err != nil {
			t.Errorf("%d spares, ask %v: %v", c.spares, c.ask, err)
		}
	}
}

// The calls of TestFailuresLoseNothing go through every slow path of the client, the one that explored programs do not come to among them.
func TestClientTakesEverySlowPath(t *testing.T) {
	hits := make([]int, len(reach.All()))
	choice.Reached = func(point int) { hits[point]++ }
	defer func() { choice.Reached = nil }()
	TestFailuresLoseNothing(t)
	for i, point := range reach.All() {
		if point.Host == host && hits[i] == 0 {
			t.Errorf("no call took %s", point.Name)
		}
	}
}

// Each planted mistake is found by a check of the invariant it breaks.
func TestChecksCatchTheMutants(t *testing.T) {
	checked := map[mutant.ID]bool{}
	for _, c := range []struct {
		id     mutant.ID
		spares int
		ask    bool
	}{{kf01, 0, true}, {kf02, 2, false}, {kr01, 2, false}, {kr02, 0, false}, {kr03, 1, true}} {
		checked[c.id] = true
		mutant.Set(c.id)
		err := explore(c.spares, c.ask)
		mutant.Set("")
		if err == nil {
			t.Errorf("%s: its check finds nothing", c.id)
			continue
		}
		t.Logf("%s: %v", c.id, err)
	}
	for _, m := range mutant.All() {
		if m.Host == host && !checked[m.ID] {
			t.Errorf("%s has no check", m.ID)
		}
	}
}
