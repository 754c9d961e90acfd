package trace

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
)

// parser collects the events of one file, line by line.
type parser struct {
	name          string
	limit         int    // events that pair, at most
	line          int    // number of the line in hand, from 1
	hint          Format // what a header line says, until the first event decides
	format        Format
	contextColumn int // of the flags: which character is hardirq/softirq

	events    []event         // those that pair
	total     int             // events of any name
	perName   [operations]int // events by operation, for the error that nothing pairs
	lost      int
	fruitless int // lines before the first event that are neither blank nor comments
	counter   int // first line with a time of a counter clock, 0 for none

	badLines, firstBad int
	backwards          int
	firstNs, lastNs    int64 // earliest and latest time
	previousNs         int64
	cpus               int
	seen               [maxCPU + 1]bool
}

// take reads one line. It fails only where reading on is useless.
func (p *parser) take(line []byte) error {
	line = bytes.TrimRight(line, " \t\r\n")
	text := bytes.TrimLeft(line, " \t")
	if len(text) == 0 {
		return nil
	}
	pre, result := splitEvent(line)
	if result == isEvent {
		taken, err := p.accept(&pre)
		if taken || err != nil {
			return err
		}
	}
	if text[0] == '#' {
		p.comment(text)
		return nil
	}
	if result == isCounter && p.counter == 0 {
		p.counter = p.line
	}
	switch n, isLoss := lostEvents(text); {
	case isLoss:
		p.lose(n)
	case bytes.HasPrefix(text, []byte("cpus=")):
		p.hint = TraceCmd
	case !isNotice(line, text):
		p.malformed()
	}
	if p.format == undecided {
		if p.fruitless++; p.fruitless == searchLines {
			return p.notTrace(fmt.Sprintf("its first %d lines", p.line))
		}
	}
	return nil
}

// accept takes in the event, or reports false if it is malformed: cut short, or not of the format of the events before it.
func (p *parser) accept(pre *prefix) (bool, error) {
	e, ok := decode(pre.name, pre.args)
	if !ok {
		return false, nil
	}
	if p.format == undecided {
		p.format = p.decide(pre)
	}
	if pre.perf != (p.format == Perf) {
		return false, nil
	}
	p.note(pre.atNs, pre.cpu)
	p.perName[e.op]++
	if e.op == other {
		return true, nil
	}
	if len(p.events) == p.limit {
		return false, fmt.Errorf("%s:%d: %w: more than %d events that pair; read a part of it, or record for a shorter time", p.name, p.line, ErrTooLarge, p.limit)
	}
	e.atNs, e.cpu = pre.atNs, pre.cpu
	e.context = contextOf(pre.flags, p.contextColumn)
	p.events = append(p.events, e)
	return true, nil
}

// decide tells the format from the first event: perf by the event's name; else by the header; without one, by the flags,
// which ftrace prints unless told otherwise.
func (p *parser) decide(pre *prefix) Format {
	switch {
	case pre.perf:
		return Perf
	case p.hint != undecided:
		return p.hint
	case pre.flags != nil:
		return Ftrace
	}
	return TraceCmd
}

// note keeps what every event tells: its time and its CPU.
func (p *parser) note(atNs int64, cpu uint16) {
	if p.total == 0 {
		p.firstNs, p.lastNs, p.previousNs = atNs, atNs, atNs
	}
	p.total++
	if atNs < p.previousNs {
		p.backwards++
	}
	p.previousNs = atNs
	p.firstNs, p.lastNs = min(p.firstNs, atNs), max(p.lastNs, atNs)
	if !p.seen[cpu] {
		p.seen[cpu] = true
		p.cpus++
	}
}

// lose adds to the lost events, saturating: the number is text of the file and may be anything.
func (p *parser) lose(n int) { p.lost += min(n, math.MaxInt-p.lost) }

// malformed counts the line in hand as one that makes no sense.
func (p *parser) malformed() {
	if p.badLines == 0 {
		p.firstBad = p.line
	}
	p.badLines++
}

// notTrace is the error of a file without events, of which where has been read.
func (p *parser) notTrace(where string) error {
	if p.counter > 0 {
		return fmt.Errorf("%s:%d: %w: its times count ticks, not seconds; echo mono > trace_clock and record again", p.name, p.counter, ErrNotTrace)
	}
	return fmt.Errorf("%s:1: %w: no ftrace, trace-cmd or perf script event in %s; %s", p.name, ErrNotTrace, where, recordOne)
}

// recording pairs what was read.
func (p *parser) recording() (*Recording, error) {
	if p.format == undecided {
		where := fmt.Sprintf("its %d lines", p.line)
		if p.line == 0 {
			where = "an empty file"
		}
		return nil, p.notTrace(where)
	}
	if p.backwards > 0 {
		// trace-cmd and perf can print one CPU's buffer after another's. Stable: equal times keep the order of the file.
		slices.SortStableFunc(p.events, func(a, b event) int {
			switch {
			case a.atNs < b.atNs:
				return -1
			case a.atNs > b.atNs:
				return 1
			}
			return 0
		})
	}
	r := &Recording{
		Name: p.name, Format: p.format, Events: p.total, Lost: p.lost,
		Malformed: p.badLines, MalformedLine: p.firstBad, Backwards: p.backwards,
		CPUs: p.cpus, SpanNs: p.lastNs - p.firstNs,
	}
	pair(r, p.events, p.firstNs)
	if len(r.Lifetimes) == 0 {
		return nil, p.noLifetimes()
	}
	return r, nil
}

// noLifetimes is the error of a trace in which nothing pairs.
func (p *parser) noLifetimes() error {
	var found []string
	for op, n := range p.perName {
		if n > 0 && operation(op) != other {
			found = append(found, fmt.Sprintf("%s %d times", operation(op), n))
		}
	}
	if len(found) == 0 {
		found = []string{"none of these"}
	}
	return fmt.Errorf("%s:%d: %w in %d events: needs block_rq_issue with block_rq_complete, or mm_page_alloc with mm_page_free, of one request or page; found %s",
		p.name, p.line, ErrNoLifetimes, p.total, strings.Join(found, ", "))
}
