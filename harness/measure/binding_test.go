//go:build linux && !race

package measure

import (
	"strings"
	"testing"
)

// That memory cannot be bound is found by trying, on a machine of one node of several too, and doubted.
func TestRefusedBindingIsDoubted(t *testing.T) {
	root := sysfs(t, twoNodes())
	for _, cpus := range [][]int{{0, 4}, {5}} {
		env := placement(root, cpus)
		if got := env.Get("numa-binding"); !strings.HasPrefix(got, bindingRefused+"mem: bind region ") {
			t.Errorf("CPUs %v: numa-binding is %q", cpus, got)
		}
		found := false
		for _, doubt := range Doubts(env, nil) {
			found = found || strings.HasPrefix(doubt, "memory cannot be bound to NUMA nodes (mem: bind region ") && strings.HasSuffix(doubt, "(numactl)")
		}
		if !found {
			t.Errorf("CPUs %v: not doubted: %q", cpus, Doubts(env, nil))
		}
	}
}
