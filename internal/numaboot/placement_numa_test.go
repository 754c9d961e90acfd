//go:build numa

package numaboot_test

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"headroom/internal/numaboot"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/page"
	"headroom/kernel/percpu"
)

// The topology is read as the guest was built: nodes, packages, cores, hardware threads, shared caches, distances.
func TestTopologyIsTheLayout(t *testing.T) {
	l := layout(t)
	topology := processors(t)
	if len(topology.CPUs) != l.CPUs() || len(topology.Nodes()) != l.Nodes {
		t.Fatalf("%d CPUs on nodes %v, want %v", len(topology.CPUs), topology.Nodes(), l)
	}
	for i, c := range topology.CPUs {
		if c.ID != i || c.Node != l.Node(i) || c.Thread != i%l.Threads || c.L3 != first(l, c.Node) {
			t.Errorf("%+v does not fit layout %v", c, l)
		}
		for j, other := range topology.CPUs {
			if (c.Package == other.Package) != (c.Node == other.Node) {
				t.Errorf("CPUs %d and %d: packages %d and %d", i, j, c.Package, other.Package)
			}
			if sibling := c.Package == other.Package && c.Core == other.Core; sibling != (i/l.Threads == j/l.Threads) {
				t.Errorf("CPUs %d and %d are of one core: %v", i, j, sibling)
			}
		}
	}
	table, err := machine.ReadDistances("/sys", topology.Nodes())
	if err != nil || len(table) != l.Nodes {
		t.Fatalf("distances %v, %v", table, err)
	}
	for from := range l.Nodes {
		for to := range l.Nodes {
			if table[from][to] != l.Distance(from, to) {
				t.Errorf("node %d is %d from node %d, want %d", from, table[from][to], to, l.Distance(from, to))
			}
		}
	}
}

const objectBytes = 256 * pageBytes

