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

// subjects are the questions that workloads are there for, beside their names in headings.
var subjects = map[string]string{
	"fastpath":        "cost",
	"window":          "cost",
	"bulk-keep":       "cost in bulk",
	"cross-cpu":       "frees on another CPU",
	"bio-inflight":    "tails of an open loop",
	"start-storm":     "tails of a burst",
	"tag-exhaust":     "exhaustion",
	"exhaust-recover": "exhaustion and recovery",
	"trace":           "recorded load",
}

// subject is the heading of a workload: "tag-exhaust (exhaustion)".
func subject(name string) string {
	if s := subjects[name]; s != "" {
		return name + " (" + s + ")"
	}
	return name
}

// sentence ends a phrase with one full stop.
func sentence(phrase string) string { return strings.TrimRight(phrase, ".") + "." }
