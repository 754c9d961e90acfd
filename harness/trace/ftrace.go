package trace

import (
	"bytes"
	"math"
)

// defaultContextColumn is the place of the hardirq/softirq character in the flags of mainline kernels and of trace-cmd.
// Kernels with real-time patches have a column more before it; their header says so.
const defaultContextColumn = 2

// comment reads a line that begins with '#': the headers of ftrace, and those of perf, which say nothing of use.
func (p *parser) comment(text []byte) {
	if bytes.HasPrefix(text, []byte("# tracer:")) {
		p.hint = Ftrace
	}
	if counts, ok := bytes.CutPrefix(text, []byte("# entries-in-buffer/entries-written:")); ok {
		p.hint = Ftrace
		p.overwritten(skipSpaces(counts))
	}
	// The flags' legend has one such line a column, the first "_-----=> irqs-off" and each with a bar more before it:
	//
	//	#                              | / _---=> hardirq/softirq
	if arrow := bytes.Index(text, []byte("=> hardirq/softirq")); arrow >= 0 {
		bars := bytes.Count(text[:arrow], []byte("|")) + bytes.Count(text[:arrow], []byte("/"))
		p.contextColumn = bars
	}
}

// overwritten reads "A/B", the events in the buffer and the events written to it: B-A were overwritten. A file may hold
// fewer than A lines when it was cut, which the header cannot tell.
func (p *parser) overwritten(counts []byte) {
	inBuffer, rest, ok := takeUint(counts, math.MaxInt)
	if !ok || !bytes.HasPrefix(rest, []byte("/")) {
		return
	}
	written, _, ok := takeUint(rest[1:], math.MaxInt)
	if ok && written > inBuffer {
		p.lose(int(written - inBuffer))
	}
}

// lostEvents reads a line that says how many events the recorder lost:
//
//	CPU:1 [LOST 1234 EVENTS]                              ftrace, trace-cmd
//	CPU:1 [123 EVENTS DROPPED]                            trace-cmd
//	LOST 12 events, Check IO/CPU overload!                perf
//	dd 42 [001] 7.000001: PERF_RECORD_LOST lost 12        perf script --show-lost-events
//
// Without a number it counts as one.
func lostEvents(text []byte) (n int, ok bool) {
	switch {
	case bytes.HasPrefix(text, []byte("CPU:")):
		bracket := bytes.IndexByte(text, '[')
		if bracket < 0 || !bytes.Contains(text, []byte("EVENTS")) {
			return 0, false
		}
		text = text[bracket:]
		if !bytes.Contains(text, []byte("LOST")) && !bytes.Contains(text, []byte("DROPPED")) {
			return 0, false
		}
	case bytes.HasPrefix(text, []byte("LOST ")) && bytes.Contains(text, []byte(" events")):
	case bytes.Contains(text, []byte(": PERF_RECORD_LOST")):
		lost := bytes.LastIndex(text, []byte(" lost "))
		if lost < 0 {
			return 0, false
		}
		text = text[lost:]
	default:
		return 0, false
	}
	digits := bytes.IndexFunc(text, func(r rune) bool { return r >= '0' && r <= '9' })
	if digits < 0 {
		return 1, true
	}
	count, _, ok := takeUint(text[digits:], math.MaxInt)
	if !ok {
		return math.MaxInt, true
	}
	return int(count), true
}

// contextOf reads the context from the flags column.
func contextOf(flags []byte, column int) Context {
	if column >= len(flags) {
		return Unknown
	}
	switch flags[column] {
	case '.':
		return Process
	case 's':
		return SoftIRQ
	case 'h', 'H': // H is a hardirq that interrupted a softirq
		return HardIRQ
	case 'z', 'Z': // Z is an NMI that interrupted a hardirq
		return NMI
	}
	return Unknown
}
