package designs

import (
	"testing"
	"unsafe"

	"headroom/kernel/mem"
)

// place is a machine of so many nodes, for layout only.
type place struct{ memory *mem.Memory }

func (p place) CPUs() int           { return p.memory.Nodes() }
func (p place) Node(cpu int) int    { return cpu }
func (p place) Memory() *mem.Memory { return p.memory }

// Each item has a record of its own, on node item modulo nodes, and Touch writes that one only.
func TestRecordsAreTheItemsOwn(t *testing.T) {
	const nodes, items, perNode = 3, 8, 1 << 16
	m, err := mem.Make(nodes, perNode, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Release()
	r, err := NewRecords(place{m}, items, 128)
	if err != nil {
		t.Fatal(err)
	}
	for it := range Item(items) {
		for range it + 1 {
			r.Touch(it)
		}
	}
	for it := range Item(items) {
		if got := r.Touched(it); got != uint64(it)+1 {
			t.Errorf("record %d was touched %d times, want %d", it, got, it+1)
		}
		first := unsafe.Pointer(&r.nodes[it%nodes].words[int(it/nodes)*2])
		if offset, ok := m.Offset(first); !ok || int(offset/perNode) != int(it%nodes) {
			t.Errorf("record %d lies at offset %d, not on node %d", it, offset, it%nodes)
		}
	}
}

// A size that is no whole number of lines is refused, and so is more than the memory holds.
func TestRecordsRefuseWhatDoesNotFit(t *testing.T) {
	m, err := mem.Make(1, 1<<12, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Release()
	for _, c := range []struct{ items, bytes int }{{1, 0}, {1, 63}, {1, 100}, {1000, 64}} {
		if _, err := NewRecords(place{m}, c.items, c.bytes); err == nil {
			t.Errorf("%d records of %d bytes were accepted in %d bytes of memory", c.items, c.bytes, m.Bytes())
		}
	}
}

// The record of an item that is memory is the item's own beginning.
func TestRecordsInsideAreTheItems(t *testing.T) {
	m, err := mem.Make(1, 1<<12, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Release()
	r, err := NewRecordsInside(place{m}, 128)
	if err != nil {
		t.Fatal(err)
	}
	items, err := mem.Slice[recordLine](m, 0, 4)
	if err != nil {
		t.Fatal(err)
	}
	at, _ := m.Offset(unsafe.Pointer(&items[1]))
	r.Touch(Item(at))
	for i, want := range []uint64{0, 1, 1, 0} {
		if got := items[i].word.Load(); got != want {
			t.Errorf("line %d was touched %d times, want %d", i, got, want)
		}
	}
	if r.Touched(Item(at)) != 1 {
		t.Errorf("the item was touched %d times", r.Touched(Item(at)))
	}
	if _, err := NewRecordsInside(place{m}, 100); err == nil {
		t.Error("records of 100 bytes were accepted")
	}
}
