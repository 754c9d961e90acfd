package measure

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// sysfs writes a tree of files under devices/system and returns its root.
func sysfs(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, "devices/system", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// twoNodes is a system of nodes 0 and 1023, a number no real system has, with two cores of two hardware threads each, and a cache for each core of
// the second.
func twoNodes() map[string]string {
	files := map[string]string{
		"node/online": "0,1023", "node/node0/cpulist": "0-3", "node/node1023/cpulist": "4-7",
		"node/node0/distance": "10 32", "node/node1023/distance": "32 10",
	}
	caches := []string{"0-3", "0-3", "0-3", "0-3", "4-5", "4-5", "6-7", "6-7"}
	for cpu := range 8 {
		dir := fmt.Sprintf("cpu/cpu%d/", cpu)
		files[dir+"topology/thread_siblings_list"] = fmt.Sprintf("%d-%d", cpu&^1, cpu|1)
		files[dir+"cache/index3/shared_cpu_list"] = caches[cpu]
		files[dir+"cpufreq/scaling_governor"] = []string{"performance", "powersave"}[cpu/4]
	}
	return files
}

// Where CPUs lie is told as the system's files say, for the CPUs that may be used; what they do not say is left out.
func TestPlacementIsTold(t *testing.T) {
	damaged := twoNodes()
	damaged["node/node0/cpulist"] = "what"
	for _, c := range []struct {
		files map[string]string
		cpus  []int
		want  map[string]string
	}{
		{twoNodes(), []int{0, 1, 2, 3, 4, 5, 6, 7}, map[string]string{"cpus-allowed": "8", "numa-nodes": "2", "numa-cpus": "0: 0-3; 1023: 4-7",
			"numa-distances": "0: 10 32; 1023: 32 10", "l3-groups": "0: 0-3; 4: 4-5; 6: 6-7", "smt": "yes"}},
		{twoNodes(), []int{4, 6}, map[string]string{"cpus-allowed": "2", "numa-nodes": "1", "numa-cpus": "1023: 4,6", "numa-distances": "1023: 10",
			"l3-groups": "4: 4; 6: 6", "smt": "no"}},
		{nil, []int{0, 1}, map[string]string{"cpus-allowed": "2", "numa-nodes": "1", "numa-cpus": "0: 0-1", "numa-distances": "", "l3-groups": "",
			"numa-binding": bindingNeedless, "smt": "no"}},
		{map[string]string{"node/online": "0"}, []int{0}, map[string]string{"numa-binding": bindingNeedless}},
		{damaged, []int{0, 1}, map[string]string{"cpus-allowed": "2", "numa-nodes": "0", "numa-cpus": "", "numa-distances": "", "numa-binding": ""}},
	} {
		got := placement(sysfs(t, c.files), c.cpus)
		for key, want := range c.want {
			if got.Get(key) != want {
				t.Errorf("CPUs %v: %s is %q, want %q", c.cpus, key, got.Get(key), want)
			}
		}
	}
}

// The governor is that of the CPUs that may be used, not of CPU 0; different ones are all named.
func TestGovernorOfTheCPUsInUse(t *testing.T) {
	root := sysfs(t, twoNodes())
	for want, cpus := range map[string][]int{"performance": {0, 1}, "powersave": {4, 5, 6}, "performance,powersave": {0, 4}, "": {8}} {
		if got := governor(root, cpus); got != want {
			t.Errorf("CPUs %v: %q, want %q", cpus, got, want)
		}
	}
}

// Of a file that lists choices, the chosen one counts.
func TestChosen(t *testing.T) {
	for list, want := range map[string]string{"always [madvise] never": "madvise", "[always] never": "always", "": "", "never": ""} {
		if got := chosen(list); got != want {
			t.Errorf("%q: %q, want %q", list, got, want)
		}
	}
}
