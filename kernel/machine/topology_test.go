package machine_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"headroom/kernel/machine"
)

// sysfs writes a tree of files and returns its root.
func sysfs(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, "devices/system", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// large is a system of 2 nodes, each a package with 2 cores of 2 hardware threads: CPU c and c+4 are siblings.
func large() map[string]string {
	files := map[string]string{"node/node0/cpulist": "0-1,4-5\n", "node/node1/cpulist": "2-3,6-7\n", "node/possible": "0-1\n"}
	for c := range 8 {
		core := c % 4
		dir := fmt.Sprintf("cpu/cpu%d/", c)
		files[dir+"topology/physical_package_id"] = fmt.Sprintf("%d\n", core/2)
		files[dir+"topology/core_id"] = fmt.Sprintf("%d\n", core%2)
		files[dir+"topology/thread_siblings_list"] = fmt.Sprintf("%d,%d\n", core, core+4)
		files[dir+"cache/index3/shared_cpu_list"] = files[fmt.Sprintf("node/node%d/cpulist", core/2)]
	}
	return files
}

// A system of nodes, packages, cores and hardware threads is described as its files say, for the CPUs asked for.
func TestTopologyOfALargeSystem(t *testing.T) {
	got, err := machine.ReadTopology(sysfs(t, large()), []int{0, 1, 2, 5, 6, 7})
	if err != nil {
		t.Fatal(err)
	}
	want := []machine.CPU{
		{ID: 0, Node: 0, Package: 0, Core: 0, L3: 0, Thread: 0},
		{ID: 1, Node: 0, Package: 0, Core: 1, L3: 0, Thread: 0},
		{ID: 2, Node: 1, Package: 1, Core: 0, L3: 2, Thread: 0},
		{ID: 5, Node: 0, Package: 0, Core: 1, L3: 0, Thread: 1},
		{ID: 6, Node: 1, Package: 1, Core: 0, L3: 2, Thread: 1},
		{ID: 7, Node: 1, Package: 1, Core: 1, L3: 2, Thread: 1},
	}
	if !slices.Equal(got.CPUs, want) {
		t.Errorf("got\n%+v, want\n%+v", got.CPUs, want)
	}
	if nodes := got.Nodes(); !slices.Equal(nodes, []int{0, 1}) {
		t.Errorf("nodes %v", nodes)
	}
}

// Files that are missing mean one node, one package, a core for each CPU, and an unknown cache.
func TestTopologyWithoutFiles(t *testing.T) {
	got, err := machine.ReadTopology(sysfs(t, nil), []int{3, 9})
	want := []machine.CPU{{ID: 3, Core: 3, L3: -1}, {ID: 9, Core: 9, L3: -1}}
	if err != nil || !slices.Equal(got.CPUs, want) {
		t.Errorf("got %+v, %v; want %+v", got.CPUs, err, want)
	}
}

// A file that is there and makes no sense is an error that names the file and the line.
func TestDamagedTopologyIsAnError(t *testing.T) {
	for _, name := range []string{
		"node/node1/cpulist", "cpu/cpu2/topology/physical_package_id", "cpu/cpu2/topology/core_id", "cpu/cpu2/topology/thread_siblings_list",
		"cpu/cpu2/cache/index3/shared_cpu_list",
	} {
		for _, text := range []string{"what\n", "3-1\n", "0-99999\n", "1,,2\n"} {
			_, err := machine.ReadTopology(sysfs(t, map[string]string{name: text}), []int{0, 2})
			if err == nil || !strings.Contains(err.Error(), name+":1: ") {
				t.Errorf("%s holds %q: error %v", name, text, err)
			}
		}
	}
}

// far is a system of nodes 0, 2 and 5, with the distances its files give.
func far() map[string]string {
	return map[string]string{"node/online": "0,2,5\n", "node/node0/distance": "10 21 32\n", "node/node2/distance": "22 10 33\n", "node/node5/distance": "34 35 10\n"}
}

// Distances are those between the nodes asked for, in their order, though the files have a number for each node that is online; without files they
// are unknown.
func TestDistances(t *testing.T) {
	for _, c := range []struct {
		files map[string]string
		nodes []int
		want  string
	}{
		{far(), []int{0, 2, 5}, "[[10 21 32] [22 10 33] [34 35 10]]"},
		{far(), []int{2, 5}, "[[10 33] [35 10]]"},
		{far(), []int{5}, "[[10]]"},
		{nil, []int{0}, "[]"},
		{map[string]string{"node/online": "0\n"}, []int{0}, "[]"},
	} {
		got, err := machine.ReadDistances(sysfs(t, c.files), c.nodes)
		if err != nil || fmt.Sprint(got) != c.want {
			t.Errorf("distances between %v are %v, %v; want %s", c.nodes, got, err, c.want)
		}
	}
}

// A table of distances that makes no sense is an error that names the file and the line.
func TestDamagedDistancesAreErrors(t *testing.T) {
	for _, c := range []struct{ name, text, says string }{
		{"node/online", "0,,2\n", "node/online:1: "},
		{"node/online", "0-1\n", "node/node0/distance:1: 3 distances, but 2 nodes are online"},
		{"node/online", "0,3,5\n", "node/node0/distance:1: node 2 is not among the 3 nodes online"},
		{"node/node2/distance", "22 ten 33\n", "node/node2/distance:1: \"ten\" is no distance"},
		{"node/node2/distance", "22 10 -1\n", "node/node2/distance:1: \"-1\" is no distance"},
		{"node/node5/distance", "\n", "node/node5/distance:1: 0 distances"},
	} {
		files := far()
		files[c.name] = c.text
		if table, err := machine.ReadDistances(sysfs(t, files), []int{0, 2, 5}); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s holds %q: %v, %v, want %q", c.name, c.text, table, err, c.says)
		}
	}
}

