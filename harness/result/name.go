package result

import (
	"slices"
	"strconv"
	"strings"
)

func itoa(n int) string { return strconv.Itoa(n) }

// benchmarkWord turns a workload's name into the word Go's benchmark format wants: tag-exhaust becomes TagExhaust.
func benchmarkWord(workload string) string {
	var b strings.Builder
	for _, part := range strings.Split(workload, "-") {
		if part == "" {
			continue
		}
		b.WriteString(strings.ToUpper(part[:1]))
		b.WriteString(part[1:])
	}
	return b.String()
}

// Parameters that mark a cell of the run's own control rather than of a comparison.
const (
	ParamControl = "control" // one of the twins of the A/A check, or the planted-slower one
	ParamCall    = "call"    // called through the Allocator interface, to price the call
)

// IsControl reports whether a cell with these parameters belongs to the run's control: it is reported with the ruler and
// stays out of rankings and pictures.
func IsControl(params []Pair) bool {
	return slices.ContainsFunc(params, func(p Pair) bool { return p.Key == ParamControl || p.Key == ParamCall })
}
