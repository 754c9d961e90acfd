package fuzz

import (
	"fmt"
	"io"
	"strings"
)

// Print writes the run step by step, a column for each CPU.
func (t *Trace) Print(w io.Writer) error {
	l := &listing{w: w}
	l.header(t)
	for i := range t.Steps {
		if head := t.executionAt(i); head != "" {
			l.printf("%s\n", head)
		}
		l.step(&t.Steps[i])
	}
	if t.Ending != "" {
		l.printf("\n%s\n%d steps, hash %#016x\n", t.Ending, t.Taken, t.Hash)
	}
	return l.err
}

// Print writes the run step by step, and behind it what the lock checker says of it, where that is what it was kept for.
func (p *Playback) Print(w io.Writer) error {
	err := p.Trace.Print(w)
	for _, r := range p.Reports {
		if _, failed := io.WriteString(w, "\n"+r.Text); err == nil {
			err = failed
		}
	}
	return err
}

// listing prints steps as a table.
type listing struct {
	w   io.Writer
	err error
}

func (l *listing) printf(format string, args ...any) {
	if _, err := fmt.Fprintf(l.w, format, args...); err != nil && l.err == nil {
		l.err = err
	}
}

// columnWidth holds an entity, an access, a place in the source and a word.
const columnWidth = 62

func (l *listing) header(t *Trace) {
	l.printf("%s\n", t.Title)
	for _, task := range t.Tasks {
		l.printf("%s\n", strings.TrimRight(fmt.Sprintf("%s on CPU %d: %s", task.Name, task.CPU, task.Ops), " "))
	}
	l.printf("\n%6s", "step")
	for c := range t.CPUs {
		l.printf("  %-*s", columnWidth, fmt.Sprintf("CPU %d", c))
	}
	l.printf("\n")
}

// trace is the head of the run's listing and drawing.
func (r *Replay) trace() Trace {
	t := Trace{Title: r.summary(), Class: string(r.Class), CPUs: r.Program.CPUs}
	for i, task := range r.Program.Tasks {
		var words []string
		for _, o := range task.Ops {
			words = append(words, o.String())
		}
		t.Tasks = append(t.Tasks, TracedTask{Name: fmt.Sprintf("T%d", i), CPU: task.CPU, Ops: strings.Join(words, " ")})
	}
	return t
}

// summary names the design, its configuration and the mistake that was switched on.
func (r *Replay) summary() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d CPUs, %d items", r.variantOf(), r.Program.CPUs, r.Program.Config.Items)
	if room := r.Program.Config.Room; room > 0 {
		fmt.Fprintf(&b, ", room %d", room)
	}
	for _, k := range r.Program.knobs() {
		fmt.Fprintf(&b, ", %s %d", k, r.Program.Config.Knobs[k])
	}
	if r.Mutant != "" {
		fmt.Fprintf(&b, ", mutant %s", r.Mutant)
	}
	var traits strings.Builder
	r.Program.Traits.Write(&traits)
	for line := range strings.Lines(traits.String()) {
		b.WriteString(", " + strings.TrimSpace(line))
	}
	return b.String()
}

func (l *listing) step(s *PlayedStep) {
	text := fmt.Sprintf("%-4s %-10v %s", s.Name, s.Kind, s.whereabouts())
	if s.Offset != 0 {
		text += fmt.Sprintf(" +%#x", s.Offset)
	}
	if len(text) > columnWidth {
		text = text[:columnWidth]
	}
	l.printf("%6d%s  %s\n", s.Number, strings.Repeat(" ", s.CPU*(columnWidth+2)), text)
}
