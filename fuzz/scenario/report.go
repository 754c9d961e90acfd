package scenario

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"headroom/kernel/sim"
)

// Print writes what a search found. repeat gives the command that makes a failing run again; again the one that makes the whole search again.
func (found *Found) Print(w io.Writer, strategy string, seed uint64, repeat func(*Replay) string, again string) error {
	p := &printer{w: w}
	f := found.File
	p.line("%s: %s", f.Name, cmp.Or(f.Title, "no title"))
	p.line("%s, seed %d: %d executions, %d steps; %d pairs of lock classes nested", strategy, seed, found.Executions, found.Steps, found.Edges)
	if found.Exhausted {
		p.line("exhausted: every execution within the bound was made")
	}
	if len(found.Reached) > 0 {
		p.line("reached: %s", strings.Join(found.Reached, " "))
	}
	for i, r := range found.Failures {
		r.print(p, &sim.Failure{Class: r.Class, Message: r.Message})
		p.line("repeat: %s", repeat(r))
		if i < len(found.Small) {
			found.Small[i].print(p, repeat)
		}
	}
	for i, r := range found.Reports {
		p.line("")
		p.text(r.Text)
		found.Chains[i].printChain(p)
		p.line("repeat: %s", repeat(found.Chains[i]))
	}
	if len(found.Reports) > 0 {
		p.line("search again: %s --executions %d", again, found.Latest)
	}
	if len(found.Failures)+len(found.Reports) == 0 {
		p.line("no failure found, and nothing to say about locks")
	}
	p.line("")
	expect := cmp.Or(join(f.Expect), "nothing")
	if found.Met() {
		p.line("expected %s: met", expect)
		return p.err
	}
	for _, why := range found.Unmet {
		p.line("expected %s: NOT met: %s", expect, why)
	}
	return p.err
}

// print writes what was left when a failing run was made small, if that is less than before.
func (s *Small) print(p *printer, repeat func(*Replay) string) {
	sum, rest := s.Shrunk.Describe(s.Replay.Minimal)
	p.line("")
	p.line("%s; %s", sum, rest)
	if s.Shrunk.After == s.Shrunk.Before {
		return
	}
	r := s.Replay
	p.line("What is left, as %s:", r.File.Name)
	for line := range strings.Lines(r.File.Source) {
		p.text("  " + line)
	}
	r.print(p, &sim.Failure{Class: r.Class, Message: r.Message})
	p.line("repeat: %s", repeat(r))
}

// print writes one failing execution.
func (e *Execution) print(p *printer, f *sim.Failure) {
	p.line("")
	p.line("%s: %s", strings.ToUpper(string(f.Class)), oneLine(f.Message))
	for _, line := range e.Situation {
		p.line("  %s", line)
	}
	e.printShort(p, "The schedule in short")
}

// printShort writes who did which operation in turn.
func (e *Execution) printShort(p *printer, what string) {
	p.line("%s, with %d preemptions; steps, who, and in which operation:", what, e.Preemptions)
	for _, s := range e.Short {
		p.line("  %6d  %-10s %s", s.Steps, s.Name, s.Op)
	}
}

// printChain writes the schedules in short of the executions that show a report.
func (r *Replay) printChain(p *printer) {
	list := r.executions()
	for i, e := range list {
		e.printShort(p, fmt.Sprintf("Seen in execution %d of %d", i+1, len(list)))
	}
}

// printer keeps the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) { p.text(fmt.Sprintf(format+"\n", args...)) }

func (p *printer) text(s string) {
	if _, err := io.WriteString(p.w, s); err != nil && p.err == nil {
		p.err = err
	}
}
