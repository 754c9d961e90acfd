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
//	livelock         every run ends within the step limit
//	data races       accesses of plain words are ordered
//	misuse           no wait in atomic context, no unbalanced masking
package fuzz

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	"headroom/designs"
)

// Code says what an operation does.
type Code string

// The operations of a task. Those with an argument are written code:argument.
const (
	Try      Code = "try"      // allocate without waiting; nothing happens if nothing is free
	Wait     Code = "wait"     // allocate, waiting if need be
	Free     Code = "free"     // free the item held longest, if any is held
	FreeLast Code = "freelast" // free the item allocated last, if any is held
	Complete Code = "complete" // hand the item held longest to an interrupt on CPU argument, which frees it
	IRQTry   Code = "irqtry"   // raise an interrupt on CPU argument that allocates without waiting, and frees what it got
	Yield    Code = "yield"    // stop between operations
	Unplug   Code = "unplug"   // take CPU argument offline, and have the design told; nothing if it is the last
	Plug     Code = "plug"     // bring CPU argument back; nothing if it is online, or still going offline
)

// codes lists the operations and whether each takes a CPU number.
var codes = []struct {
	code Code
	cpu  bool
}{{Try, false}, {Wait, false}, {Free, false}, {FreeLast, false}, {Complete, true}, {IRQTry, true}, {Yield, false}, {Unplug, true}, {Plug, true}}

// Op is one operation of a task.
type Op struct {
	Code Code
	CPU  int // for the codes that take one
}

// String is the operation as programs are written.
func (o Op) String() string {
	if o.takesCPU() {
		return fmt.Sprintf("%s:%d", o.Code, o.CPU)
	}
	return string(o.Code)
}

func (o Op) takesCPU() bool {
	for _, c := range codes {
		if c.code == o.Code {
			return c.cpu
		}
	}
	return false
}

// parseOp reads an operation; cpus is the size of the machine.
func parseOp(s string, cpus int) (Op, error) {
	name, argument, has := strings.Cut(s, ":")
	for _, c := range codes {
		if string(c.code) != name {
			continue
		}
		if !c.cpu && !has {
			return Op{Code: c.code}, nil
		}
		if !c.cpu {
			return Op{}, fmt.Errorf("operation %q: want %s without a CPU", s, name)
		}
		n, err := strconv.Atoi(argument)
		if err != nil || n < 0 || n >= cpus {
			return Op{}, fmt.Errorf("operation %q: want %s with a CPU from 0 to %d", s, name, cpus-1)
		}
		return Op{Code: c.code, CPU: n}, nil
	}
	return Op{}, fmt.Errorf("unknown operation %q: the operations are %s", s, codeList())
}

func codeList() string {
	var names []string
	for _, c := range codes {
		if c.cpu {
			names = append(names, string(c.code)+":CPU")
		} else {
			names = append(names, string(c.code))
		}
	}
	return strings.Join(names, " ")
}

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
)

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
	for _, name := range p.knobs() {
		fmt.Fprintf(b, "knob %s %d\n", name, p.Config.Knobs[name])
	}
	p.Traits.write(b)
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
