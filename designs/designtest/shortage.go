package designtest

import (
	"fmt"
	goatomic "sync/atomic"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/choice"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/sim"
)

// shortMachine is a machine on which one of the calls that want pages from a zone finds none (page.Shortage).
type shortMachine struct {
	machine.Machine
	asked goatomic.Int64 // calls so far
	over  goatomic.Bool  // no call fails any more, and none is counted
	fails int64          // the number of the one that fails, from 1
}

// Short counts the call, and fails the chosen one.
func (m *shortMachine) Short(*kernel.Task) bool { return !m.over.Load() && m.asked.Add(1) == m.fails }

// struck reports whether the failure has happened.
func (m *shortMachine) struck() bool { return m.asked.Load() >= m.fails }

// mostPoints bounds the calls of a run that are made to fail, one a run: designs whose memory is all theirs from New on have none.
const mostPoints = 400

// tryInTurn runs a trial with a failure planted at every point in turn: natively, where the points of New are among them, and simulated.
func (tr trial) tryInTurn(v designs.Variant, seen *tally) error {
	for _, c := range configs(v) {
		if len(c.Knobs) != 0 || c.Items > 64 {
			continue
		}
		for point := int64(1); point <= mostPoints; point++ {
			struck, err := tr.pointNative(v, c, point, seen)
			if err != nil {
				return tr.failure(v, c, fmt.Sprintf("native, call %d for pages fails", point), err)
			}
			if !struck {
				break
			}
			seen.points++
		}
		if err := tr.pointsSimulated(v, c, seen); err != nil {
			return err
		}
	}
	return nil
}

// pointNative makes a machine, an allocator and a run, in one of which the call of that number fails.
func (tr trial) pointNative(v designs.Variant, c designs.Config, point int64, seen *tally) (struck bool, err error) {
	native, err := newNative(tr.cpus, c)
	if err != nil {
		return false, err
	}
	defer native.Close()
	m := &shortMachine{Machine: native, fails: point}
	words, err := mem.Slice[atomic.Uint32](m.Memory(), 0, sceneWords)
	if err != nil {
		return false, err
	}
	a, err := v.New(m, c)
	switch {
	case err != nil && m.struck() && a == nil:
		return true, nil // New may say so, and leave nothing
	case err != nil:
		return false, fmt.Errorf("New: %w, and an allocator: %v", err, a != nil)
	}
	err = tr.runShort(m, v, c, a, words, uint64(point), seen)
	return m.struck(), seen.unlessKnown(tr, v, c, err)
}

// pointsSimulated does the same on the simulated machine, each point under a schedule of its own; New has all it wants there.
func (tr trial) pointsSimulated(v designs.Variant, c designs.Config, seen *tally) error {
	if !choice.Enabled || v.Capabilities.NativeOnly || c.Items > fewItems {
		return nil
	}
	m := &shortMachine{}
	simulated, a, words, err := tr.simulate(v, c, func(on machine.Machine) machine.Machine { m.Machine = on; return m })
	if err != nil || a == nil {
		return err
	}
	defer simulated.Close()
	simulated.Mark()
	for point := int64(1); point <= mostPoints; point++ {
		simulated.Rewind()
		simulated.SetStrategy(newWalk(uint64(point)))
		m.asked.Store(0)
		m.over.Store(false)
		m.fails = point
		err := tr.runShort(m, v, c, a, words, uint64(point), seen)
		if err := seen.unlessKnown(tr, v, c, err); err != nil {
			return tr.failure(v, c, fmt.Sprintf("simulated, seed %d, call %d for pages fails", point, point), err)
		}
		if !m.struck() {
			break
		}
		seen.points++
	}
	return nil
}

// unlessKnown is err, or nil where the variant is known to break that sentence.
func (c *tally) unlessKnown(tr trial, v designs.Variant, config designs.Config, err error) error {
	if err != nil && c.excuses(v, tr.failure(v, config, "", err)) {
		return nil
	}
	return err
}

func (tr trial) runShort(m *shortMachine, v designs.Variant, c designs.Config, a designs.Allocator, words []atomic.Uint32, seed uint64, seen *tally) error {
	s := newScene(m, a, v, c, words, seed)
	_, s.simulated = m.Machine.(*sim.Machine)
	tr.stage(s)
	err := s.verdict(m.Run())
	s.seen.runs++
	seen.add(&s.seen)
	return err
}

// stageShortage: one caller uses all that the variant has, twice, while a call for pages fails somewhere. It is refused as the contract allows, or served
// from elsewhere; what it has been given it gives back, and the closing finds everything.
func stageShortage(s *scene) {
	c := s.caller("short of memory")
	s.task(nil, c.name, 0, func(t *kernel.Task) {
		for range 2 {
			for range min(s.config.Items, 8) + 1 {
				c.alloc(t, kernel.NoWait)
			}
			c.freeAll(t)
			if s.variant.Capabilities.MayWait {
				c.alloc(t, kernel.Kernel)
			}
			c.lendAll(t)
			c.freeAll(t)
		}
		s.Machine.(*shortMachine).over.Store(true) // the closing is to get all there is
		s.leave(t)
	})
}

// lendAll calls the one-method interfaces that the allocator has.
func (c *caller) lendAll(t *kernel.Task) {
	s := c.scene
	if b, ok := s.alloc.(designs.BulkAllocator); ok {
		c.bulk(t, b, kernel.NoWait, 3)
	}
	if r, ok := s.alloc.(designs.RangeAllocator); ok {
		c.between(t, r, 0, designs.Item(s.config.Items-1))
	}
	if entry, ok := s.alloc.(designs.NoLockAllocator); ok {
		c.allocNoLocks(t, entry)
	}
	if a, ok := s.alloc.(designs.Reserver); ok {
		n := min(s.rules.Guaranteed-len(c.held), mostPromised)
		if n > 0 && c.reserve(t, a, kernel.NoWait, n) == nil {
			c.draw(t, a)
			a.Cancel(t, n-1)
		}
	}
}