// Each region of a machine's memory is bound to its node, and its pages lie there though a CPU of another node touches them first. Memory that is
// not bound, touched by the same CPU, lies with that CPU: so it is the binding that counts, and the question put to the kernel can tell.
func TestRegionsLieOnTheirNodes(t *testing.T) {
	l := layout(t)
	for node := range l.Nodes {
		m := machineOf(t, processors(t).CPUs)
		bound, err := m.Memory().Alloc(node, objectBytes, pageBytes)
		if err != nil {
			t.Fatal(err)
		}
		free, err := mem.Make(1, objectBytes, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(free.Release)
		other := (node + 1) % l.Nodes
		run(t, m, func(*kernel.Task) {
			touch(bound, objectBytes)
			touch(free.Base(), objectBytes)
		}, first(l, other))
		allOn(t, fmt.Sprintf("region %d, touched from node %d", node, other), bound, objectBytes, node)
		allOn(t, fmt.Sprintf("unbound memory, touched from node %d", other), free.Base(), objectBytes, other)
		const bind = 2 // MPOL_BIND
		if mode, mask := policy(t, bound); mode != bind || mask != 1<<node {
			t.Errorf("region %d: policy %d on nodes %#b", node, mode, mask)
		}
		if mode, _ := policy(t, free.Base()); mode == bind {
			t.Error("memory without nodes is bound")
		}
	}
}

// The memory of a machine whose CPUs are all of one node lies on that node as well, though the thread that builds on it runs on another.
func TestMachineOfOneNodeLiesThere(t *testing.T) {
	l := layout(t)
	last := l.Nodes - 1
	m := machineOf(t, processors(t).CPUs[first(l, last):])
	if n := m.Memory().Nodes(); n != 1 {
		t.Fatalf("%d nodes", n)
	}
	p, err := m.Memory().Alloc(0, objectBytes, pageBytes)
	if err != nil {
		t.Fatal(err)
	}
	onNode0(t, func() { touch(p, objectBytes) })
	allOn(t, "the only region", p, objectBytes, last)
}

// onNode0 runs f on CPU 0.
func onNode0(t *testing.T, f func()) {
	t.Helper()
	failed := make(chan error)
	go func() {
		runtime.LockOSThread() // the thread ends with the goroutine
		var set unix.CPUSet
		set.Set(0)
		err := unix.SchedSetaffinity(0, &set)
		if err == nil {
			f()
		}
		failed <- err
	}()
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
}

// The words of each CPU lie on its own node, also when another CPU writes to them first.
func TestWordsOfACPULieOnItsNode(t *testing.T) {
	l := layout(t)
	m := machineOf(t, processors(t).CPUs)
	words, err := percpu.New[atomic.Uint64](m)
	if err != nil {
		t.Fatal(err)
	}
	run(t, m, func(*kernel.Task) {
		for cpu := range words {
			words[cpu].Store(1)
		}
	}, l.CPUs()-1)
	for cpu := range words {
		allOn(t, fmt.Sprintf("the word of CPU %d", cpu), unsafe.Pointer(words[cpu]), 8, l.Node(cpu))
	}
}

// zonePages is enough for several blocks of each zone, taken one page at a time.
const zonePages = 64

// A CPU that takes all pages is served by its own node's zone first, then by the others in order of distance, and the pages of each zone lie on its
// node.
func TestZonesServeByDistance(t *testing.T) {
	l := layout(t)
	for node := range l.Nodes {
		m := machineOf(t, processors(t).CPUs)
		pages, err := page.New(m, page.Config{Pages: zonePages, Marks: &page.Marks{}})
		if err != nil {
			t.Fatal(err)
		}
		var taken []page.Page
		run(t, m, func(task *kernel.Task) {
			for {
				p, err := pages.Alloc(task, kernel.NoWait, 0)
				if err != nil {
					return
				}
				touch(unsafe.Add(m.Memory().Base(), p), pageBytes)
				taken = append(taken, p)
			}
		}, first(l, node))
		if len(taken) != zonePages*l.Nodes {
			t.Fatalf("CPU %d had %d pages of %d", first(l, node), len(taken), zonePages*l.Nodes)
		}
		var order []int
		for _, p := range taken {
			for at := range nodes(t, unsafe.Add(m.Memory().Base(), p), pageBytes) { // one page: one node
				if !slices.Contains(order, at) {
					order = append(order, at)
				} else if order[len(order)-1] != at {
					t.Fatalf("node %d serves again after %v", at, order)
				}
			}
		}
		if want := byDistance(l, node); !slices.Equal(order, want) {
			t.Errorf("a CPU of node %d was served by nodes %v, want %v", node, order, want)
		}
	}
}

// byDistance lists the nodes, the nearest to one first.
func byDistance(l numaboot.Layout, node int) (order []int) {
	for n := range l.Nodes {
		order = append(order, n)
	}
	slices.SortFunc(order, func(a, b int) int { return l.Distance(node, a) - l.Distance(node, b) })
	return order
}

// A task runs on its CPU's processor and node, whenever it looks, and on no other.
func TestTasksRunWhereTheyWerePinned(t *testing.T) {
	l := layout(t)
	m := machineOf(t, processors(t).CPUs)
	var cpus []int
	for cpu := range l.CPUs() {
		cpus = append(cpus, cpu)
	}
	looks := make([]int, l.CPUs())
	run(t, m, func(task *kernel.Task) {
		for range 1000 {
			var cpu, node uint32
			if _, _, errno := unix.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&cpu)), uintptr(unsafe.Pointer(&node)), 0); errno != 0 {
				t.Error(errno)
				return
			}
			if int(cpu) != task.CPU() || int(node) != m.Node(task.CPU()) || int(node) != l.Node(task.CPU()) {
				t.Errorf("the task of CPU %d runs on CPU %d of node %d", task.CPU(), cpu, node)
				return
			}
			looks[task.CPU()]++
			task.Resched()
		}
		if err := machine.Pinned(task.CPU()); err != nil {
			t.Error(err)
		}
	}, append(cpus, cpus...)...)
	for cpu, n := range looks {
		if n != 2000 {
			t.Errorf("CPU %d: %d looks", cpu, n)
		}
	}
}
