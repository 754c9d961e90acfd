package percpu_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"pgregory.net/rapid"

	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/percpu"
)

// place is a machine to lay words out on: CPU i is on node nodes[i].
type place struct {
	nodes  []int
	memory *mem.Memory
}

func (p place) CPUs() int           { return len(p.nodes) }
func (p place) Node(cpu int) int    { return p.nodes[cpu] }
func (p place) Memory() *mem.Memory { return p.memory }

var _ kernel.Place = place{}
var _ kernel.Place = (*machine.Native)(nil)

// regionBytes is room enough for every layout drawn.
const regionBytes = 1 << 16

// words is a T of an odd size, more than a line.
type words struct {
	lock  atomic.Uint32
	count [9]mem.Plain64
	last  mem.Plain32
}

// layout draws a machine: the node of each CPU.
var layout = rapid.SliceOfN(rapid.IntRange(0, 2), 1, 16)

// span is a run of bytes that belongs to one CPU, or -1 to others.
type span struct {
	cpu         int
	first, last uintptr // offsets
}

// checkPlacement places words and rows of n items for the CPUs of a machine, other objects before and behind them, and reports what breaks I1
// or I2.
func checkPlacement(nodes []int, n int) error {
	memory, err := mem.Make(3, regionBytes, nil)
	if err != nil {
		return err
	}
	defer memory.Release()
	p := place{nodes, memory}
	var spans []span
	add := func(cpu int, at unsafe.Pointer, bytes uintptr) {
		offset, _ := memory.Offset(at)
		spans = append(spans, span{cpu, offset, offset + bytes - 1})
	}
	other := func() error {
		for node := range 3 {
			o, err := mem.New[mem.Plain64](memory, node)
			if err != nil {
				return err
			}
			add(-1, unsafe.Pointer(o), unsafe.Sizeof(*o))
		}
		return nil
	}
	if err := other(); err != nil {
		return err
	}
	heads, err := percpu.New[words](p)
	if err != nil {
		return err
	}
	rows, err := percpu.Rows[mem.Plain32](p, n)
	if err != nil {
		return err
	}
	if err := other(); err != nil {
		return err
	}
	if len(heads) != len(nodes) || len(rows) != len(nodes) {
		return fmt.Errorf("%d words and %d rows for %d CPUs", len(heads), len(rows), len(nodes))
	}
	for cpu := range nodes {
		if len(rows[cpu]) != n {
			return fmt.Errorf("a row of %d, want %d", len(rows[cpu]), n)
		}
		add(cpu, unsafe.Pointer(heads[cpu]), unsafe.Sizeof(words{}))
		add(cpu, unsafe.Pointer(&rows[cpu][0]), unsafe.Sizeof(rows[cpu][0])*uintptr(n))
	}
	return checkSpans(nodes, spans)
}

// checkSpans looks for two owners on one pair of lines, and for words on the wrong node.
func checkSpans(nodes []int, spans []span) error {
	const pairBytes = 2 * mem.LineBytes
	owner := map[uintptr]int{}
	for _, s := range spans {
		if s.cpu >= 0 && s.first/regionBytes != uintptr(nodes[s.cpu]) {
			return fmt.Errorf("words of CPU %d, which is on node %d, lie at offset %#x", s.cpu, nodes[s.cpu], s.first)
		}
		for pair := s.first / pairBytes; pair <= s.last/pairBytes; pair++ {
			if cpu, taken := owner[pair]; taken && cpu != s.cpu {
				return fmt.Errorf("CPUs %d and %d share the lines at offset %#x (-1 stands for other objects)", cpu, s.cpu, pair*pairBytes)
			}
			owner[pair] = s.cpu
		}
	}
	return nil
}

// I1 and I2: whatever the machine and the length of the rows, each CPU has its lines for itself, on its own node.
func TestEachCPUHasItsOwnLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		if err := checkPlacement(layout.Draw(t, "nodes"), rapid.IntRange(1, 100).Draw(t, "row")); err != nil {
			t.Fatal(err)
		}
	})
}

// What mem refuses is refused, with the CPU named when its node is full.
func TestWordsThatCannotBePlaced(t *testing.T) {
	memory, err := mem.Make(2, 4096, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Release()
	p := place{[]int{0, 1, 1}, memory}
	if _, err := percpu.New[*int](p); err == nil {
		t.Error("words with a pointer are placed")
	}
	if _, err := percpu.Rows[mem.Plain32](p, -1); err == nil {
		t.Error("a row of -1 is placed")
	}
	memory.Reset()
	if _, err := percpu.New[[1000]mem.Plain32](p); err == nil {
		t.Error("the words fit into a memory that is too small")
	}
	memory.Reset()
	if _, err := percpu.New[[600]mem.Plain32](p); err == nil || !strings.Contains(err.Error(), "CPU 2") {
		t.Errorf("no room for the words of CPU 2: %v", err)
	}
}

// Rows may be empty, and a machine without CPUs has none.
func TestNothingToPlace(t *testing.T) {
	memory, err := mem.Make(1, 4096, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Release()
	rows, err := percpu.Rows[mem.Plain64](place{[]int{0, 0}, memory}, 0)
	if err != nil || !slices.EqualFunc(rows, []int{0, 0}, func(row []mem.Plain64, n int) bool { return len(row) == n }) {
		t.Errorf("%v, %v", rows, err)
	}
	none, err := percpu.New[mem.Plain64](place{nil, memory})
	if err != nil || len(none) != 0 {
		t.Errorf("%d words, %v", len(none), err)
	}
}
