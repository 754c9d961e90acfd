package harness

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"headroom/harness/workload"
)

// take runs Sample on a description.
func take(t *testing.T, spec workload.Spec) (*Taken, error) {
	t.Helper()
	in, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := Sample(bytes.NewReader(in), &out); err != nil {
		return nil, err
	}
	var taken Taken
	return &taken, json.Unmarshal(out.Bytes(), &taken)
}

// A sample's process reads a description, runs it, and prints what it measured.
func TestSamplePrintsWhatItMeasured(t *testing.T) {
	trace := filepath.Join("trace", "testdata", "sample-block.ftrace.gz")
	for _, spec := range []workload.Spec{
		{Workload: workload.Fastpath, Design: "percpu_tags", Variant: "lock", CPUs: 1, DurationNs: 1_000_000},
		{Workload: workload.Trace, Design: "percpu_tags", Variant: "lock", CPUs: 1, File: trace, Kind: "tag", DurationNs: 1},
	} {
		taken, err := take(t, spec)
		if err != nil || taken.Sample.Ops < 1 || taken.Sample.CASNs <= 0 || taken.Sample.Counters["failed"] != 0 {
			t.Errorf("%+v: %+v, %v", spec, taken, err)
		}
	}
}

// A description that cannot be run is an error that says why.
func TestSampleRefusesWhatItCannotRun(t *testing.T) {
	good := workload.Spec{Workload: workload.Trace, Design: "mutex", CPUs: 1, Kind: "page", DurationNs: 1}
	for _, c := range []struct {
		spoil func(s *workload.Spec)
		says  string
	}{
		{func(s *workload.Spec) { s.Design = "sixth" }, `no design is called "sixth"`},
		{func(s *workload.Spec) { s.CPUs = 0 }, "0 CPUs wanted: this process may use "},
		{func(s *workload.Spec) { s.CPUs = 1 << 20 }, "1048576 CPUs wanted: this process may use "},
		{func(s *workload.Spec) { s.File = filepath.Join("trace", "testdata", "none") }, "none"},
		{func(s *workload.Spec) { s.File = filepath.Join("trace", "testdata", "sample-block.ftrace.gz") }, "no page lifetimes in it"},
		{func(s *workload.Spec) { s.Workload = workload.Fastpath; s.DurationNs = 0 }, "a sample of 0 ns: give a positive time"},
	} {
		spec := good
		c.spoil(&spec)
		if _, err := take(t, spec); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v, want %q", spec, err, c.says)
		}
	}
	if err := Sample(strings.NewReader("{"), &bytes.Buffer{}); err == nil || !strings.HasPrefix(err.Error(), "sample: the description on standard input: ") {
		t.Errorf("half a description: %v", err)
	}
}

// The ruler is the machine's own: a compare-and-swap and a loop take time, and a round trip does where there are two CPUs.
func TestRulerIsSane(t *testing.T) {
	all, err := AllProcessors()
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= min(2, len(all)); n++ {
		r, err := TakeRuler(all[:n])
		if err != nil || r.CASNs <= 0 || r.LoopNs <= 0 || (r.RoundTripNs > 0) != (n > 1) {
			t.Errorf("%d CPUs: %+v, %v", n, r, err)
			continue
		}
		if (r.RealtimeError() == nil) != (r.Realtime == "") {
			t.Errorf("real time was refused with %q and %v", r.Realtime, r.RealtimeError())
		}
	}
}

// Names of designs are known with their variant and without, and an unknown one is told what there is.
func TestKnownDesignTakesBothForms(t *testing.T) {
	for name, says := range map[string]string{
		"percpu_tags": "", "percpu_tags:lock": "", "mutex": "",
		"percpu_tags:none": `design percpu_tags has no variant "none"; there is percpu_tags:lock`,
		"sixth":            `no design is called "sixth"; there are `,
		"":                 `no design is called ""; there are `,
	} {
		err := KnownDesign(name)
		if says == "" && err != nil || says != "" && (err == nil || !strings.HasPrefix(err.Error(), says)) {
			t.Errorf("%q: %v, want %q", name, err, says)
		}
	}
}
