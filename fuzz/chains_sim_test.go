//go:build sim

package fuzz

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"headroom/fuzz/lockdep"
)

// reported is what a hunt for PT-14 comes to that ends with a report of the lock checker, and the replays of its reports.
func reported(t *testing.T, seed uint64) (*Found, []*Replay) {
	t.Helper()
	SetMutant(mutantID(t, "PT-14"))
	h := &Hunt{Variant: defaultVariant(t, "percpu_tags"), Seed: seed, Executions: 20_000, Stop: never}
	found, err := h.Run()
	if err != nil {
		t.Fatal(err)
	}
	replays, err := h.ReplayReports(found)
	if err != nil {
		t.Fatal(err)
	}
	return found, replays
}

// A report of the lock checker leaves a replay file: of executions that make the report again for a checker that knows nothing. It reads back equal, and is
// listed and drawn.
func TestReportsOfTheLockCheckerReplay(t *testing.T) {
	defer SetMutant("")
	reports := 0
	for seed := range uint64(12) {
		found, replays := reported(t, seed)
		if len(replays) != len(found.Reports) {
			t.Fatalf("%d replays of %d reports", len(replays), len(found.Reports))
		}
		for i, r := range replays {
			if r == nil {
				t.Errorf("seed %d: %s has no replay", seed, found.Reports[i].Summary)
				continue
			}
			reports++
			back, err := ParseReplay("f.replay", r.String())
			if err != nil || !reflect.DeepEqual(back, r) {
				t.Fatalf("%v: %s reads back as\n%s", err, r, back)
			}
			p, err := back.Play()
			if err != nil || !slices.ContainsFunc(p.Reports, found.Reports[i].Equal) {
				t.Errorf("seed %d, %s: %v, %d reports", seed, r.Message, err, len(p.Reports))
				continue
			}
			if _, err := back.PlayTolerant(); err != nil {
				t.Errorf("seed %d, %s, followed as far as it fits: %v", seed, r.Message, err)
			}
			var listing, drawing bytes.Buffer
			if p.Print(&listing) != nil || p.Draw(&drawing) != nil || !strings.Contains(listing.String(), found.Reports[i].Summary) ||
				!strings.Contains(drawing.String(), string(r.Class)) {
				t.Errorf("%s is not listed, or not drawn", r.Message)
			}
		}
	}
	if reports == 0 {
		t.Error("no report, so nothing was shown")
	}
}

// A replay may have several executions, which are made one after the other: it reads back equal, all are listed, and each is compared with what was
// recorded.
func TestReplaysOfSeveralExecutions(t *testing.T) {
	defer SetMutant("")
	_, replays := reported(t, 1)
	r := *replays[0]
	r.Earlier = []Execution{{r.Preemptions, r.Steps, r.Hash, r.Schedule}, {r.Preemptions, r.Steps, r.Hash, r.Schedule}}
	back, err := ParseReplay("f.replay", r.String())
	if err != nil || !reflect.DeepEqual(back, &r) {
		t.Fatalf("%v: %s reads back as\n%s", err, &r, back)
	}
	p, err := back.Play()
	if err != nil || p.Executions != 3 {
		t.Fatalf("%d executions, %v", p.Executions, err)
	}
	var listing bytes.Buffer
	if err := p.Print(&listing); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		if head := fmt.Sprintf("execution %d of 3\n", n+1); !strings.Contains(listing.String(), head) {
			t.Errorf("%q is not listed", head)
		}
	}
	back.Earlier[1].Hash++
	if _, err := back.Play(); err == nil || !strings.Contains(err.Error(), "execution 2 takes other steps") {
		t.Errorf("with another hash of the second: %v", err)
	}
	for _, c := range []struct{ from, to, says string }{
		{"execution 2", "execution 3", "execution 3: want them counted from 1"},
		{"execution 2", "execution tea", `execution "tea": want a number`},
	} {
		if _, err := ParseReplay("f.replay", strings.Replace(r.String(), c.from, c.to, 1)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q for %q: %v; want %q", c.to, c.from, err, c.says)
		}
	}
}

// Where the lock checker reports nothing there is nothing to replay, and what does not come again has no replay: the mistake is off.
func TestOtherReportsHaveNoReplay(t *testing.T) {
	defer SetMutant("")
	found, _ := reported(t, 1)
	SetMutant("")
	h := &Hunt{Variant: defaultVariant(t, "percpu_tags"), Seed: 1, Stop: never}
	if replays, err := h.ReplayReports(found); err != nil || len(found.Reports) == 0 || replays[0] != nil {
		t.Errorf("%v of %d reports, %v", replays, len(found.Reports), err)
	}
	found.Reports = []lockdep.Report{}
	if replays, err := h.ReplayReports(found); err != nil || len(replays) != 0 {
		t.Errorf("%v, %v", replays, err)
	}
}
