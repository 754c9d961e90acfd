package designtest

import (
	"headroom/designs"
	"headroom/designs/spec"
	"headroom/kernel"
)

// sequence is a series of random calls, one at a time, beside the model. A leg is a task that makes some calls and then starts the next leg on
// another CPU, so the calls are sequential although they come from everywhere.
type sequence struct {
	*caller
	model *spec.Model
	legs  int
	calls int // of one leg
	dead  int // the CPU that has gone offline, -1 for none
}

// stageWalk: a third of the way a CPU dies, and from then on the legs keep off it.
func stageWalk(s *scene) {
	q := &sequence{caller: s.caller("walk"), model: spec.New(s.variant, s.config, int(s.Memory().Bytes())), legs: 9, calls: 4 + 2*min(s.config.Items, 64), dead: -1}
	s.task(nil, "leg", 0, q.leg)
}

func (q *sequence) leg(t *kernel.Task) {
	s := q.scene
	for range q.calls {
		q.one(t)
	}
	q.legs--
	switch {
	case q.legs == 0:
		if f, ok := s.alloc.(designs.Flusher); ok {
			f.Flush(t)
		}
		q.observe(spec.Call{Op: spec.Check}, func() spec.Answer { return spec.Answer{Err: s.alloc.Check()} })
		q.freeAll(t)
	case q.legs == 6 && s.CPUs() > 1:
		q.unplug(t)
		return
	default:
		s.task(t, "leg", q.nextCPU(), q.leg)
	}
	s.leave(t)
}

// nextCPU draws a CPU that is online.
func (q *sequence) nextCPU() int {
	cpu := q.stream.Below(q.scene.CPUs())
	if cpu == q.dead {
		return 0
	}
	return cpu
}

// unplug takes a CPU offline that the leg is not on, and not 0; the hook makes the next leg.
func (q *sequence) unplug(t *kernel.Task) {
	s := q.scene
	q.dead = 1 + q.stream.Below(s.CPUs()-1)
	if q.dead == t.CPU() {
		q.dead = 1 + q.dead%(s.CPUs()-1)
	}
	s.offline(t, q.dead, func(t *kernel.Task, hook func()) {
		q.observe(spec.Call{Op: spec.CPUDead, CPU: q.dead}, func() spec.Answer { hook(); return spec.Answer{} })
		s.task(t, "leg", 0, q.leg)
	})
	s.leave(t)
}

// one makes one random call. The caller waits only where the model says that it must get an item.
func (q *sequence) one(t *kernel.Task) {
	n := q.stream.Below(16)
	switch {
	case n < 7 && len(q.held) > 0:
		it := q.pick()
		q.frees++
		q.observe(spec.Call{Op: spec.Free, Item: it}, func() spec.Answer { q.scene.ledger.give(it); q.scene.alloc.Free(t, it); return spec.Answer{} })
	case n < 11 && q.model.MustGive():
		q.take(t, kernel.Kernel)
	default:
		q.take(t, q.noWait())
	}
}

func (q *sequence) take(t *kernel.Task, gfp kernel.GFP) {
	if q.scene.variant.Capabilities.Unbounded && len(q.held) >= q.scene.rules.Guaranteed {
		return // it never ends by itself
	}
	answer := q.observe(spec.Call{Op: spec.Alloc, CPU: t.CPU(), MayWait: gfp.MayWait()}, func() spec.Answer {
		it, err := q.call(t, gfp)
		return spec.Answer{Item: it, Err: err}
	})
	if answer.Err != nil {
		q.refusals++
		return
	}
	q.scene.must(q.scene.ledger.take(answer.Item))
	q.held = append(q.held, answer.Item)
	q.allocs++
}

// observe makes a call, tells the model, and ends the run at a breach. A panic of the design is an answer too.
func (q *sequence) observe(call spec.Call, do func() spec.Answer) spec.Answer {
	answer := answered(do)
	q.scene.must(q.model.Observe(call, answer))
	return answer
}

func answered(do func() spec.Answer) (answer spec.Answer) {
	defer func() {
		if r := recover(); r != nil {
			if !byDesign(r) {
				panic(r)
			}
			answer.Panic = r
		}
	}()
	return do()
}

// stageDeath: a caller on CPU 1 takes every item and gives all back there, so that the CPU keeps what a CPU may keep. Then it dies, and the
// closing must find everything elsewhere.
func stageDeath(s *scene) {
	c := s.caller("dying")
	s.task(nil, c.name, 1, func(t *kernel.Task) {
		for len(c.held) < s.most() && c.alloc(t, kernel.NoWait) {
		}
		c.freeAll(t)
		s.task(t, "hotplug", 0, func(t *kernel.Task) {
			s.offline(t, 1, func(t *kernel.Task, hook func()) {
				defer s.blame(spec.C9, "CPUDead")
				hook()
			})
			s.leave(t)
		})
		s.leave(t)
	})
}

// offline unplugs a CPU. then runs as a task of another one; it is given the call of the design's hook, which does nothing when there is none.
func (s *scene) offline(t *kernel.Task, cpu int, then func(t *kernel.Task, hook func())) {
	s.present().Add(1)
	err := s.Unplug(t, cpu, func(t *kernel.Task) {
		s.seen.unplugs++
		then(t, func() {
			if d, ok := s.alloc.(designs.CPUDead); ok {
				d.CPUDead(t, cpu)
			}
		})
		s.leave(t)
	})
	s.must(err)
}