// This system can be described, and the CPUs that this process may use are among it.
func TestTopologyOfThisSystem(t *testing.T) {
	cpus, err := machine.Allowed()
	if err != nil || len(cpus) == 0 || !slices.IsSorted(cpus) {
		t.Fatalf("allowed are %v, %v", cpus, err)
	}
	got, err := machine.ReadTopology("/sys", cpus)
	if err != nil || len(got.CPUs) != len(cpus) || len(got.Nodes()) == 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

// lists are CPU lists with what they mean; nil means an error.
var lists = map[string][]int{
	"":               {},
	"0":              {0},
	"0-3":            {0, 1, 2, 3},
	"0-1,4-5,8":      {0, 1, 4, 5, 8},
	"5,1-2":          {5, 1, 2},
	"7-7":            {7},
	"0,0":            {0, 0},
	"8191":           {8191},
	"8192":           nil,
	"0-8192":         nil,
	"0-8191,0":       nil,
	"3-1":            nil,
	"-1":             nil,
	"1-":             nil,
	"-":              nil,
	",":              nil,
	"1,":             nil,
	"1,,2":           nil,
	"0-1-2":          nil,
	" 1":             nil,
	"1 2":            nil,
	"x":              nil,
	"0x1":            nil,
	"99999999999999": nil,
}

// The kernel's list format is read, and what is not in it refused.
func TestParseCPUList(t *testing.T) {
	for text, want := range lists {
		got, err := machine.ParseCPUList(text)
		if (err != nil) != (want == nil) || !slices.Equal(got, want) {
			t.Errorf("%q reads as %v, %v; want %v", text, got, err, want)
		}
	}
}

// Lists are written as the kernel writes them.
func TestFormatCPUList(t *testing.T) {
	for want, list := range map[string][]int{"": nil, "0": {0}, "0-1": {0, 1}, "0-3,8,10-11": {0, 1, 2, 3, 8, 10, 11}, "5,1-2": {5, 1, 2}} {
		if got := machine.FormatCPUList(list); got != want {
			t.Errorf("%v is written %q, want %q", list, got, want)
		}
	}
}
