// Package harness takes the measurements of a run: one fresh process a sample, cells interleaved in random order, so that whatever the machine
// does meanwhile falls on all of them alike.
//
// The program starts itself again for each sample (Sample reads the description from its input and prints what it measured). A process of its
// own means fresh memory, a fresh heap and no history; the differences between processes, which a loop inside one would hide, become part of
// the interval.
//
// Invariants:
//
//	I1  a sample that was not completed is not kept; what was completed before an interruption is
//	I2  the samples kept of a cell are of one distance class, and cells of one CPU count are compared in one class only
package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"

	"headroom/designs/catalog"
	"headroom/harness/result"
	"headroom/harness/trace"
	"headroom/harness/workload"
	"headroom/kernel/machine"
)

// Taken is what the process of one sample prints.
type Taken struct {
	Sample   result.Sample `json:"sample"`
	Realtime string        `json:"realtime"` // why real-time priority was refused, "" when it was had
	Skipped  int           `json:"skipped"`  // trace: lifetimes of an order no design here serves
	Allocs   int64         `json:"allocs"`   // heap objects the process allocated during the measured interval
}

// Sample is the life of a sample's process: read a workload.Spec from in, run it, print a Taken to out.
func Sample(in io.Reader, out io.Writer) error {
	var spec workload.Spec
	if err := json.NewDecoder(in).Decode(&spec); err != nil {
		return fmt.Errorf("sample: the description on standard input: %w", err)
	}
	v, err := catalog.Find(spec.Design, spec.Variant)
	if err != nil {
		return err
	}
	cpus, err := chosen(spec)
	if err != nil {
		return err
	}
	var recording *trace.Recording
	if spec.Workload == workload.Trace {
		if recording, err = openKind(spec.File, spec.Kind); err != nil {
			return err
		}
		recording = recording.Scaled(spec.CPUs)
	}
	distances, err := machine.ReadDistances("/sys", machine.Topology{CPUs: cpus}.Nodes())
	if err != nil {
		return err
	}
	m, err := machine.NewNative(machine.Options{CPUs: cpus, MemoryBytes: memoryBytes(spec, recording), Tasks: spec.MachineTasks() + 16, Distances: distances})
	if err != nil {
		return err
	}
	defer m.Close()
	debug.SetGCPercent(-1) // no collection inside; the process ends soon
	var ids []int
	for _, c := range cpus {
		ids = append(ids, c.ID)
	}
	o, err := workload.Run(m, ids, v, spec, recording)
	if err != nil {
		return err
	}
	taken := Taken{Sample: o.Sample, Skipped: o.Skipped, Allocs: o.Allocs}
	if o.Realtime != nil {
		taken.Realtime = o.Realtime.Error()
	}
	return json.NewEncoder(out).Encode(taken)
}

// memoryBytes is room on each node for the items and what lies below them, and as much again for what keeps them. What is not used is not touched.
func memoryBytes(s workload.Spec, recording *trace.Recording) int {
	const floor, page, descriptor, slot, area = 64 << 20, 4096, 128, 8, 256 // area: what an item has on each CPU, where that is the design's way
	depth, slots := 0, s.OwnBytes()
	if recording != nil {
		depth, slots = recording.Summary().MaxDepth, slots+len(recording.Lifetimes)*slot
	}
	items := s.Items(depth) * (max(page, area*s.CPUs) + descriptor)
	return floor + s.Allocators()*max(s.Room*(page+descriptor), items) + slots
}

// openKind reads a recording and picks the lifetimes of one kind.
func openKind(file, kind string) (*trace.Recording, error) {
	all, err := trace.Open(file)
	if err != nil {
		return nil, err
	}
	for _, r := range all.Split() {
		if r.Lifetimes[0].Kind.String() == kind {
			return r, nil
		}
	}
	return nil, fmt.Errorf("%s: no %s lifetimes in it", file, kind)
}

// Processors picks the first n processors this process may use, by the standard placement.
func Processors(n int) ([]machine.CPU, error) {
	t, err := topology()
	if err != nil {
		return nil, err
	}
	if n < 1 || n > len(t.CPUs) {
		return nil, fmt.Errorf("%d CPUs wanted: this process may use %d; ask for fewer, or widen the affinity mask (taskset)", n, len(t.CPUs))
	}
	order, err := Place(t, SMTLast)
	if err != nil {
		return nil, err
	}
	return order[:n], nil
}

// topology describes the processors this process may use.
func topology() (machine.Topology, error) {
	ids, err := machine.Allowed()
	if err != nil {
		return machine.Topology{}, err
	}
	return machine.ReadTopology("/sys", ids)
}

// chosen is the processors a spec names, or as many as it wants.
func chosen(s workload.Spec) ([]machine.CPU, error) {
	if len(s.Processors) == 0 {
		return Processors(s.CPUs)
	}
	t, err := topology()
	if err != nil {
		return nil, err
	}
	var cpus []machine.CPU
	for _, id := range s.Processors {
		at := slices.IndexFunc(t.CPUs, func(c machine.CPU) bool { return c.ID == id })
		if at < 0 {
			return nil, fmt.Errorf("this process may not use processor %d any more: did it go offline, or the affinity mask change?", id)
		}
		cpus = append(cpus, t.CPUs[at])
	}
	return cpus, nil
}

// Reporter is told how far a run is.
type Reporter interface {
	Start(samples int)
	Step(cell string)
	Warn(text string) // one line
	Done()
}

// Runner takes the samples of a plan.
type Runner struct {
	Program  string // the program to start for a sample; it is given the word "sample"
	Seed     uint64 // order of the cells
	Progress Reporter
}

// Run takes a plan's samples. When ctx ends, the run ends with what is complete, marked as interrupted. A cell one of whose samples fails is given up,
// with a warning: what was taken of it before is set aside (see Failed), and the run goes on. The error is for a run in which samples failed and none
// was completed: it is the first cell's, and names it.
func (r *Runner) Run(ctx context.Context, plan Plan) (*result.Run, error) {
	s := newSampling(r, plan)
	s.take(ctx)
	if err := s.firstFailure(); err != nil && !s.taken() {
		return nil, err
	}
	return s.finish(ctx.Err() != nil), nil
}

// AllProcessors lists the processors this process may use, in the order of the standard placement.
func AllProcessors() ([]machine.CPU, error) {
	t, err := topology()
	if err != nil {
		return nil, err
	}
	return Place(t, SMTLast)
}

// KnownDesign is nil for the name of a design, or design:variant, in the catalog; otherwise it lists what there is.
func KnownDesign(name string) error {
	design, variant, named := strings.Cut(name, ":")
	if !named {
		_, err := catalog.Default(design)
		return err
	}
	_, err := catalog.Find(design, variant)
	return err
}

// FirstVariants lists the first variant of every design, by full name, in the catalog's order.
func FirstVariants() (names []string) {
	seen := map[string]bool{}
	for _, v := range catalog.All() {
		if !seen[v.Design] {
			seen[v.Design] = true
			names = append(names, v.FullName())
		}
	}
	return names
}
