package main

import (
	"fmt"
	"os"
	"sort"
	"strings"

	"headroom/fuzz"
	"headroom/fuzz/shrink"
)

// outcome is what headroom explore --json prints.
type outcome struct {
	Design     string          `json:"design"`
	Mutant     string          `json:"mutant"`
	Strategy   string          `json:"strategy"`
	Seed       uint64          `json:"seed"`
	Executions int             `json:"executions"`
	Programs   int             `json:"programs"`
	Steps      int64           `json:"steps"`
	Seconds    float64         `json:"seconds"`
	Reached    map[string]int  `json:"reached"`
	Missed     []string        `json:"missed"`
	Search     *searchOutcome  `json:"search,omitempty"`
	Class      string          `json:"class,omitempty"`
	Message    string          `json:"message,omitempty"`
	Shrunk     *shrunkOutcome  `json:"shrunk,omitempty"`
	Replay     string          `json:"replay,omitempty"`
	Locks      []lockOutcome   `json:"locks,omitempty"`
	Known      []*knownOutcome `json:"known,omitempty"`
	Finished   bool            `json:"finished"` // false when interrupted
}

// lockOutcome is a report of the lock checker.
type lockOutcome struct {
	Rule    string `json:"rule"`
	Summary string `json:"summary"`
	Text    string `json:"text"`
	Replay  string `json:"replay,omitempty"`
	Repeat  string `json:"repeat,omitempty"` // the command that finds it again
}

// searchOutcome says how far a depth-first search came.
type searchOutcome struct {
	Bound     int  `json:"bound"`     // most preemptions; -1 for any number
	Exhausted bool `json:"exhausted"` // every execution of every program within the bound was made
	Programs  int  `json:"programs"`  // of which all were made
	Whole     int  `json:"whole"`     // those of them that have no executions beyond the bound
	Reached   int  `json:"reached"`   // the bound up to which all executions were made of the program that was broken off; -1 for none
	Pruned    int  `json:"pruned"`    // executions given up, since they only order steps without a conflict otherwise
	TookOver  int  `json:"tookOver"`  // executions without progress that went on in turn in the end, which makes their programs not exhausted
	Plain     int  `json:"plain"`     // programs of which none was given up so: what their machines' own steps touch is not known
}

// shrunkOutcome says how small a failure became.
type shrunkOutcome struct {
	Executions int           `json:"executions"`
	Finished   bool          `json:"finished"` // nothing more can go
	Minimal    bool          `json:"minimal"`  // no execution of the program with fewer preemptions fails so
	Before     shrink.Extent `json:"before"`
	After      shrink.Extent `json:"after"`
}

// search adds how far a depth-first search came; s is nil for other strategies.
func (r *outcome) search(s *fuzz.Search, bound int) {
	if s != nil {
		r.Search = &searchOutcome{Bound: max(bound, -1), Exhausted: s.Exhausted == r.Programs && r.Programs > 0, Programs: s.Exhausted, Whole: s.Whole,
			Reached: s.Bound, Pruned: s.Pruned, Plain: s.Plain, TookOver: s.TookOver}
	}
}

func (r *outcome) tell(asJSON, failed bool) error {
	if asJSON {
		if err := printJSON(os.Stdout, r); err != nil {
			return err
		}
	} else {
		r.print()
	}
	switch {
	case failed:
		return status(exitFound)
	case !r.Finished:
		return status(exitInterrupted)
	}
	return nil
}

func (r *outcome) print() {
	fmt.Printf("%s: %s, %d executions of %d programs, %d steps, %.1f s (%.0f executions/s), seed %d\n",
		r.Design, r.Strategy, r.Executions, r.Programs, r.Steps, r.Seconds, float64(r.Executions)/r.Seconds, r.Seed)
	var names []string
	for name := range r.Reached {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Printf("  reached %-14s %d times\n", name, r.Reached[name])
	}
	if len(r.Missed) > 0 {
		fmt.Printf("  never reached: %s: of these paths this run shows nothing\n", strings.Join(r.Missed, ", "))
	}
	if r.Search != nil {
		r.Search.print(r.Programs, r.Class != "" || len(r.Known) > 0)
	}
	for _, k := range r.Known {
		k.print(r.Design)
	}
	for _, l := range r.Locks {
		fmt.Printf("FAILURE lockdep: %s: %s\n%srepeat: %s\n", l.Rule, l.Summary, l.Text, l.Repeat)
		if l.Replay != "" {
			fmt.Printf("written to %s; step by step, or drawn:\n  bin/headroom replay %s\n  bin/headroom replay %s --svg build/run.svg\n", l.Replay, l.Replay, l.Replay)
		}
	}
	if r.Class == "" {
		switch {
		case len(r.Locks) > 0:
		case len(r.Known) > 0:
			fmt.Println("no other failure found")
		default:
			fmt.Println("no failure found")
		}
		return
	}
	fmt.Printf("FAILURE %s: %s\n", r.Class, r.Message)
	if r.Shrunk != nil {
		r.Shrunk.print()
	}
	tellReplay(r.Replay)
}

// tellReplay names a replay file, and the commands that show it.
func tellReplay(path string) {
	fmt.Printf("written to %s; step by step, or drawn:\n  bin/headroom replay %s\n  bin/headroom replay %s --svg build/run.svg\n", path, path, path)
}

func (s *searchOutcome) print(programs int, failed bool) {
	within := fmt.Sprintf("with at most %d preemptions", s.Bound)
	if s.Bound < 0 {
		within = "there is"
	}
	switch {
	case s.Exhausted && s.Bound < 0:
		fmt.Printf("exhausted: every execution of all %d programs was made", programs)
	case s.Exhausted:
		fmt.Printf("exhausted at bound %d: every execution %s of all %d programs was made, of %d of them every one there is", s.Bound, within, programs, s.Whole)
	case failed:
		fmt.Printf("not exhausted: the search ended at the failure, after %d programs of which every execution %s was made", s.Programs, within)
	case s.TookOver > 0:
		fmt.Printf("not exhausted: %d executions got nowhere for so long that everybody went on in turn, which was not tried in every way; every execution %s was made of %d programs of %d",
			s.TookOver, within, s.Programs, programs)
	default:
		fmt.Printf("not exhausted: the budget ended first; every execution %s was made of %d programs of %d", within, s.Programs, programs)
		if s.Reached >= 0 {
			fmt.Printf(", and of the last one those with at most %d", s.Reached)
		}
	}
	fmt.Printf("; %d were broken off where only other orders of steps without a conflict were left\n", s.Pruned)
	if s.Plain > 0 {
		fmt.Printf("  plain search of %d programs: their machines act by themselves (store buffers, migration, hot-plug, kills), so no order was left out\n", s.Plain)
	}
}

func (s *shrunkOutcome) print() {
	shrunk := shrink.Shrunk{Executions: s.Executions, Finished: s.Finished, Before: s.Before, After: s.After}
	sum, rest := shrunk.Describe(s.Minimal)
	fmt.Printf("%s\n  %s\n", sum, rest)
}
