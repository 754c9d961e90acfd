package fuzz

import (
	"errors"
	"fmt"

	"headroom/designs"
	"headroom/fuzz/explore"
	"headroom/kernel/sim"
)

// Input is a program with the data that decides its schedules, both read from a fuzzer's bytes.
type Input struct {
	Variant  designs.Variant
	Program  Program
	Schedule []byte // see explore.Bytes
}

// ReadInput reads any data as an input; there is none that it refuses. The first byte picks one of variants, of which there must be at least one and
// at most 256; the next give the numbers that Size.Generate and GenerateTraits draw, a byte each, 0 where the data ends; what is left decides the
// schedules. So a byte changed in the front changes the program, and one behind a schedule of the same program.
func ReadInput(data []byte, variants []designs.Variant) *Input {
	numbers := Numbers{Data: data}
	in := &Input{Variant: variants[numbers.Below(len(variants))]}
	in.Program = Ordinary.draw(numbers.Below, in.Variant)
	in.Program.Traits = drawTraits(numbers.Below, in.Variant, in.Program.CPUs)
	in.Schedule = numbers.Data
	return in
}

// Numbers gives out a fuzzer's bytes as small numbers. Data is what is left.
type Numbers struct{ Data []byte }

// Below takes a byte and makes it a number from 0 to n-1, n being 1 to 256. It is 0 at the end of the data; and for n of 1, which takes no byte.
func (s *Numbers) Below(n int) int {
	if n == 1 || len(s.Data) == 0 {
		return 0
	}
	b := int(s.Data[0])
	s.Data = s.Data[1:]
	return b % n
}

// ErrLocks: the executions together break a rule of locking, though none of them came to harm.
var ErrLocks = errors.New("the locks")

// bytesStrategy is what a replay calls the strategy of a fuzzer's data.
const bytesStrategy = "bytes"

// Run runs the program under so many schedules: the one of the data as it is, then such as differ from it in a byte. It returns the first run that
// fails, nil if none does. The error is for what could not be run: ErrUnrepeatable,
// or sim.ErrNoSimulator in a native build; and ErrLocks for what the lock checker found in all runs together (package lockdep).
func (in *Input) Run(schedules int) (*Replay, error) {
	r, err := newRunner(in.Variant, in.Program, runnerOptions{lockdep: true, linear: linearEvery})
	if err != nil {
		return nil, fmt.Errorf("the program\n%scannot be made: %w", in.Program.String(), err)
	}
	defer r.close()
	strategy, next := &explore.Bytes{Data: in.Schedule}, uint64(0)
	begin := func() bool {
		if next == uint64(schedules) {
			return false
		}
		strategy.Begin(next, 0)
		next++
		r.prepare(strategy)
		return true
	}
	if !begin() {
		return nil, nil
	}
	r.onward = begin
	err = r.perform()
	var f *sim.Failure
	switch {
	case err == nil && len(r.reports()) > 0:
		report := r.reports()[0]
		return nil, fmt.Errorf("%w of %s: %s: %s", ErrLocks, in.Variant.FullName(), report.Rule, report.Summary)
	case !errors.As(err, &f):
		return nil, err
	}
	failure, err := r.capture(strategy, f)
	if err != nil {
		return nil, err
	}
	failure.Strategy, failure.Seed = bytesStrategy, next-1
	return failure, nil
}
