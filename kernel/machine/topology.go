package machine

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// CPU is one logical processor as the operating system describes it.
type CPU struct {
	ID      int `json:"id"`      // the system's CPU number
	Node    int `json:"node"`    // NUMA node
	Package int `json:"package"` // socket
	Core    int `json:"core"`    // core number, unique within its package
	L3      int `json:"l3"`      // lowest CPU number that shares the last-level cache, -1 if unknown
	Thread  int `json:"thread"`  // 0 for the first hardware thread of a core, 1 for its SMT sibling
}

// Topology lists the processors this process may run on: those online that its affinity mask really allows.
type Topology struct {
	CPUs []CPU `json:"cpus"`
}

// Nodes is the sorted list of NUMA node numbers in use.
func (t Topology) Nodes() []int {
	var nodes []int
	for _, c := range t.CPUs {
		nodes = append(nodes, c.Node)
	}
	slices.Sort(nodes)
	return slices.Compact(nodes)
}

// ReadTopology describes the given CPUs from the files under root, which is /sys but for tests. A file that is missing means one node, one
// package, and cores numbered like CPUs; a file that is there and cannot be understood is an error that names it.
func ReadTopology(root string, cpus []int) (Topology, error) {
	var t Topology
	nodeOf, err := readNodes(root)
	if err != nil {
		return t, err
	}
	for _, id := range cpus {
		dir := filepath.Join(root, "devices/system/cpu", fmt.Sprintf("cpu%d", id))
		c := CPU{ID: id, Node: nodeOf[id], L3: -1}
		if c.Package, err = readInt(filepath.Join(dir, "topology/physical_package_id"), 0); err != nil {
			return t, err
		}
		if c.Core, err = readInt(filepath.Join(dir, "topology/core_id"), id); err != nil {
			return t, err
		}
		siblings, err := readList(filepath.Join(dir, "topology/thread_siblings_list"))
		if err != nil {
			return t, err
		}
		c.Thread = max(0, slices.Index(siblings, id))
		shared, err := readList(filepath.Join(dir, "cache/index3/shared_cpu_list"))
		if err != nil {
			return t, err
		}
		if len(shared) > 0 {
			c.L3 = shared[0]
		}
		t.CPUs = append(t.CPUs, c)
	}
	return t, nil
}

func readNodes(root string) (map[int]int, error) {
	nodeOf := map[int]int{}
	dirs, err := filepath.Glob(filepath.Join(root, nodeFolder, "node[0-9]*"))
	if err != nil {
		return nil, err
	}
	for _, dir := range dirs {
		n, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(dir), "node"))
		if err != nil {
			continue
		}
		cpus, err := readList(filepath.Join(dir, "cpulist"))
		if err != nil {
			return nil, err
		}
		for _, c := range cpus {
			nodeOf[c] = n
		}
	}
	return nodeOf, nil
}

// nodeFolder holds what the system tells of NUMA nodes.
const nodeFolder = "devices/system/node"

// OnlineNodes lists the NUMA nodes the system has online, in ascending order, those without CPUs included, from the files under root, which is /sys
// but for tests. It returns none when the system does not tell, and an error that names the file when what it tells cannot be understood.
func OnlineNodes(root string) ([]int, error) {
	return readList(filepath.Join(root, nodeFolder, "online"))
}

// ReadDistances gives the distance from each of the given NUMA nodes to each of them, in their order, from the files under root, which is /sys but
// for tests. The unit is the firmware's: 10 from a node to itself. It returns nil when the system does not tell, and an error that names the file
// when what it tells cannot be understood.
func ReadDistances(root string, nodes []int) ([][]int, error) {
	folder := filepath.Join(root, nodeFolder)
	online, err := OnlineNodes(root) // a row has a number for each of these, in this order
	if err != nil || online == nil {
		return nil, err
	}
	var table [][]int
	for _, from := range nodes {
		path := filepath.Join(folder, fmt.Sprintf("node%d", from), "distance")
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, nil
		}
		words := strings.Fields(string(text))
		if len(words) != len(online) {
			return nil, fmt.Errorf("%s:1: %d distances, but %d nodes are online", path, len(words), len(online))
		}
		var row []int
		for _, to := range nodes {
			at := slices.Index(online, to)
			if at < 0 {
				return nil, fmt.Errorf("%s:1: node %d is not among the %d nodes online", path, to, len(online))
			}
			distance, err := strconv.Atoi(words[at])
			if err != nil || distance < 0 {
				return nil, fmt.Errorf("%s:1: %q is no distance", path, words[at])
			}
			row = append(row, distance)
		}
		table = append(table, row)
	}
	return table, nil
}

func readInt(path string, missing int) (int, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return missing, nil
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0, fmt.Errorf("%s:1: %q is no number", path, strings.TrimSpace(string(b)))
	}
	return n, nil
}

func readList(path string) ([]int, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, nil
	}
	list, err := ParseCPUList(strings.TrimSpace(string(b)))
	if err != nil {
		return nil, fmt.Errorf("%s:1: %w", path, err)
	}
	return list, nil
}

// maxCPUs bounds a CPU number and the length of a list, so that a damaged one cannot ask for much. Linux allows 8192.
const maxCPUs = 8192

// ParseCPUList reads the kernel's list format, such as "0-3,8,10-11": at most 8192 numbers from 0 to 8191, ascending within a range.
func ParseCPUList(s string) ([]int, error) {
	if s == "" {
		return nil, nil
	}
	var list []int
	for _, part := range strings.Split(s, ",") {
		low, high, isRange := strings.Cut(part, "-")
		first, err1 := strconv.Atoi(low)
		last, err2 := first, error(nil)
		if isRange {
			last, err2 = strconv.Atoi(high)
		}
		if err1 != nil || err2 != nil || first < 0 || last < first || last >= maxCPUs || len(list)+last-first >= maxCPUs {
			return nil, fmt.Errorf("%q is no CPU list such as 0-3,8", s)
		}
		for c := first; c <= last; c++ {
			list = append(list, c)
		}
	}
	return list, nil
}

// FormatCPUList writes numbers in the kernel's list format, as ParseCPUList reads it, neighbours as a range.
func FormatCPUList(list []int) string {
	var parts []string
	for i := 0; i < len(list); {
		end := i
		for end+1 < len(list) && list[end+1] == list[end]+1 {
			end++
		}
		part := strconv.Itoa(list[i])
		if end > i {
			part += "-" + strconv.Itoa(list[end])
		}
		parts = append(parts, part)
		i = end + 1
	}
	return strings.Join(parts, ",")
}
