//go:build numa

package numaboot_test

import (
	"os"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"headroom/internal/numaboot"
	"headroom/kernel"
	"headroom/kernel/machine"
)

// layout is that of the guest this test runs in.
func layout(t *testing.T) numaboot.Layout {
	t.Helper()
	l, err := numaboot.ParseLayout(os.Getenv(numaboot.LayoutVariable))
	if err != nil {
		t.Fatalf("this is no guest, run make test-numa: %v", err)
	}
	return l
}

// processors are those of the guest.
func processors(t *testing.T) machine.Topology {
	t.Helper()
	ids, err := machine.Allowed()
	if err != nil {
		t.Fatal(err)
	}
	topology, err := machine.ReadTopology("/sys", ids)
	if err != nil {
		t.Fatal(err)
	}
	return topology
}

// machineOf makes a native machine of the given processors, as the harness does.
func machineOf(t *testing.T, cpus []machine.CPU) *machine.Native {
	t.Helper()
	distances, err := machine.ReadDistances("/sys", machine.Topology{CPUs: cpus}.Nodes())
	if err != nil {
		t.Fatal(err)
	}
	m, err := machine.NewNative(machine.Options{CPUs: cpus, Distances: distances})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	if err := m.Memory().Unbound(); err != nil {
		t.Fatal(err)
	}
	return m
}

// first is the first CPU of a node.
func first(l numaboot.Layout, node int) int { return node * l.Cores * l.Threads }

// run runs a body on one CPU of a machine, or on several.
func run(t *testing.T, m *machine.Native, body func(task *kernel.Task), cpus ...int) {
	t.Helper()
	for _, cpu := range cpus {
		m.Spawn(nil, machine.Spec{Name: "guest", CPU: cpu, Body: body})
	}
	if err := m.Run(); err != nil {
		t.Fatal(err)
	}
}

const pageBytes = 4096

// touch writes into each page from p on.
func touch(p unsafe.Pointer, bytes uintptr) {
	for at := uintptr(0); at < bytes; at += pageBytes {
		*(*byte)(unsafe.Add(p, at)) = 1
	}
}

// nodes asks the kernel where pages lie, and counts them by node. A page nobody touched fails the test.
func nodes(t *testing.T, p unsafe.Pointer, bytes uintptr) map[int]int {
	t.Helper()
	at := uintptr(p) &^ (pageBytes - 1)
	var pages []uintptr
	for ; at < uintptr(p)+bytes; at += pageBytes {
		pages = append(pages, at)
	}
	where := make([]int32, len(pages))
	// Without a list of nodes to move them to, move_pages(2) tells where pages are.
	if _, _, errno := unix.Syscall6(unix.SYS_MOVE_PAGES, 0, uintptr(len(pages)), uintptr(unsafe.Pointer(&pages[0])), 0,
		uintptr(unsafe.Pointer(&where[0])), 0); errno != 0 {
		t.Fatalf("move_pages: %v", errno)
	}
	counts := map[int]int{}
	for i, node := range where {
		if node < 0 {
			t.Fatalf("page %d of %d: %v", i, len(pages), unix.Errno(-node))
		}
		counts[int(node)]++
	}
	return counts
}

// allOn checks that every page of an object lies on one node.
func allOn(t *testing.T, what string, p unsafe.Pointer, bytes uintptr, node int) {
	t.Helper()
	if counts := nodes(t, p, bytes); len(counts) != 1 || counts[node] == 0 {
		t.Errorf("%s: pages by node are %v, want all on node %d", what, counts, node)
	}
}

// policy asks the kernel for the memory policy of an address: its mode, and the nodes as bits.
func policy(t *testing.T, p unsafe.Pointer) (mode int32, mask uint64) {
	t.Helper()
	const ofAddress = 2 // MPOL_F_ADDR
	var words [16]uint64
	if _, _, errno := unix.Syscall6(unix.SYS_GET_MEMPOLICY, uintptr(unsafe.Pointer(&mode)), uintptr(unsafe.Pointer(&words[0])),
		uintptr(len(words)*64), uintptr(p), ofAddress, 0); errno != 0 {
		t.Fatalf("get_mempolicy: %v", errno)
	}
	return mode, words[0]
}
