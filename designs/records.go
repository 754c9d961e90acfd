package designs

import (
	"fmt"

	"headroom/kernel"
	"headroom/kernel/mem"
)

// Records is the memory that belongs to tags and ids: a tag has none of its own, but a driver that owns one writes the request behind it. Record
// i is so many cache lines on NUMA node i modulo the number of nodes, and only the owner of item i may touch it.
type Records struct {
	nodes []*recordRegion
	lines int // of one record
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

// Touch adds one to the first word of each line of the item's record. The caller owns the item.
func (r *Records) Touch(it Item) {
	nodes := Item(len(r.nodes))
	first := int(it/nodes) * r.lines
	lines := r.nodes[it%nodes].words[first : first+r.lines]
	for i := range lines {
		lines[i].word.Store(lines[i].word.Load() + 1)
	}
}

// Touched is how often the item's record was touched.
func (r *Records) Touched(it Item) uint64 {
	nodes := Item(len(r.nodes))
	return r.nodes[it%nodes].words[int(it/nodes)*r.lines].word.Load()
}
