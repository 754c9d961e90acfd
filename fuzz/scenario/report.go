package scenario

import (
	"cmp"
	"fmt"
	"io"
	"strings"
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
	for _, r := range found.Failures {
		r.print(p)
		p.line("repeat: %s", repeat(r))
	}
	for _, r := range found.Reports {
		p.line("")
		p.text(r.Text)
	}
	if len(found.Reports) > 0 {
		p.line("repeat: %s --executions %d", again, found.Latest)
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

// print writes one failure.
func (r *Replay) print(p *printer) {
	p.line("")
	p.line("%s: %s", strings.ToUpper(string(r.Class)), r.Message)
	for _, line := range r.Situation {
		p.line("  %s", line)
	}
	p.line("The schedule in short, with %d preemptions; steps, who, and in which operation:", r.Preemptions)
	for _, s := range r.Short {
		p.line("  %6d  %-10s %s", s.Steps, s.Name, s.Op)
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

// Print writes a run that was made again: the end, the schedule in short, and what the lock checker says of this run alone.
func (played *Played) Print(w io.Writer) error {
	p := &printer{w: w}
	p.line("%s: %s", played.Replay.File.Name, cmp.Or(played.Replay.File.Title, "no title"))
	if played.Again != nil {
		played.Again.print(p)
		p.line("%d steps, hash %#016x", played.Again.Steps, played.Again.Hash)
	}
	if played.Text != "" {
		p.line("")
		p.text(played.Text)
	}
	return p.err
}
