package report

import (
	"strings"

	"headroom/harness/workload"
)

// describe says in two sentences what a workload stands for and what one operation of it is.
func describe(name string) (stands, operation string) {
	d, err := workload.Find(name)
	if err != nil { // the run of another headroom
		return "This headroom does not know the workload.", "One operation is one alloc and its free."
	}
	return "It stands for " + sentence(d.StandsFor), "One operation is " + sentence(d.Operation)
}

// sentence ends a phrase with one full stop.
func sentence(phrase string) string { return strings.TrimRight(phrase, ".") + "." }
