//go:build !sim && !race

package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"headroom/harness/result"
)

// A quick run of a tuned workload has its cells, timed ones too, says where they ran, and names what it left out.
func TestTunedRunSaysWhatItDid(t *testing.T) {
	dir := t.TempDir()
	e := headroom(t, dir, "bench", "--quick", "--workload", "window", "--workload", "bio-inflight", "--rate", "20000", "--service", "fixed", "--design", "mutex",
		"--cpus", "1", "--latency", "sampled", "--placement", "one-node", "--out", "run", "--json")
	if e.status != 0 {
		t.Fatalf("status %d: %s", e.status, e.stderr)
	}
	have := map[string]bool{}
	for _, line := range strings.Split(strings.TrimSpace(e.stdout), "\n") {
		var c result.Cell
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		timed := false
		for _, s := range append(c.Kept, c.Dropped...) {
			timed = timed || len(s.Latency) > 0 && len(s.Floors) == 1
		}
		have[c.Name()] = timed
	}
	const window, flight = "Window/hold=32/placement=one-node", "BioInflight/rate=20000/depth=32/service-us=50/service=fixed/placement=one-node"
	for name, timed := range map[string]bool{window + "/design=mutex/cpus=1": false, window + "/latency=sampled/design=mutex/cpus=1": true, flight + "/design=mutex/cpus=1": true} {
		if got, there := have[name]; !there || got != timed {
			t.Errorf("%s: there %v, timed %v, among %v", name, there, got, have)
		}
	}
	for _, says := range []string{"left out of a quick run:\n", "  Window/hold=8/placement=one-node\n"} {
		if !strings.Contains(e.stderr, says) {
			t.Errorf("%q is missing in %s", says, e.stderr)
		}
	}
	env, _, err := result.Read(filepath.Join(dir, "run"))
	if err != nil || !strings.HasPrefix(env.Get("placement"), "one-node: CPUs ") {
		t.Errorf("the placement is %q, %v", env.Get("placement"), err)
	}
}
