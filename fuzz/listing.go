package fuzz

import (
	"errors"
	"fmt"
	"io"
	"path"
	"runtime"
	"strings"

	"headroom/designs/catalog"
	"headroom/fuzz/explore"
	"headroom/kernel/sim"
)

// Play runs a replay file's program under its schedule and prints the run step by step, a column for each CPU. It returns the failure that came
// again, or an error when the run took another way: the code has changed since, or the file has.
func (r *Replay) Play(w io.Writer) (*sim.Failure, error) {
	v, err := catalog.Find(r.Program.Design, r.Program.Variant)
	if err != nil {
		return nil, err
	}
	runner, err := newRunner(v, r.Program, runnerOptions{bare: r.Bare})
	if err != nil {
		return nil, err
	}
	defer runner.close()
	l := &listing{w: w, cpus: r.Program.CPUs, names: map[uintptr]string{}}
	l.header(r)
	replay := &explore.Replay{Segments: r.Schedule}
	followed := 0
	runner.machine.Observe(func(s sim.Step) {
		if replay.Diverged == "" {
			followed = s.Number
		}
		l.step(s)
	})
	err = runner.run(replay)
	steps, hash := runner.machine.Steps(), runner.machine.Hash()
	var f *sim.Failure
	if err != nil && !errors.As(err, &f) {
		return nil, err
	}
	if err := r.compare(replay, f, followed, hash); err != nil {
		return f, err
	}
	fmt.Fprintf(w, "\n%v\n%d steps, hash %#016x\n", f, steps, hash)
	return f, l.err
}

// compare checks that a repeated run, which followed the schedule for so many steps, is the recorded one.
func (r *Replay) compare(replay *explore.Replay, f *sim.Failure, followed int, hash uint64) error {
	const remedy = "the code, or the file, has changed since it was recorded; find the failure again with headroom explore"
	switch {
	case replay.Diverged != "":
		return fmt.Errorf("the run left the recorded schedule after step %d: %s: %s", followed, replay.Diverged, remedy)
	case f == nil:
		return fmt.Errorf("the run did not fail; recorded was %s: %s: %s", r.Class, r.Message, remedy)
	case f.Class != r.Class:
		return fmt.Errorf("the run failed otherwise (%v); recorded was %s: %s", f, r.Class, remedy)
	case hash != r.Hash || replay.Unused():
		return fmt.Errorf("the run fails as recorded, but by other steps (hash %#016x, recorded %#016x): %s", hash, r.Hash, remedy)
	}
	return nil
}

// listing prints steps as a table.
type listing struct {
	w     io.Writer
	cpus  int
	names map[uintptr]string // what the code at an address is called
	last  int
	err   error
}

// columnWidth holds an entity, an access, a place in the source and a word.
const columnWidth = 62

func (l *listing) header(r *Replay) {
	fmt.Fprintf(l.w, "%s, %d CPUs, %d items", r.variantOf(), r.Program.CPUs, r.Program.Config.Items)
	if room := r.Program.Config.Room; room > 0 {
		fmt.Fprintf(l.w, ", room %d", room)
	}
	for _, k := range r.Program.knobs() {
		fmt.Fprintf(l.w, ", %s %d", k, r.Program.Config.Knobs[k])
	}
	if r.Mutant != "" {
		fmt.Fprintf(l.w, ", mutant %s", r.Mutant)
	}
	var traits strings.Builder
	r.Program.Traits.write(&traits)
	for line := range strings.Lines(traits.String()) {
		fmt.Fprintf(l.w, ", %s", strings.TrimSpace(line))
	}
	fmt.Fprintln(l.w)
	for i, t := range r.Program.Tasks {
		fmt.Fprintf(l.w, "T%d on CPU %d:", i, t.CPU)
		for _, o := range t.Ops {
			fmt.Fprintf(l.w, " %v", o)
		}
		fmt.Fprintln(l.w)
	}
	fmt.Fprintf(l.w, "\n%6s", "step")
	for c := range l.cpus {
		fmt.Fprintf(l.w, "  %-*s", columnWidth, fmt.Sprintf("CPU %d", c))
	}
	fmt.Fprintln(l.w)
}

func (l *listing) step(s sim.Step) {
	text := fmt.Sprintf("%-4s %-10v %s", s.Name, s.Kind, s.Note)
	if s.Note == "" {
		text += l.place(s.PCs)
	}
	if s.Offset != 0 {
		text += fmt.Sprintf(" +%#x", s.Offset)
	}
	if len(text) > columnWidth {
		text = text[:columnWidth]
	}
	line := fmt.Sprintf("%6d%s  %s", s.Number, strings.Repeat(" ", s.CPU*(columnWidth+2)), text)
	if _, err := fmt.Fprintln(l.w, line); err != nil && l.err == nil {
		l.err = err
	}
}

// place names where in the design a step comes from: the first frame above the words, and below it the lock it belongs to.
func (l *listing) place(pcs []uintptr) string {
	frames := runtime.CallersFrames(pcs)
	inner := ""
	for {
		f, more := frames.Next()
		name := path.Base(f.Function)
		switch {
		case strings.HasPrefix(name, "atomic.") || strings.HasPrefix(name, "mem.") || strings.HasPrefix(name, "sim."):
		case strings.HasPrefix(name, "lock.") || strings.HasPrefix(name, "kernel."):
			inner = short(name) + " "
		default:
			return fmt.Sprintf("%s%s %s:%d", inner, short(name), path.Base(f.File), f.Line)
		}
		if !more {
			return inner
		}
	}
}

// short leaves the package and the decoration out of a function's name: percputags.(*Pool).take becomes Pool.take.
func short(name string) string {
	_, name, _ = strings.Cut(name, ".")
	return strings.NewReplacer("(*", "", ")", "").Replace(name)
}
