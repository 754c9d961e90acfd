// Package fuzz turns allocator use into data: programs that can be generated, run on the simulated machine beside checks, kept in a file and
// run again.
//
// A program is a machine size, a design with its configuration, and a few tasks, each a list of operations. Whatever program and whatever
// schedule, the checks hold for a correct design:
//
//	uniqueness       no item is handed out twice, or out of range
//	conservation     at quiescence Check finds no fault, and a sole caller gets as many items as the design guarantees
//	waiting          no task sleeps while an item it may take is free
//	deadlock         somebody can always go on
//	livelock         somebody gets on within so many steps, once everybody goes on in turn
//	data races       accesses of plain words are ordered
//	misuse           no wait in atomic context, no unbalanced masking
//	contract         nobody waits, or asks for a lock, where that is promised
//	linearizability  an order of the calls is allowed, item by item; looked at now and then
//	lockdep          locks are taken in an order, and in contexts, that cannot deadlock
package fuzz

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"headroom/designs"
	"headroom/designs/catalog"
	"headroom/fuzz/scenario/clients"
)

// Task is one task of a program: where it starts and what it does. At its end it frees what it still holds.
type Task struct {
	CPU int
	Ops []Op
}

// Program is what is run.
type Program struct {
	Design  string
	Variant string
	CPUs    int
	Config  designs.Config
	Traits  Traits
	Tasks   []Task
}

// The limits of a program: what the simulated machine has room for, tasks and interrupts together.
const (
	maxCPUs  = 16
	maxTasks = 24
	maxOps   = 400
	maxItems = 4096
	maxBytes = 4096 // of an item
)

// Find is the variant that a program runs on: of the catalog, or one of the clients. The error lists what there is.
func (p *Program) Find() (designs.Variant, error) {
	if v, ok := clients.Find(p.Design, p.Variant); ok {
		return v, nil
	}
	for _, v := range catalog.Beside() {
		if v.Design == p.Design && v.Name == p.Variant {
			return v, nil
		}
	}
	return catalog.Find(p.Design, p.Variant)
}

// Guaranteed is how many items of an allocator of variant v there are for the program throughout: those of its configuration, or of the smallest size
// that it is changed to meanwhile; of none there is one.
func (p *Program) Guaranteed(v designs.Variant) int {
	c := p.Config
	for _, t := range p.Tasks {
		for _, o := range t.Ops {
			if o.Code == Resize {
				c.Items = min(c.Items, max(1, o.N))
			}
		}
	}
	return v.Guaranteed(c)
}

// Has reports whether an operation of the program has that code.
func (p *Program) Has(code Code) bool {
	return slices.ContainsFunc(p.Tasks, func(t Task) bool {
		return slices.ContainsFunc(t.Ops, func(o Op) bool { return o.Code == code })
	})
}

// knobs lists the configuration's knobs by name.
func (p *Program) knobs() []string {
	names := make([]string, 0, len(p.Config.Knobs))
	for name := range p.Config.Knobs {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// write prints the program as lines of a file.
func (p *Program) write(b *strings.Builder) {
	fmt.Fprintf(b, "design %s\n", p.Design)
	if p.Variant != "" {
		fmt.Fprintf(b, "variant %s\n", p.Variant)
	}
	fmt.Fprintf(b, "cpus %d\nitems %d\n", p.CPUs, p.Config.Items)
	if p.Config.Room > 0 {
		fmt.Fprintf(b, "room %d\n", p.Config.Room)
	}
	if p.Config.Bytes > 0 {
		fmt.Fprintf(b, "bytes %d\n", p.Config.Bytes)
	}
	for _, name := range p.knobs() {
		fmt.Fprintf(b, "knob %s %d\n", name, p.Config.Knobs[name])
	}
	p.Traits.Write(b)
	for _, t := range p.Tasks {
		fmt.Fprintf(b, "task %d", t.CPU)
		for _, o := range t.Ops {
			fmt.Fprintf(b, " %v", o)
		}
		b.WriteByte('\n')
	}
}

// String is the program as lines of a file.
func (p *Program) String() string {
	var b strings.Builder
	p.write(&b)
	return b.String()
}

// check refuses what the machine has no room for.
func (p *Program) check() error {
	ops := 0
	for _, t := range p.Tasks {
		ops += len(t.Ops)
		if t.CPU < 0 || t.CPU >= p.CPUs {
			return fmt.Errorf("a task starts on CPU %d of a machine of %d", t.CPU, p.CPUs)
		}
	}
	switch {
	case p.Design == "":
		return fmt.Errorf("no design named: give a line such as: design percpu_tags")
	case p.CPUs < 1 || p.CPUs > maxCPUs:
		return fmt.Errorf("%d CPUs: give 1 to %d", p.CPUs, maxCPUs)
	case p.Config.Items < 1 || p.Config.Items > maxItems:
		return fmt.Errorf("%d items: give 1 to %d", p.Config.Items, maxItems)
	case len(p.Tasks) < 1 || len(p.Tasks) > maxTasks:
		return fmt.Errorf("%d tasks: give 1 to %d", len(p.Tasks), maxTasks)
	case ops > maxOps:
		return fmt.Errorf("%d operations: give at most %d", ops, maxOps)
	}
	return nil
}
