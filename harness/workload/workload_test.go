package workload

import (
	"slices"
	"strings"
	"testing"

	"headroom/designs"
	"headroom/harness/result"
)

// runnable is a spec that passes Check.
func runnable(name string) Spec {
	return Spec{Workload: name, Design: "percpu_tags", Variant: "lock", CPUs: 1, Hold: 8, Ratio: 2, Tasks: 4, File: "f", Kind: "tag", DurationNs: 1}
}

// A spec that cannot be run is refused with what to give instead.
func TestCheckRefusesWithTheRemedy(t *testing.T) {
	for _, d := range All() {
		s := runnable(d.Name)
		if err := s.Check(); err != nil {
			t.Errorf("%s: %v", d.Name, err)
		}
	}
	for _, c := range []struct {
		workload string
		spoil    func(s *Spec)
		says     string
	}{
		{Fastpath, func(s *Spec) { s.Workload = "slowpath" }, `unknown workload "slowpath": there are [fastpath window tag-exhaust trace]`},
		{Fastpath, func(s *Spec) { s.CPUs = 0 }, "0 CPUs: give at least 1"},
		{Fastpath, func(s *Spec) { s.DurationNs = 0 }, "a sample of 0 ns: give a positive time"},
		{Fastpath, func(s *Spec) { s.Touch = 65 }, "65 bytes to touch: give 0, or a multiple of 64 up to 65536"},
		{Fastpath, func(s *Spec) { s.Touch = -64 }, "-64 bytes to touch: give 0"},
		{Fastpath, func(s *Spec) { s.Touch = 1 << 17 }, "131072 bytes to touch: give 0"},
		{Window, func(s *Spec) { s.Hold = 0 }, "window of 0 items: give 1 to 4096"},
		{Window, func(s *Spec) { s.Hold = 4097 }, "window of 4097 items: give 1 to 4096"},
		{TagExhaust, func(s *Spec) { s.Ratio = 0 }, "tag-exhaust with 0 items and 4 tasks for each CPU: give 0 < items <= 4096"},
		{TagExhaust, func(s *Spec) { s.Ratio = 4097 }, "tag-exhaust with 4097 items"},
		{TagExhaust, func(s *Spec) { s.Tasks = 0 }, "0 tasks for each CPU: give 0 < items <= 4096, and 1 to 1024 tasks in all"},
		{TagExhaust, func(s *Spec) { s.CPUs, s.Tasks = 2, 513 }, "513 tasks for each CPU"},
		{Trace, func(s *Spec) { s.File = "" }, `trace "" at pace 0: name a file`},
		{Trace, func(s *Spec) { s.Pace = -1 }, "at pace -1: name a file, and a pace of 0 (flat out) or more"},
		{Trace, func(s *Spec) { s.Touch = 64 }, "a recording touches none"},
	} {
		s := runnable(c.workload)
		c.spoil(&s)
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v, want %q", s, err, c.says)
		}
		if _, err := Run(nil, nil, designs.Variant{}, s, nil); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("Run of %+v: %v, want %q", s, err, c.says)
		}
	}
}

// A variant lacks a workload for one stated reason, or can run it.
func TestLacksNamesTheReason(t *testing.T) {
	tags := designs.Capabilities{Kind: designs.Tag, MayWait: true}
	for _, c := range []struct {
		workload, kind string
		have           designs.Capabilities
		says           string
	}{
		{Fastpath, "", designs.Capabilities{}, ""},
		{Window, "", designs.Capabilities{}, ""},
		{TagExhaust, "", tags, ""},
		{TagExhaust, "", designs.Capabilities{Kind: designs.Tag}, "its Alloc never waits, and answers ErrWouldBlock instead"},
		{Trace, "tag", tags, ""},
		{Trace, "tag", designs.Capabilities{Kind: designs.ID}, "its items are ids, not tags"},
		{Trace, "tag", designs.Capabilities{Kind: designs.Page}, "its items are pages, not tags"},
		{Trace, "page", designs.Capabilities{Kind: designs.Page}, ""},
		{Trace, "page", designs.Capabilities{Kind: designs.Tag, Memory: true}, ""},
		{Trace, "page", tags, "its items are tags, not memory"},
	} {
		d, err := Find(c.workload)
		if err != nil {
			t.Fatal(err)
		}
		if got := Lacks(d, designs.Variant{Capabilities: c.have}, c.kind); got != c.says {
			t.Errorf("%s of %q on %+v: %q, want %q", c.workload, c.kind, c.have, got, c.says)
		}
	}
}

// Two specs that measure different things have different parameters; what both share is not among them.
func TestParamsTellSpecsApart(t *testing.T) {
	for _, c := range []struct {
		spec Spec
		want string
	}{
		{Spec{Workload: Fastpath, CPUs: 2}, ""},
		{Spec{Workload: Fastpath, Dispatch: true}, "call=interface"},
		{Spec{Workload: Fastpath, Twin: "slower", SlowerPct: 10}, "control=slower"},
		{Spec{Workload: Window, Hold: 32, Touch: 128}, "hold=32 touch=128"},
		{Spec{Workload: TagExhaust, Ratio: 0.5, Tasks: 16}, "items-per-cpu=0.5"},
		{Spec{Workload: Trace, Kind: "tag", File: "f"}, "kind=tag pace=flat-out"},
		{Spec{Workload: Trace, Kind: "page", File: "f", Pace: 2.5}, "kind=page pace=2.5x"},
	} {
		var words []string
		for _, p := range c.spec.Params() {
			words = append(words, p.Key+"="+p.Value)
		}
		if got := strings.Join(words, " "); got != c.want {
			t.Errorf("%+v has %q, want %q", c.spec, got, c.want)
		}
	}
	controls := []result.Pair{{Key: result.ParamCall, Value: "interface"}, {Key: result.ParamControl, Value: "slower"}}
	twin := Spec{Workload: Fastpath, Dispatch: true, Twin: "slower"}
	if got := twin.Params(); !slices.Equal(got, controls) {
		t.Errorf("a control has %v, and readers look for %v", got, controls)
	}
}

// Only tag-exhaust runs out of items: every other workload has as many as can be in use, on lists, and on their way.
func TestItemsSufficeButForTagExhaust(t *testing.T) {
	for _, c := range []struct {
		spec  Spec
		depth int
		want  int
	}{
		{Spec{Workload: Fastpath, CPUs: 1}, 0, 128},
		{Spec{Workload: Window, CPUs: 2, Hold: 64}, 0, 2 * (64 + 128)},
		{Spec{Workload: TagExhaust, CPUs: 1, Ratio: 0.5}, 0, 1},
		{Spec{Workload: TagExhaust, CPUs: 3, Ratio: 0.5}, 0, 2},
		{Spec{Workload: TagExhaust, CPUs: 8, Ratio: 0.01}, 0, 1},
		{Spec{Workload: TagExhaust, CPUs: 2, Ratio: 16}, 0, 32},
		{Spec{Workload: Trace, CPUs: 2}, 100, 100 + 2*256 + 2*128},
	} {
		if got := c.spec.Items(c.depth); got != c.want {
			t.Errorf("%+v at depth %d: %d items, want %d", c.spec, c.depth, got, c.want)
		}
	}
}
