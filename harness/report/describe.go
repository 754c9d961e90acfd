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
	"fastpath":         "cost",
	"window":           "cost",
	"bulk-keep":        "cost in bulk",
	"cross-cpu":        "frees on another CPU",
	"bio-inflight":     "tails of an open loop",
	"irq-alloc-fails":  "refusals in interrupts",
	"start-storm":      "tails of a burst",
	"tag-exhaust":      "exhaustion",
	"exhaust-recover":  "exhaustion and recovery",
	"hotplug":          "CPUs that come and go",
	"phase-shift":      "a load that moves",
	"preempted-holder": "more CPUs than processors",
	"false-share":      "shared lines",
	"trace":            "recorded load",
	"stacked-pools":    "a pool behind a pool",
	"reserve-cancel":   "promises",
	"rcu-flood":        "allocation under raw locks",
	"resize-waiters":   "resizing under load",
	"blkcg-first-io":   "memory that cannot be had where it is needed",
	"swap-squeeze":     "reclaim that needs memory",
}

// costs say which time ns/op is in each workload; it is not that of the whole interval in all of them.
var costs = map[string]string{
	"fastpath":     wholeInterval,
	"window":       wholeInterval,
	"bulk-keep":    wholeInterval,
	"tag-exhaust":  wholeInterval + " It contains the switches between a CPU's tasks.",
	"cross-cpu":    "**ns/op** is the time of both CPUs together, from barrier to end, over the items handed over: not the time from an alloc to its free.",
	"start-storm":  "**ns/op** is the time of the CPUs inside their bursts of allocs, over these; the frees and the barriers between rounds are not in it.",
	"bio-inflight": "**ns/op** is the time inside alloc and free, any waiting and two readings of the clock each included; the time between requests is not in it.",
	"irq-alloc-fails": "**ns/op** is the time inside the interrupts, attempts in vain and two readings of the clock each included, over the writes completed; the time on the " +
		"device, and of the tasks beside, is not in it.",
	"exhaust-recover": "**ns/op** is the time of all CPUs in the recoveries, from the release to the last task served, over the tasks served; the rest of the " +
		"interval is not in it.",
	"hotplug": "**ns/op** is the time of the CPUs inside their runs of allocs and frees, over these; switches between tasks, what goes offline and comes back, " +
		"and CPUDead are not in it.",
	"phase-shift": "**ns/op** is the time of the CPUs inside their phases, over the allocs that succeeded; the meetings of the CPUs between phases, and the " +
		"time a CPU is quiet, are not in it, though throughput has them.",
	"preempted-holder": "**ns/op** is processor time of the CPUs' threads, over all operations: what they spin for a holder that is away is in it, the time " +
		"they are away themselves is not.",
	"false-share": "**ns/op** is the time of the CPUs inside their sweeps of writes, over the writes; it says what the placing of the items costs their " +
		"users, and nothing of what alloc and free cost.",
	"reserve-cancel": wholeInterval + " It contains the waits for promises, refusals, and the items taken without a promise.",
	"rcu-flood":      wholeInterval + " It contains the worker, whose frees and refills run on the same CPUs, and the waits of throttled callers.",
	"resize-waiters": wholeInterval + " It contains the switches between a CPU's tasks, the waits, and the changes of the size.",
	"blkcg-first-io": wholeInterval + " It contains the stops after each I/O; what the first was held up is a counter of its own.",
	"swap-squeeze":   wholeInterval + " It contains the faults that fill the memory, reclaim, and all waiting for the device.",
	"stacked-pools":  wholeInterval + " It contains the waits, the switches between a CPU's tasks and, where there are deadlocks, the watcher's ending them.",
	"trace": "**ns/op** is, flat out, the time of all CPUs over the lifetimes, waiting for another CPU's alloc included. At a pace it is the time inside " +
		"operations only, with up to two readings of the clock; the wait for their time is not in it.",
}

const wholeInterval = "**ns/op** is CPU time: the measured intervals of all CPUs together over all operations."

// costOf says which time ns/op is, in a sentence.
func costOf(name string) string {
	if s := costs[name]; s != "" {
		return s
	}
	return "Which time ns/op is this headroom does not know."
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
