package main

import (
	"context"
	"fmt"

	"headroom/designs"
	"headroom/fuzz"
	"headroom/fuzz/families"
	"headroom/internal/rng"
)

// knownOutcome is a fault that a variant is known for, since its original has it.
type knownOutcome struct {
	Class   string         `json:"class"`
	Message string         `json:"message"` // of the first run that showed it, made small
	Why     string         `json:"why"`
	Times   int            `json:"times"` // runs that showed it
	Shrunk  *shrunkOutcome `json:"shrunk,omitempty"`
	Replay  string         `json:"replay"`
}

// beyond hunts, and past failures that the variant is known for it hunts on with other seeds, until the budget is used up or something else fails. The first
// known failure of each class is kept. made is told how many executions there were before the hunt that runs. A depth-first search ends with the first
// failure of any kind: from its start it would come to the same again.
func (o *exploreOptions) beyond(ctx context.Context, v designs.Variant, hunt *fuzz.Hunt, made *int) (total *fuzz.Found, known []*knownOutcome, err error) {
	total = &fuzz.Found{}
	for {
		found, err := hunt.Run()
		if err != nil {
			return nil, nil, err
		}
		total.Add(found)
		if found.Failure == nil || o.mutant != "" {
			return total, known, nil
		}
		fault := families.Known(found.Failure)
		if fault == nil {
			return total, known, nil
		}
		if known, err = o.meet(ctx, v, known, fault, total); err != nil {
			return nil, nil, err
		}
		total.Failure = nil
		if found.Search != nil || !o.left(hunt, total) {
			return total, known, nil
		}
		hunt.Seed, *made = rng.Mix(hunt.Seed), total.Executions
	}
}

// meet counts a known failure, and keeps the first of its class.
func (o *exploreOptions) meet(ctx context.Context, v designs.Variant, known []*knownOutcome, fault *families.Fault, total *fuzz.Found) ([]*knownOutcome, error) {
	for _, k := range known {
		if k.Class == string(total.Failure.Class) {
			k.Times++
			return known, nil
		}
	}
	one := &outcome{Executions: total.Executions}
	if err := o.finding(ctx, v, total.Failure, one); err != nil {
		return nil, err
	}
	return append(known, &knownOutcome{Class: one.Class, Message: one.Message, Why: fault.Why, Times: 1, Shrunk: one.Shrunk, Replay: one.Replay}), nil
}

// left gives a hunt what is left of the budget, and reports whether anything is.
func (o *exploreOptions) left(hunt *fuzz.Hunt, total *fuzz.Found) bool {
	if o.executions > 0 {
		hunt.Executions = o.executions - total.Executions
	}
	if o.programs > 0 {
		hunt.MaxPrograms = o.programs - total.Programs
	}
	return !hunt.Stop() && (o.executions == 0 || hunt.Executions > 0) && (o.programs == 0 || hunt.MaxPrograms > 0)
}

func (k *knownOutcome) print(variant string) {
	fmt.Printf("KNOWN FAULT %s of %s, met %d times: %s\n  why: %s\n", k.Class, variant, k.Times, k.Message, k.Why)
	if k.Shrunk != nil {
		k.Shrunk.print()
	}
	tellReplay(k.Replay)
}
