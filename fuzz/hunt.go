package fuzz

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"headroom/designs"
	"headroom/fuzz/explore"
	"headroom/internal/rng"
	"headroom/kernel/reach"
	"headroom/kernel/sim"
)

// ErrUnrepeatable: a failing run was repeated and took another way. That is a finding about the design, or the simulator, in itself.
var ErrUnrepeatable = errors.New("the run depends on something besides its input")

// Hunt looks for a failure of one variant in generated programs under random schedules.
type Hunt struct {
	Variant    designs.Variant
	Seed       uint64
	Bare       bool                 // leave out the race checks, for speed
	Stop       func() bool          // asked between executions; once true, always true
	Executions int                  // end after so many; 0 for no limit
	Each       func(executions int) // told now and then how far the hunt is; may be nil
	// Programs, when not empty, are run instead of generated ones. They are programs of Variant.
	Programs []Program
	Traits   Traits // what the machine of generated programs does by itself
	Vary     bool   // draw that for each program instead

	hub bool // see runnerOptions
}

// Found is what a hunt ends with.
type Found struct {
	Executions int
	Programs   int
	Steps      int64
	Failure    *Replay        // nil when nothing was found
	Reached    map[string]int // hits of the variant's "sometimes" points, by name
	Missed     []string       // the points never reached
}

// schedulesPerProgram is how many schedules a program gets before the next is drawn. Most seeded bugs need a handful; construction is cheap.
const schedulesPerProgram = 128

// Run hunts until Stop says so or a failure is found. The error is for what could not be run at all.
func (h *Hunt) Run() (*Found, error) {
	found := &Found{Reached: map[string]int{}}
	stream := rng.New(h.Seed)
	hits := make([]uint32, len(reach.All()))
	defer func() { h.report(found, hits) }()
	for !h.over(found) {
		program := h.nextProgram(&stream, found.Programs)
		found.Programs++
		r, err := newRunner(h.Variant, program, runnerOptions{bare: h.Bare, hub: h.hub})
		if err != nil {
			return found, err
		}
		failed, err := h.schedules(r, &stream, found)
		for i, n := range r.machine.Reached() {
			hits[i] += n
		}
		r.close()
		if failed || err != nil {
			return found, err
		}
	}
	return found, nil
}

// over reports whether the budget is used up.
func (h *Hunt) over(found *Found) bool {
	return h.Executions > 0 && found.Executions >= h.Executions || h.Stop()
}

func (h *Hunt) nextProgram(stream *rng.Stream, n int) Program {
	if len(h.Programs) > 0 {
		return h.Programs[n%len(h.Programs)]
	}
	p := Generate(stream, h.Variant)
	p.Traits = h.Traits
	if h.Vary {
		p.Traits = GenerateTraits(stream, h.Variant, p.CPUs)
	}
	return p
}

// schedules runs one program under many schedules and reports whether one failed.
func (h *Hunt) schedules(r *runner, stream *rng.Stream, found *Found) (failed bool, err error) {
	var walk explore.Random
	for range schedulesPerProgram {
		if h.over(found) {
			return false, nil
		}
		seed := stream.Uint64()
		walk.Seed(seed)
		err := r.run(&walk)
		found.Executions++
		found.Steps += int64(r.steps)
		if h.Each != nil && found.Executions%1024 == 0 {
			h.Each(found.Executions)
		}
		var f *sim.Failure
		switch {
		case err == nil:
			continue
		case !errors.As(err, &f):
			return false, err
		}
		found.Failure, err = r.capture(seed, f)
		return true, err
	}
	return false, nil
}

// capture runs a failing schedule once more, to record it and to see that it fails again in the same way.
func (r *runner) capture(seed uint64, first *sim.Failure) (*Replay, error) {
	steps, hash := r.machine.Steps(), r.machine.Hash()
	var walk explore.Random
	walk.Seed(seed)
	record := &explore.Record{From: &walk}
	err := r.run(record)
	var again *sim.Failure
	if !errors.As(err, &again) || *again != *first || r.machine.Hash() != hash {
		return nil, fmt.Errorf("%w: seed %d of this program failed once (%v, hash %#016x), and otherwise when repeated (%v, hash %#016x)\n%s",
			ErrUnrepeatable, seed, first, hash, err, r.machine.Hash(), r.program.String())
	}
	return &Replay{Program: r.program, Mutant: activeMutant(), Strategy: "random", Seed: seed, Bare: r.bare, Class: first.Class, Message: oneLine(first.Message),
		Steps: steps, Hash: hash, Schedule: record.Segments}, nil
}

// oneLine takes the line breaks out of a message: in a replay file it is one line.
func oneLine(s string) string { return strings.NewReplacer("\n", " ", "\r", " ").Replace(s) }

// report turns the hits into names; only the slow paths that the variant names count.
func (h *Hunt) report(found *Found, hits []uint32) {
	v := &h.Variant
	for i, p := range reach.All() {
		if p.Host != cmp.Or(v.SlowHost, "designs/"+v.Design) || v.SlowPaths != nil && !slices.Contains(v.SlowPaths, p.Name) {
			continue
		}
		found.Reached[p.Name] = int(hits[i])
		if hits[i] == 0 {
			found.Missed = append(found.Missed, p.Name)
		}
	}
}
