package fuzz

import (
	"maps"
	"slices"

	"headroom/designs"
)

// reduction is a program with a part less, and what becomes of the entities of its schedules.
type reduction struct {
	program Program
	gone    int // the task that is not there any more, -1 if all are
}

// reductions lists the programs with one part less, the largest parts first.
func reductions(p Program, v designs.Variant) (list []reduction) {
	for i := range p.Tasks {
		if len(p.Tasks) > 1 {
			c := p.clone()
			c.Tasks = slices.Delete(c.Tasks, i, i+1)
			list = append(list, reduction{c, i})
		}
	}
	if p.CPUs > 1 {
		list = append(list, reduction{p.withoutCPU(), -1})
	}
	for _, t := range p.Traits.Reductions() {
		c := p.clone()
		c.Traits = t
		list = append(list, reduction{c, -1})
	}
	for i := range p.Tasks {
		for k := len(p.Tasks[i].Ops) - 1; k >= 0; k-- {
			c := p.clone()
			c.Tasks[i].Ops = slices.Delete(c.Tasks[i].Ops, k, k+1)
			list = append(list, reduction{c, -1})
		}
	}
	lower := func(change func(c *Program)) {
		c := p.clone()
		change(&c)
		list = append(list, reduction{c, -1})
	}
	if p.Config.Items > 1 {
		lower(func(c *Program) { c.Config.Items-- })
	}
	if p.Config.Items > 1 { // what is large together may have to become small together
		lower(func(c *Program) {
			c.Config.Items--
			for _, k := range v.Knobs {
				if value := c.Config.Knobs[k.Name]; value > max(k.Low, c.Config.Items) && !isChoice(k) {
					c.Config.Knobs[k.Name] = max(k.Low, c.Config.Items)
				}
			}
		})
		lower(func(c *Program) {
			c.Config.Items--
			for _, k := range v.Knobs {
				if value := c.Config.Knobs[k.Name]; value > k.Low && !isChoice(k) {
					c.Config.Knobs[k.Name]--
				}
			}
		})
	}
	if p.Config.Room > 0 {
		lower(func(c *Program) { c.Config.Room-- })
	}
	for _, k := range v.Knobs {
		if value, ok := p.Config.Knobs[k.Name]; ok && value > k.Low && !isChoice(k) {
			lower(func(c *Program) { c.Config.Knobs[k.Name]-- })
		}
	}
	return list
}

func (p *Program) clone() Program {
	c := *p
	c.Config.Knobs = maps.Clone(p.Config.Knobs)
	c.Tasks = slices.Clone(p.Tasks)
	for i := range c.Tasks {
		c.Tasks[i].Ops = slices.Clone(c.Tasks[i].Ops)
	}
	return c
}

// withoutCPU moves what the last CPU has to do to the one before.
func (p *Program) withoutCPU() Program {
	c := p.clone()
	c.CPUs--
	for i := range c.Tasks {
		t := &c.Tasks[i]
		t.CPU = min(t.CPU, c.CPUs-1)
		for k := range t.Ops {
			t.Ops[k].CPU = min(t.Ops[k].CPU, c.CPUs-1)
		}
	}
	return c
}

// ops is the number of operations of all tasks.
func (p *Program) ops() (n int) {
	for _, t := range p.Tasks {
		n += len(t.Ops)
	}
	return n
}

// servesItsWaits reports whether the items that tasks hold while they wait are together fewer than the guaranteed ones, as Generate has it: then a run
// that gets stuck is the design's fault, not the program's.
func (p *Program) servesItsWaits(v designs.Variant) bool {
	spare, several := p.Guaranteed(v)-1, 0
	for _, t := range p.Tasks {
		most, held := 0, 0
		for _, o := range t.Ops {
			switch o.Code {
			case Try, Urgent, Entitled, NoLocks:
				held++
			case Wait:
				most = max(most, held)
				held++
			case Bulk:
				most, several = max(most, held), max(several, o.N-1) // so many beside the first must be there for it to be served
				held += o.N
			case All:
				held = maxItems // what a layer stands on may have more than is guaranteed
			case Free, FreeLast, Complete:
				held = max(0, held-1)
			case FreeAll:
				held = 0
			}
		}
		spare -= most
	}
	return spare >= several
}
