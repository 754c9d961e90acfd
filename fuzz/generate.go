package fuzz

import (
	"slices"

	"headroom/designs"
	"headroom/internal/rng"
)

// fewValues is the most values of a knob that is a choice, not a size: each is as likely.
const fewValues = 11

// Generate draws a small program for a variant. Small numbers find more: bugs of concurrency need few CPUs, few items and short lists.
//
// No program asks for more than there is: the items held by tasks at their waits are together fewer than all, so some task can always get its
// item, and a run that gets stuck is the design's fault.
func Generate(s *rng.Stream, v designs.Variant) Program {
	p := Program{Design: v.Design, Variant: v.Name, CPUs: 1 + s.Below(3)}
	p.Config.Items = 1 + s.Below(6)
	p.Config.Knobs = map[string]int{}
	high := 3
	for _, k := range v.Knobs { // in order: a later knob is at most the one before it, as batch is at most max
		if choice(k) {
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
	tasks := 1 + s.Below(4)
	spare := v.Guaranteed(p.Config) - 1 // items that may be held at waits, all tasks together
	for range tasks {
		t, used := generateTask(s, v, p.CPUs, spare)
		spare -= used
		p.Tasks = append(p.Tasks, t)
	}
	return p
}

// generateTask draws one task that holds at most spare items at any of its waits, and returns how many it may hold there.
func generateTask(s *rng.Stream, v designs.Variant, cpus, spare int) (t Task, used int) {
	t.CPU = s.Below(cpus)
	held := 0
	for range 2 + s.Below(6) {
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

func choice(k designs.Knob) bool { return k.High-k.Low < fewValues }
