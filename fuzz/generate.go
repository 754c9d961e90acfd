package fuzz

import (
	"slices"

	"headroom/designs"
	"headroom/internal/rng"
)

// fewValues is the most values of a knob that is a choice, not a size: each is as likely.
const fewValues = 11

// Size bounds the programs that are generated.
type Size struct {
	CPUs  int // 1 to so many
	Items int // likewise
	Tasks int // likewise
	Ops   int // 2 to one more than so many for each task
}

// Ordinary is the size of programs for strategies that draw schedules; Tiny that of programs whose schedules can be tried one after another.
var (
	Ordinary = Size{CPUs: 3, Items: 6, Tasks: 4, Ops: 6}
	Tiny     = Size{CPUs: 2, Items: 3, Tasks: 3, Ops: 3}
)

// Generate draws a small program for a variant. Small numbers find more: bugs of concurrency need few CPUs, few items and short lists.
//
// No program asks for more than there is: the items held by tasks at their waits are together fewer than all, so some task can always get its
// item, and a run that gets stuck is the design's fault.
func (z Size) Generate(s *rng.Stream, v designs.Variant) Program {
	p := Program{Design: v.Design, Variant: v.Name, CPUs: 1 + s.Below(z.CPUs)}
	p.Config.Items = 1 + s.Below(z.Items)
	p.Config.Knobs = map[string]int{}
	high := 3
	for _, k := range v.Knobs { // in order: a later knob is at most the one before it, as batch is at most max
		if isChoice(k) {
			p.Config.Knobs[k.Name] = k.Low + s.Below(k.High-k.Low+1)
			continue
		}
		value := max(k.Low, min(k.High, 1+s.Below(high)))
		p.Config.Knobs[k.Name] = value
		high = value
	}
	if v.Capabilities.Over != "" {
		p.Config.Room = s.Below(2 * p.Config.Items) // half of them give the layer no more than it guarantees
	}
	tasks := 1 + s.Below(z.Tasks)
	spare := v.Guaranteed(p.Config) - 1 // items that may be held at waits, all tasks together
	for range tasks {
		t, used := z.task(s, v, p.CPUs, spare)
		spare -= used
		p.Tasks = append(p.Tasks, t)
	}
	return p
}

// task draws one task that holds at most spare items at any of its waits, and returns how many it may hold there.
func (z Size) task(s *rng.Stream, v designs.Variant, cpus, spare int) (t Task, used int) {
	t.CPU = s.Below(cpus)
	held := 0
	for range 2 + s.Below(z.Ops) {
		op := Op{CPU: s.Below(cpus)}
		switch s.Below(16) {
		case 0, 1, 2, 3, 4, 5:
			op.Code = Try
			if v.Capabilities.MayWait && held <= spare {
				op.Code = Wait
				used = max(used, held)
			}
			held++
		case 6, 7:
			op.Code = Try
			held++
		case 8, 9, 10:
			op.Code = Free
		case 11:
			op.Code = FreeLast
		case 12, 13:
			op.Code = Complete
		case 14:
			op.Code = IRQTry
		case 15:
			op.Code = Yield
			if v.Capabilities.PerCPU && cpus > 1 && s.Below(2) == 0 {
				op.Code = Unplug
			} else if at := slices.IndexFunc(t.Ops, func(o Op) bool { return o.Code == Unplug }); at >= 0 {
				op = Op{Code: Plug, CPU: t.Ops[at].CPU}
			}
		}
		if op.Code == Free || op.Code == FreeLast || op.Code == Complete {
			held = max(0, held-1)
		}
		if !op.takesCPU() {
			op.CPU = 0
		}
		t.Ops = append(t.Ops, op)
	}
	return t, used
}

func isChoice(k designs.Knob) bool { return k.High-k.Low < fewValues }
