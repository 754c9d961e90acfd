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

// Parameters that mark a cell of the run's own control, or one that is taken apart, rather than one of a comparison.
const (
	ParamControl = "control" // one of the twins of the A/A check, or the planted-slower one
	ParamCall    = "call"    // how the design is called: CallInterface or CallDirect
	ParamLatency = "latency" // the cell times single operations, so that its mean contains the clock: EveryOperation or Sampled
)

// Values of ParamCall.
const (
	CallInterface = "interface" // through the Allocator interface, to price the call
	CallDirect    = "direct"    // a layer that calls what is below it without the indirection that it has in the kernel
)

// IsControl reports whether a cell with these parameters belongs to the run's control: it is reported with the ruler and
// stays out of rankings and pictures.
func IsControl(params []Pair) bool {
	return slices.ContainsFunc(params, func(p Pair) bool {
		return p.Key == ParamControl || p.Key == ParamCall && p.Value != CallDirect
	})
}

// IsAside reports whether the mean cost of a cell with these parameters is one of a comparison's building blocks only: a layer called
// directly, or a cell with a clock in the operation. Its figures stand where they are used and in no ranking.
func IsAside(params []Pair) bool {
	return Env(params).Get(ParamCall) == CallDirect || Env(params).Get(ParamLatency) != ""
}
