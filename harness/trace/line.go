package trace

import (
	"bytes"
	"math"
)

const (
	maxCPU     = 4095                            // a larger number is not a CPU's
	minFlags   = 3                               // the hardirq/softirq column, and those before it
	maxFlags   = 8                               // real-time kernels have 7
	tgidWidth  = 16                              // "(   1234)" with room; bounds the search in a hostile line
	maxSeconds = math.MaxInt64/1_000_000_000 - 1 // so that seconds and their fraction fit in ns
)

// prefix is what stands before an event's arguments, and the arguments.
type prefix struct {
	cpu   uint16
	perf  bool   // the name was printed as subsystem:event
	flags []byte // nil if the line has none
	atNs  int64
	name  []byte // without subsystem; nil for a function tracer's line
	args  []byte
}

// verdict is what a line looks like.
type verdict uint8

const (
	notEvent  verdict = iota
	isEvent           // all of prefix is there
	isCounter         // an event but for its time, which is a plain integer
)

// splitEvent finds the prefix in a line. A command name may hold anything, also brackets, so every "[digits]" is tried
// until flags or a time follow it.
func splitEvent(line []byte) (prefix, verdict) {
	result := notEvent
	for start := 0; ; {
		bracket := bytes.IndexByte(line[start:], '[')
		if bracket < 0 {
			return prefix{}, result
		}
		task := line[:start+bracket]
		start += bracket + 1
		var pre prefix
		rest, form := pre.takeStamp(line[start:])
		if form == notEvent || !pre.takeName(rest) || !pre.followsTask(task) {
			continue
		}
		if form == isEvent {
			return pre, isEvent
		}
		result = form
	}
}

// takeStamp reads "cpu] flags time:".
func (pre *prefix) takeStamp(text []byte) (rest []byte, form verdict) {
	cpu, rest, ok := takeUint(text, maxCPU)
	if !ok || !bytes.HasPrefix(rest, []byte("] ")) {
		return nil, notEvent
	}
	pre.cpu = uint16(cpu)
	stamp := skipSpaces(rest[1:])
	pre.atNs, rest, form = takeTime(stamp)
	if n := flagsLength(stamp); form == notEvent && n > 0 {
		pre.flags = stamp[:n]
		pre.atNs, rest, form = takeTime(skipSpaces(stamp[n:]))
	}
	return rest, form
}

// flagsLength is the length of the flags column text begins with, 0 if it begins with none. Flags are letters, digits and
// points, not digits alone. A time can look like that too, so it is tried first.
func flagsLength(text []byte) int {
	marks := 0
	for i, c := range text[:min(len(text), maxFlags+1)] {
		switch {
		case c == ' ' && i >= minFlags && marks > 0:
			return i
		case c == '.' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			marks++
		case !isDigit(c):
			return 0
		}
	}
	return 0
}

// takeTime reads seconds, a point and 6 or 9 decimals; perf may leave out the colon after them.
func takeTime(text []byte) (atNs int64, rest []byte, form verdict) {
	seconds, rest, ok := takeUint(text, math.MaxUint64)
	if !ok || len(rest) == 0 {
		return 0, nil, notEvent
	}
	if rest[0] == ':' {
		return 0, rest[1:], isCounter
	}
	if rest[0] != '.' || seconds > maxSeconds {
		return 0, nil, notEvent
	}
	decimals := rest[1:]
	fraction, rest, ok := takeUint(decimals, math.MaxUint64)
	if !ok {
		return 0, nil, notEvent
	}
	switch len(decimals) - len(rest) {
	case 6:
		fraction *= 1000
	case 9:
	default:
		return 0, nil, notEvent
	}
	if len(rest) > 0 && rest[0] == ':' {
		rest = rest[1:]
	}
	return int64(seconds)*1_000_000_000 + int64(fraction), rest, isEvent
}

// takeName reads the event's name and leaves the arguments. Two of ftrace's lines have no name: the function tracer's
// "callee <-caller", and "<stack trace>" above the frames of one.
func (pre *prefix) takeName(text []byte) bool {
	if len(text) == 0 || text[0] != ' ' {
		return false
	}
	text = skipSpaces(text)
	name, args := text, []byte(nil)
	if space := bytes.IndexByte(text, ' '); space >= 0 {
		name, args = text[:space], skipSpaces(text[space:])
	}
	if !bytes.HasSuffix(name, []byte(":")) {
		return bytes.HasPrefix(args, []byte("<-")) || bytes.HasSuffix(text, []byte("stack trace>"))
	}
	name = name[:len(name)-1]
	if colon := bytes.LastIndexByte(name, ':'); colon >= 0 {
		pre.perf = true
		name = name[colon+1:]
	}
	pre.name, pre.args = name, args
	return len(name) > 0
}

// followsTask reports whether task, the text before the CPU, ends as the format wants: ftrace and trace-cmd in "-pid" and
// perhaps a tgid in parentheses; perf in whatever its fields were asked to be.
func (pre *prefix) followsTask(task []byte) bool {
	task = bytes.TrimRight(task, " \t")
	if pre.perf {
		return len(task) > 0
	}
	if bytes.HasSuffix(task, []byte(")")) {
		start := max(0, len(task)-tgidWidth)
		open := bytes.LastIndexByte(task[start:], '(')
		if open < 0 {
			return false
		}
		task = bytes.TrimRight(task[:start+open], " ")
	}
	digits := 0
	for digits < len(task) && isDigit(task[len(task)-1-digits]) {
		digits++
	}
	return digits > 0 && bytes.HasSuffix(task[:len(task)-digits], []byte("-"))
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func skipSpaces(text []byte) []byte { return bytes.TrimLeft(text, " ") }

// takeUint reads the decimal number text begins with. It fails on no digit and on a number above limit.
func takeUint(text []byte, limit uint64) (value uint64, rest []byte, ok bool) {
	return takeNumber(text, 10, limit)
}

// takeNumber is takeUint in base 10 or 16.
func takeNumber(text []byte, base, limit uint64) (value uint64, rest []byte, ok bool) {
	i := 0
	for ; i < len(text); i++ {
		digit := uint64(digitOf(text[i]))
		if digit >= base {
			break
		}
		if value > (limit-digit)/base {
			return 0, nil, false
		}
		value = value*base + digit
	}
	return value, text[i:], i > 0
}

// digitOf is the value of a hexadecimal digit, 16 for any other character.
func digitOf(c byte) byte {
	switch {
	case isDigit(c):
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 16
}
