package designs

import (
	"fmt"
	"unsafe"

	"headroom/kernel"
	"headroom/kernel/mem"
)

// Records is the memory that belongs to tags and ids: a tag has none of its own, but a driver that owns one writes the request behind it. Record
// i is so many cache lines on NUMA node i modulo the number of nodes, and only the owner of item i may touch it.
//
// Items that are memory are their own records: see NewRecordsInside.
type Records struct {
	nodes []*recordRegion
	lines int            // of one record
	base  unsafe.Pointer // offset 0 of the machine's memory when records are inside the items, else nil
}

type recordRegion struct{ words []recordLine }

// recordLine is one cache line.
type recordLine struct {
	word mem.Plain64
	_    [mem.LineBytes - 8]byte
}

// NewRecords places items records of bytes each, a multiple of 64. It returns an error when the size is none, or memory is full.
func NewRecords(place kernel.Place, items, bytes int) (*Records, error) {
	if bytes < mem.LineBytes || bytes%mem.LineBytes != 0 {
		return nil, fmt.Errorf("records of %d bytes: give a multiple of %d", bytes, mem.LineBytes)
	}
	r := &Records{lines: bytes / mem.LineBytes}
	m := place.Memory()
	for node := range m.Nodes() {
		n := (items + m.Nodes() - 1 - node) / m.Nodes()
		words, err := mem.Slice[recordLine](m, node, n*r.lines)
		if err != nil {
			return nil, fmt.Errorf("records of %d items on node %d: %w", n, node, err)
		}
		r.nodes = append(r.nodes, &recordRegion{words: words})
	}
	return r, nil
}

// NewRecordsInside makes the first bytes of each item, a multiple of 64, its record, for items that are offsets of at least so much memory. It
// returns an error when the size is none.
func NewRecordsInside(place kernel.Place, bytes int) (*Records, error) {
	if bytes < mem.LineBytes || bytes%mem.LineBytes != 0 {
		return nil, fmt.Errorf("records of %d bytes: give a multiple of %d", bytes, mem.LineBytes)
	}
	return &Records{lines: bytes / mem.LineBytes, base: place.Memory().Base()}, nil
}

// record is the lines that belong to an item.
func (r *Records) record(it Item) []recordLine {
	if r.base != nil {
		return unsafe.Slice((*recordLine)(unsafe.Add(r.base, uintptr(it))), r.lines)
	}
	nodes := Item(len(r.nodes))
	first := int(it/nodes) * r.lines
	return r.nodes[it%nodes].words[first : first+r.lines]
}

// Touch adds one to the first word of each line of the item's record. The caller owns the item.
func (r *Records) Touch(it Item) {
	lines := r.record(it)
	for i := range lines {
		lines[i].word.Store(lines[i].word.Load() + 1)
	}
}

// Touched is how often the item's record was touched.
func (r *Records) Touched(it Item) uint64 { return r.record(it)[0].word.Load() }
