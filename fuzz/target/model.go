package target

import (
	"errors"
	"fmt"

	"headroom/designs"
	"headroom/designs/spec"
	"headroom/fuzz"
	"headroom/fuzz/explore"
	"headroom/kernel"
	"headroom/kernel/machine"
	"headroom/kernel/sim"
)

// The size of a sequence: enough for lists to fill, spill and be stolen from.
const (
	modelCPUs  = 3
	modelItems = 12
	modelCalls = 400     // data beyond them is not read
	modelSteps = 1 << 20 // of all calls together; a call of a pool over a pool takes some hundreds
)

// FuzzModel makes a sequence of calls of one design, one at a time but from several CPUs, beside the sequential model (designs/spec), which judges each
// answer. The data is the design, its configuration, and a byte or two a call. At the end everything goes back, and a sole caller must get what the
// design guarantees.
func FuzzModel(data []byte) int {
	numbers := &fuzz.Numbers{Data: data}
	v := explored[numbers.Below(len(explored))]
	cpus := 1 + numbers.Below(modelCPUs)
	config := fuzz.DrawConfig(numbers.Below, v, modelItems)
	m, err := sim.New(sim.Options{CPUs: cpus, StepLimit: modelSteps})
	if err != nil {
		panic(err.Error())
	}
	defer m.Close()
	a, err := v.New(m, config)
	if err != nil {
		panic(fmt.Sprintf("%s refuses %+v: %v", v.FullName(), config, err))
	}
	s := &sequence{machine: m, allocator: a, variant: v, config: config, model: spec.New(v, config, int(m.Memory().Bytes())), numbers: numbers, dead: -1}
	m.Spawn(nil, machine.Spec{Name: "leg", Body: s.leg})
	m.OnStuck(s.stuck)
	m.SetStrategy(&explore.Bytes{})
	if err := m.Run(); err != nil {
		var f *sim.Failure
		if errors.As(err, &f) {
			panic(v.FullName() + ": " + f.Error())
		}
		panic(err.Error())
	}
	return 0
}

// sequence is calls of an allocator that follow each other. A leg is a task that makes some, and then starts the next leg on another CPU.
type sequence struct {
	machine   *sim.Machine
	allocator designs.Allocator
	variant   designs.Variant
	config    designs.Config
	model     *spec.Model
	numbers   *fuzz.Numbers
	held      []designs.Item
	calls     int
	dead      int        // the CPU that went offline, -1 for none
	asking    *spec.Call // the call that may be waiting, nil for none
}

// leg makes calls until one of them moves to another CPU, or the data ends.
func (s *sequence) leg(t *kernel.Task) {
	for len(s.numbers.Data) > 0 && s.calls < modelCalls {
		s.calls++
		switch s.numbers.Below(16) {
		case 0, 1, 2, 3:
			s.take(t, kernel.NoWait)
		case 4:
			s.take(t, kernel.Atomic)
		case 5, 6:
			if s.model.MustGive() {
				s.take(t, kernel.Kernel)
			}
		case 7, 8, 9, 10:
			s.give(t, s.numbers.Below(max(1, min(len(s.held), modelItems))))
		case 11, 12:
			if cpu := s.numbers.Below(s.machine.CPUs()); cpu != s.dead && cpu != t.CPU() {
				s.next(t, cpu)
				return
			}
		case 13:
			s.check(t)
		case 14:
			s.misuse(t)
		case 15:
			if cpu := s.machine.CPUs() - 1; cpu > 0 && s.dead < 0 && cpu != t.CPU() {
				s.unplug(t, cpu)
				return
			}
		}
	}
	s.end(t)
}

// next starts the next leg.
func (s *sequence) next(t *kernel.Task, cpu int) {
	s.machine.Spawn(t, machine.Spec{Name: "leg", CPU: cpu, Body: s.leg})
}

