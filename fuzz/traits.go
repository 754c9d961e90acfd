package fuzz

import (
	"fmt"
	"strings"

	"headroom/designs"
	"headroom/internal/rng"
	"headroom/kernel/sim"
)

// Traits say what the machine of a program may do by itself, all of it chosen by the schedule. The zero value is a machine with sequentially
// consistent memory that does nothing by itself.
type Traits struct {
	Memory     sim.Memory // when stores are seen by other CPUs
	Nested     bool       // interrupts interrupt those of lower priority
	Faults     int        // backing allocations that may fail
	Migrations int        // times a task may change its CPU in mid-operation
	Hotplugs   int        // times a CPU may go offline, its tasks being moved, or come back
	Kills      int        // tasks that may be chosen as victims: they end with the operation they are in
}

// maxBudget bounds each of the budgets.
const maxBudget = 1000

// GenerateTraits draws what the machine of a program for a variant does. Each trait is off in about half of the draws, so that runs of every
// combination come up.
func GenerateTraits(s *rng.Stream, v designs.Variant, cpus int) Traits {
	return drawTraits(s.Below, v, cpus)
}

// drawTraits is GenerateTraits from any source of numbers: below gives one from 0 to n-1. All zeros are the zero value.
func drawTraits(below func(n int) int, v designs.Variant, cpus int) Traits {
	budget := func(possible bool) int {
		if n := below(6); possible && n > 2 {
			return n - 2
		}
		return 0
	}
	return Traits{
		Memory:     []sim.Memory{sim.SC, sim.SC, sim.TSO, sim.Weak}[below(4)],
		Nested:     below(2) == 1,
		Faults:     budget(true),
		Migrations: budget(cpus > 1),
		Hotplugs:   budget(cpus > 1 && v.Capabilities.PerCPU),
		Kills:      budget(true) / 2,
	}
}

// budgets lists the traits that are numbers, under the names of their lines.
func (r *Traits) budgets() []struct {
	key string
	n   *int
} {
	return []struct {
		key string
		n   *int
	}{{"faults", &r.Faults}, {"migrations", &r.Migrations}, {"hotplugs", &r.Hotplugs}, {"kills", &r.Kills}}
}

// Acts is how often the machine may act by itself: all budgets together.
func (r Traits) Acts() (n int) {
	for _, b := range r.budgets() {
		n += *b.n
	}
	return n
}

// Write prints the traits that are not zero, each as a line of a file.
func (r Traits) Write(b *strings.Builder) {
	if r.Memory != sim.SC {
		fmt.Fprintf(b, "memory %v\n", r.Memory)
	}
	if r.Nested {
		b.WriteString("nested true\n")
	}
	for _, t := range r.budgets() {
		if *t.n > 0 {
			fmt.Fprintf(b, "%s %d\n", t.key, *t.n)
		}
	}
}

// ParseLine reads a line of a file and reports whether it is one of the traits'. The error says what is wanted.
func (r *Traits) ParseLine(key, value string) (known bool, err error) {
	switch key {
	case "memory":
		r.Memory, err = sim.ParseMemory(value)
		return true, err
	case "nested":
		if r.Nested = value == "true"; !r.Nested {
			err = fmt.Errorf("nested %q: want true, or no such line", value)
		}
		return true, err
	}
	for _, t := range r.budgets() {
		if t.key == key {
			*t.n, err = number(key, value, maxBudget)
			return true, err
		}
	}
	return false, nil
}

// Reductions lists machines that do a little less by themselves, the simplest first.
func (r Traits) Reductions() (list []Traits) {
	for memory := range r.Memory {
		c := r
		c.Memory = memory
		list = append(list, c)
	}
	if r.Nested {
		c := r
		c.Nested = false
		list = append(list, c)
	}
	for i, b := range r.budgets() {
		for _, n := range []int{0, *b.n - 1} {
			if n >= 0 && n < *b.n {
				c := r
				*c.budgets()[i].n = n
				list = append(list, c)
			}
		}
	}
	return list
}

// On adds to a machine's options what it does by itself. Race checks are made under sc only, and entities of the machine's own take the room of tasks.
func (r Traits) On(o sim.Options) sim.Options {
	o.Memory, o.Nested, o.Races = r.Memory, r.Nested, o.Races && r.Memory == sim.SC
	o.Faults, o.Migrations, o.Hotplugs, o.Kills = r.Faults, r.Migrations, r.Hotplugs, r.Kills
	o.Entities = min(sim.MaxEntities-o.Agents(), o.Entities)
	return o
}

// fairSteps is how long everybody goes on in turn before a run without progress is a livelock: as long as it was given before.
const fairSteps = 20_000

// options are those of the simulated machine for a program of variant v.
func (p *Program) options(v designs.Variant, ro runnerOptions) sim.Options {
	entities := p.entities()
	if v.Capabilities.HoldsBack {
		entities += workerEntities
	}
	if v.Works != nil {
		entities += v.Works(p.Config)
	}
	return p.Traits.On(sim.Options{CPUs: p.CPUs, Races: !ro.bare, Hub: ro.hub, Fair: fairSteps, StepLimit: p.stepLimit(), Entities: entities})
}
