package trace

import "bytes"

// isNotice reports whether a line that is no event is nonetheless one that a recorder prints: a stack frame under an
// event, a record of perf's own, or a remark. line keeps the indent that text lacks.
func isNotice(line, text []byte) bool {
	switch {
	case bytes.HasPrefix(text, []byte("=>")): // a frame of ftrace's stack, here and in trace-cmd
		return true
	case bytes.HasPrefix(text, []byte("CPU")) && bytes.Contains(text, []byte("is empty")): // trace-cmd
		return true
	case bytes.Contains(text, []byte(": PERF_RECORD_")): // perf script --show-task-events and its like
		return true
	}
	return line[0] == '\t' && isFrame(text)
}

// isFrame recognizes a frame of perf's call chains, which begins with a tab: address, symbol, (object).
func isFrame(text []byte) bool {
	text = skipSpaces(text)
	_, rest, ok := takeNumber(text, 16, ^uint64(0))
	return ok && len(rest) > 0 && rest[0] == ' ' && bytes.HasSuffix(rest, []byte(")"))
}
