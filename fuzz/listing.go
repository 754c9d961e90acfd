package fuzz

import (
	"fmt"
	"io"
	"strings"
)

// Print writes the run step by step, a column for each CPU.
func (p *Playback) Print(w io.Writer) error {
	l := &listing{w: w}
	l.header(p.Replay)
	for i := range p.Steps {
		l.step(&p.Steps[i])
	}
	if p.Failure != nil {
		l.printf("\n%v\n%d steps, hash %#016x\n", p.Failure, p.Taken, p.Hash)
	}
	return l.err
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

func (l *listing) header(r *Replay) {
	l.printf("%s\n", r.summary())
	for i, t := range r.Program.Tasks {
		l.printf("T%d on CPU %d:", i, t.CPU)
		for _, o := range t.Ops {
			l.printf(" %v", o)
		}
		l.printf("\n")
	}
	l.printf("\n%6s", "step")
	for c := range r.Program.CPUs {
		l.printf("  %-*s", columnWidth, fmt.Sprintf("CPU %d", c))
	}
	l.printf("\n")
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
	r.Program.Traits.write(&traits)
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
