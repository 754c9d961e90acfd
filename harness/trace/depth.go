package trace

import (
	"fmt"
	"strings"
	"time"

	"headroom/harness/result"
)

// depthSlices is how many slices of equal length Summary cuts a recording into.
const depthSlices = 40

// Summary sums up the recording. Depth counts the lifetimes kept only: what was open before the recording began or had no
// free is not in it. A recording of both kinds is summed up as kind "tag+page"; Split it first to tell them apart.
func (r *Recording) Summary() result.Trace {
	depth := r.depth()
	maxDepth := 0
	for _, point := range depth {
		maxDepth = max(maxDepth, point.Max)
	}
	return result.Trace{
		File:        r.Name,
		Format:      r.Format.String(),
		Events:      r.Events,
		Pairs:       len(r.Lifetimes),
		Kind:        r.kind(),
		Unmatched:   r.starts() + r.ends(),
		Lost:        r.Lost,
		CrossCPU:    r.crossCPU(),
		SpanNs:      r.SpanNs,
		MaxDepth:    maxDepth,
		Depth:       depth,
		CPUs:        r.CPUs,
		Description: r.describe(),
	}
}

// kind is the kind of the lifetimes, or both joined by a plus.
func (r *Recording) kind() string {
	var present [kinds]bool
	for _, l := range r.Lifetimes {
		present[l.Kind] = true
	}
	var names []string
	for kind, is := range present {
		if is {
			names = append(names, Kind(kind).String())
		}
	}
	return strings.Join(names, "+")
}

func (r *Recording) starts() int { return r.Unmatched[Tag].Starts + r.Unmatched[Page].Starts }
func (r *Recording) ends() int   { return r.Unmatched[Tag].Ends + r.Unmatched[Page].Ends }

// crossCPU counts the lifetimes freed on another CPU than the allocating one.
func (r *Recording) crossCPU() int {
	count := 0
	for _, l := range r.Lifetimes {
		if l.AllocCPU != l.FreeCPU {
			count++
		}
	}
	return count
}

// describe is the recording in one line, doubts included.
func (r *Recording) describe() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s recording of %v on %d CPUs: %d %s lifetimes, %.1f%% of them freed on another CPU",
		r.Format, time.Duration(r.SpanNs).Round(time.Microsecond), r.CPUs, len(r.Lifetimes), r.kind(),
		100*float64(r.crossCPU())/float64(max(len(r.Lifetimes), 1)))
	if r.starts()+r.ends() > 0 {
		fmt.Fprintf(&b, "; left out for want of a partner: starts %d, ends %d", r.starts(), r.ends())
	}
	if r.Lost > 0 {
		fmt.Fprintf(&b, "; events lost %d, so some lifetimes are missing or joined wrongly", r.Lost)
	}
	if r.Backwards > 0 {
		fmt.Fprintf(&b, "; sorted by time, which went back %d times", r.Backwards)
	}
	if r.Malformed > 0 {
		fmt.Fprintf(&b, "; malformed lines %d, first at line %d", r.Malformed, r.MalformedLine)
	}
	return b.String()
}

// depthWalk is the walk along the slices that depth makes.
type depthWalk struct {
	slices []result.DepthPoint // Mean holds depth x ns until the end
	spanNs int64
	slice  int // the one atNs lies in
	atNs   int64
	open   int
}

// depth is the number of open lifetimes over time: for each slice the mean, weighted by time, and the largest, which may
// have lasted no time at all. A recording shorter than depthSlices ns has one slice a ns, and one if its span is 0.
func (r *Recording) depth() []result.DepthPoint {
	w := depthWalk{
		slices: make([]result.DepthPoint, min(depthSlices, max(r.SpanNs, 1))),
		spanNs: r.SpanNs,
	}
	for i := range w.slices {
		w.slices[i].AtNs = w.startOf(i)
	}
	for _, s := range r.steps() {
		w.advance(r.at(s))
		if s.isFree() {
			w.open--
		} else {
			w.open++
		}
		w.slices[w.slice].Max = max(w.slices[w.slice].Max, w.open)
	}
	w.advance(r.SpanNs)
	for i := range w.slices {
		if lengthNs := w.startOf(i+1) - w.startOf(i); lengthNs > 0 {
			w.slices[i].Mean /= float64(lengthNs)
		} else {
			w.slices[i].Mean = float64(w.slices[i].Max)
		}
	}
	return w.slices
}

// startOf is span*i/n, in two terms that cannot overflow.
func (w *depthWalk) startOf(i int) int64 {
	n := int64(len(w.slices))
	return w.spanNs/n*int64(i) + w.spanNs%n*int64(i)/n
}

// advance moves to a later time with the present depth. The end of the recording lies in the last slice.
func (w *depthWalk) advance(toNs int64) {
	for w.slice+1 < len(w.slices) && toNs >= w.startOf(w.slice+1) {
		endNs := w.startOf(w.slice + 1)
		w.slices[w.slice].Mean += float64(w.open) * float64(endNs-w.atNs)
		w.atNs = endNs
		w.slice++
		w.slices[w.slice].Max = w.open
	}
	w.slices[w.slice].Mean += float64(w.open) * float64(toNs-w.atNs)
	w.atNs = toNs
}
