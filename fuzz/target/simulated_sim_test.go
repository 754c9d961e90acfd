//go:build sim

package target_test

import (
	"strings"
	"testing"

	"headroom/fuzz/target"
)

func FuzzSchedule(f *testing.F) { feed(f) }
func FuzzProgram(f *testing.F)  { feed(f) }
func FuzzModel(f *testing.F)    { feed(f) }

// FuzzCanary fails once it is fuzzed; its corpus does not show the mistake.
func FuzzCanary(f *testing.F) { feed(f) }

// says is what a target panics with, "" if it does not.
func says(run func([]byte) int, data []byte) (message string) {
	defer func() {
		if r := recover(); r != nil {
			message = r.(string)
		}
	}()
	run(data)
	return ""
}

// The canary's mistake shows as soon as the data holds a preemption, in words without numbers of steps; the right program never fails.
func TestCanaryFailsUnderPreemptions(t *testing.T) {
	data := []byte{0, 1, 1, 0, 1, 0, 1, 0, 1}
	if got := says(target.FuzzCanary, data); !strings.HasPrefix(got, "uniqueness: slot ") && !strings.HasPrefix(got, "conservation: slots ") {
		t.Errorf("the canary says %q", got)
	}
	if got := says(target.FuzzSchedule, data); got != "" {
		t.Errorf("the right program says %q", got)
	}
}