// take allocates an item, where the model can tell whether it may be had: a caller that may wait must not have to.
func (s *sequence) take(t *kernel.Task, gfp kernel.GFP) {
	if s.variant.Capabilities.Unbounded && len(s.held) >= s.model.Guaranteed {
		return // it never ends by itself
	}
	call := spec.Call{Op: spec.Alloc, CPU: t.CPU(), MayWait: gfp.MayWait()}
	s.asking = &call
	answer := s.observe(call, func() (answer spec.Answer) {
		answer.Item, answer.Err = s.allocator.Alloc(t, gfp)
		return answer
	})
	s.asking = nil
	if answer.Err == nil {
		s.held = append(s.held, answer.Item)
	}
}

// stuck is what the model says of a caller that sleeps for ever.
func (s *sequence) stuck() *sim.Failure {
	if s.asking == nil {
		return nil
	}
	err := s.model.Observe(*s.asking, spec.Answer{Waits: true})
	if err == nil {
		return nil
	}
	return &sim.Failure{Class: sim.Contract, Message: err.Error()}
}

// give frees the item at a place of those held.
func (s *sequence) give(t *kernel.Task, at int) {
	if at >= len(s.held) {
		return
	}
	it := s.held[at]
	s.held = append(s.held[:at], s.held[at+1:]...)
	s.observe(spec.Call{Op: spec.Free, Item: it}, func() spec.Answer { s.allocator.Free(t, it); return spec.Answer{} })
}

// misuse frees an item that cannot exist: a panic that comes before any change.
func (s *sequence) misuse(t *kernel.Task) {
	for _, it := range []designs.Item{^designs.Item(0), 1 << 32} {
		if s.model.Range(it) != nil {
			s.observe(spec.Call{Op: spec.Free, Item: it}, func() spec.Answer { s.allocator.Free(t, it); return spec.Answer{} })
		}
	}
	s.check(t)
}

// unplug takes a CPU offline that the caller is not on; the design's hook comes before the next leg.
func (s *sequence) unplug(t *kernel.Task, cpu int) {
	s.dead = cpu
	err := s.machine.Unplug(t, cpu, func(t *kernel.Task) {
		s.observe(spec.Call{Op: spec.CPUDead, CPU: cpu}, func() spec.Answer {
			if d, ok := s.allocator.(designs.CPUDead); ok {
				d.CPUDead(t, cpu)
			}
			return spec.Answer{}
		})
		s.next(t, 0)
	})
	if err != nil {
		s.machine.Fail(sim.Machinery, "%v", err)
	}
}

// check asks the allocator for its own view, when it is quiet.
func (s *sequence) check(t *kernel.Task) {
	if f, ok := s.allocator.(designs.Flusher); ok {
		f.Flush(t)
	}
	s.observe(spec.Call{Op: spec.Check}, func() spec.Answer { return spec.Answer{Err: s.allocator.Check()} })
}

// end gives everything back, and takes what is guaranteed.
func (s *sequence) end(t *kernel.Task) {
	for range 2 {
		for len(s.held) > 0 {
			s.give(t, len(s.held)-1)
		}
		s.check(t)
		for len(s.held) < s.model.Guaranteed {
			before := len(s.held)
			if s.take(t, kernel.NoWait); len(s.held) == before {
				break // the model has let it pass: whoever waits would get it
			}
		}
	}
}

// observe makes a call and tells the model, which ends the run at a breach of the contract. A panic of the design is an answer too.
func (s *sequence) observe(call spec.Call, do func() spec.Answer) spec.Answer {
	answer := answered(do)
	if err := s.model.Observe(call, answer); err != nil {
		s.machine.Fail(sim.Contract, "%v", err)
	}
	return answer
}

func answered(do func() spec.Answer) (answer spec.Answer) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case string, error: // what a design panics with; the machine ends tasks by other values
			answer.Panic = r
		default:
			panic(r)
		}
	}()
	return do()
}
