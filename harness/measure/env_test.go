package measure

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"headroom/harness/result"
)

// The environment names everything a reader needs, each once, and nothing is left empty.
func TestEnvironmentIsComplete(t *testing.T) {
	env := Environment("headroom bench --quick")
	var keys []string
	for _, p := range env {
		if p.Value == "" || slices.Contains(keys, p.Key) {
			t.Errorf("key %s is empty or given twice: %q", p.Key, p.Value)
		}
		keys = append(keys, p.Key)
	}
	for _, key := range []string{"host", result.KeyGOOS, result.KeyGOARCH, result.KeyCPU, "cpus-allowed", "numa-nodes", "numa-cpus",
		"numa-distances", "numa-binding", "numa-balancing", "l3-groups", "smt", "huge-pages", "governor", "mitigations", "hypervisor",
		"virtual", "clocksource", "tsc-ghz", "load-average", result.KeyKernel, result.KeyGo, result.KeyCommit, result.KeyModified, "command"} {
		if !slices.Contains(keys, key) {
			t.Errorf("key %s is missing", key)
		}
	}
	for key, want := range map[string]string{"command": "headroom bench --quick", result.KeyGOOS: "linux"} {
		if got := env.Get(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if len(strings.Fields(env.Get("load-average"))) != 3 {
		t.Errorf("load average %q", env.Get("load-average"))
	}
}

// Each circumstance that spoils figures is doubted in one sentence with a remedy; a good environment is not doubted.
func TestDoubtsNameWhatSpoilsFigures(t *testing.T) {
	good := map[string]string{"virtual": "no", "governor": "performance", "cpus-allowed": "8", "load-average": "0.10 0.20 0.30", "modified": "no", "numa-binding": bindingWorks}
	for _, c := range []struct {
		key, value string
		realtime   error
		says       string
	}{
		{"virtual", "no", nil, ""},
		{"governor", "unknown", nil, ""},
		{"load-average", "unknown", nil, ""},
		{"load-average", "1.00 9 9", nil, ""},
		{"numa-binding", bindingNeedless, nil, ""},
		{"numa-binding", bindingRefused + "no", nil, "memory cannot be bound to NUMA nodes (no): it lies where it is first touched; allow mbind(2)"},
		{"virtual", "yes", nil, "this is a virtual machine: the host may move its CPUs"},
		{"governor", "powersave", nil, `the frequency governor is "powersave": set it to performance`},
		{"cpus-allowed", "1", nil, "one CPU only: nothing here says how a design scales; widen the affinity mask"},
		{"load-average", "2.50 0 0", nil, "the load average was 2.50 at the start: other work ran beside; stop it and run again"},
		{"modified", "yes", nil, "the working tree differs from the commit named: commit first"},
		{"virtual", "no", errors.New("operation not permitted"), "no real-time priority (operation not permitted): other threads may interrupt samples; give CAP_SYS_NICE"},
	} {
		var env result.Env
		for key, value := range good {
			if key == c.key {
				value = c.value
			}
			env = append(env, result.Pair{Key: key, Value: value})
		}
		doubts := Doubts(env, c.realtime)
		switch {
		case c.says == "" && len(doubts) > 0:
			t.Errorf("%s %q is doubted: %q", c.key, c.value, doubts)
		case c.says != "" && (len(doubts) != 1 || !strings.HasPrefix(doubts[0], c.says)):
			t.Errorf("%s %q, real time %v: %q, want %q", c.key, c.value, c.realtime, doubts, c.says)
		}
	}
}
