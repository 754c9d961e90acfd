// Package mem is the memory of a machine: one region per NUMA node, and the plain words that live in it.
//
// Every word that designs share lives here, never on the Go heap: its place decides which cache lines are shared, which node serves them,
// and how a run is replayed. A line's identity is its offset in the machine's memory divided by 64, the same in every run.
//
// Invariants:
//
//	I1  no object handed out overlaps another, and each starts on a line of its own (mutant MM-01)
//	I2  memory holds no Go pointers, so the collector need not look at it: New and Slice refuse types that have them (mutant MM-02)
//	I3  Reset gives zeroed memory; Save and Restore give back the same bytes at the same offsets, and zeroes above them (mutant MM-03)
//
// Cost: Alloc is a bump of an offset; nothing is freed one by one.
package mem

import (
	"fmt"
	"reflect"
	"unsafe"

	"headroom/kernel/choice"
	"headroom/kernel/mutant"
)

var (
	mm01 = mutant.Define(mutant.Mutant{ID: "MM-01", Host: "kernel/mem", Breaks: "I1",
		Story: "the end of an object is rounded down to a line, so the next one starts inside it"})
	mm02 = mutant.Define(mutant.Mutant{ID: "MM-02", Host: "kernel/mem", Breaks: "I2",
		Story: "the check of types does not look into arrays, so an array of pointers passes"})
	mm03 = mutant.Define(mutant.Mutant{ID: "MM-03", Host: "kernel/mem", Breaks: "I3",
		Story: "Restore takes back what was allocated since Save without clearing it"})
)

// LineBytes is the cache line that alignment and line identity count in.
const LineBytes = 64

// pageBytes is the unit of mapping and binding, and the largest alignment: regions start on a page.
const pageBytes = 4096

// Memory is the whole memory of one machine. Alloc is for construction: one goroutine at a time, no task running.
type Memory struct {
	block   block
	regions []region
	saved   []byte
	savedAt []uintptr
	unbound error
	objects []object // kept in the sim build only, in the order of allocation
	marked  int      // of them there were at Save
}

type region struct {
	start, used, limit uintptr
}

// Make maps memory for a machine of nodes NUMA nodes, regionBytes each (rounded up to whole pages). osNodes, when not nil, gives the operating
// system's node number for each node, and the pages are bound there, whichever CPU touches them first; one region is bound as well, since the
// system may have more nodes than the machine. It returns an error when the system refuses the mapping. That it refuses to bind, as containers do
// and nodes without memory, is told by Unbound: such memory works, and lies where it is first touched.
func Make(nodes int, regionBytes int, osNodes []int) (*Memory, error) {
	if nodes < 1 || regionBytes < 1 {
		return nil, fmt.Errorf("mem: %d nodes of %d bytes: both must be at least 1", nodes, regionBytes)
	}
	if osNodes != nil && len(osNodes) != nodes {
		return nil, fmt.Errorf("mem: %d system nodes named for a machine of %d", len(osNodes), nodes)
	}
	size := (uintptr(regionBytes) + pageBytes - 1) &^ (pageBytes - 1)
	b, err := mapBlock(size * uintptr(nodes))
	if err != nil {
		return nil, fmt.Errorf("mem: map %d bytes: %w", size*uintptr(nodes), err)
	}
	m := &Memory{block: b}
	for n := range nodes {
		start := size * uintptr(n)
		m.regions = append(m.regions, region{start: start, used: start, limit: start + size})
		if osNodes == nil {
			continue
		}
		if err := b.bind(start, size, osNodes[n]); err != nil && m.unbound == nil {
			m.unbound = fmt.Errorf("mem: bind region %d to node %d: %w", n, osNodes[n], err)
		}
	}
	return m, nil
}

// Unbound is why the system refused to bind a region to its node, the first of them; nil when none was refused. Under the race detector, and on
// systems other than Linux, nothing is bound and nothing refused.
func (m *Memory) Unbound() error { return m.unbound }

// Release gives the memory back to the system. No object of it may be used afterwards.
func (m *Memory) Release() { m.block.release() }

// Nodes is the number of regions.
func (m *Memory) Nodes() int { return len(m.regions) }

// Base is the address of offset 0.
func (m *Memory) Base() unsafe.Pointer { return m.block.base }

// Bytes is the size of the whole memory, all regions together.
func (m *Memory) Bytes() uintptr { return m.block.size }

// Used is how much of the memory has been handed out, in bytes, all regions together; what alignment skips counts.
func (m *Memory) Used() uintptr {
	used := uintptr(0)
	for _, r := range m.regions {
		used += r.used - r.start
	}
	return used
}

// Offset turns the address of a word into its machine-independent offset. ok is false for an address outside the memory.
func (m *Memory) Offset(p unsafe.Pointer) (offset uintptr, ok bool) {
	o := uintptr(p) - uintptr(m.block.base)
	return o, o < m.block.size
}

// Span is the memory from an offset on, as bytes that belong to whoever holds the object there: nothing orders them, and the simulator does not see
// them. It panics on what lies outside the memory.
func (m *Memory) Span(offset uintptr, size int) []byte {
	if size < 0 || offset > m.block.size || uintptr(size) > m.block.size-offset {
		panic(fmt.Sprintf("mem: %d bytes from offset %d in a memory of %d", size, offset, m.block.size))
	}
	return m.bytes(offset, offset+uintptr(size))
}

// At is the T at an offset that an allocator over this memory has handed out; T must hold no Go pointers. It panics on what lies outside the memory.
func At[T any](m *Memory, offset uintptr) *T {
	var zero T
	if size := m.block.size; offset > size || unsafe.Sizeof(zero) > size-offset {
		outside(offset, unsafe.Sizeof(zero), size)
	}
	return (*T)(unsafe.Add(m.block.base, offset))
}

// Row is n Ts in a row from such an offset on. It panics on what lies outside the memory.
func Row[T any](m *Memory, offset uintptr, n int) []T {
	var zero T
	if size := m.block.size; n < 0 || offset > size || uintptr(n) > (size-offset)/max(1, unsafe.Sizeof(zero)) {
		outside(offset, uintptr(n)*unsafe.Sizeof(zero), size)
	}
	return unsafe.Slice((*T)(unsafe.Add(m.block.base, offset)), n)
}

//go:noinline
func outside(offset, bytes, size uintptr) {
	panic(fmt.Sprintf("mem: %d bytes from offset %d in a memory of %d", bytes, offset, size))
}

// Alloc returns size zeroed bytes on the given node, aligned to align bytes, a power of two of at most 4096 that is raised to 64. It returns an
// error when the node's region is full.
func (m *Memory) Alloc(node int, size, align uintptr) (unsafe.Pointer, error) {
	if node < 0 || node >= len(m.regions) {
		return nil, fmt.Errorf("mem: node %d of a machine with %d", node, len(m.regions))
	}
	if align < LineBytes {
		align = LineBytes
	}
	if align&(align-1) != 0 || align > pageBytes {
		return nil, fmt.Errorf("mem: alignment %d is no power of two of at most %d", align, pageBytes)
	}
	r := &m.regions[node]
	at := (r.used + align - 1) &^ (align - 1)
	if at+size > r.limit || at+size < at {
		return nil, fmt.Errorf("mem: node %d is full: %d bytes wanted, %d of %d left; give the machine more memory",
			node, size, r.limit-r.used, r.limit-r.start)
	}
	end := at + size
	if !mutant.On(mm01) {
		end += LineBytes - 1
	}
	r.used = end &^ (LineBytes - 1)
	return unsafe.Add(m.block.base, at), nil
}

// New places a zeroed T on node. T must hold no Go pointers.
func New[T any](m *Memory, node int) (*T, error) {
	var zero T
	if err := checkType(reflect.TypeFor[T]()); err != nil {
		return nil, err
	}
	p, err := m.Alloc(node, unsafe.Sizeof(zero), LineBytes)
	if err != nil {
		return nil, err
	}
	if choice.Enabled {
		m.note(p, reflect.TypeFor[T](), 1)
	}
	return (*T)(p), nil
}

// Slice places n zeroed Ts in a row on node. T must hold no Go pointers. Neighbours share lines when T is smaller than a line.
func Slice[T any](m *Memory, node, n int) ([]T, error) {
	var zero T
	if err := checkType(reflect.TypeFor[T]()); err != nil {
		return nil, err
	}
	if n < 0 || uintptr(n) > m.Bytes()/max(1, unsafe.Sizeof(zero)) { // more would overflow the product below
		return nil, fmt.Errorf("mem: slice of %d objects of %d bytes in a memory of %d", n, unsafe.Sizeof(zero), m.Bytes())
	}
	p, err := m.Alloc(node, unsafe.Sizeof(zero)*uintptr(n), LineBytes)
	if err != nil {
		return nil, err
	}
	if choice.Enabled {
		m.note(p, reflect.TypeFor[T](), n)
	}
	return unsafe.Slice((*T)(p), n), nil
}

func checkType(t reflect.Type) error {
	switch t.Kind() {
	case reflect.Bool, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Int,
		reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uint, reflect.Uintptr:
		return nil
	case reflect.Array:
		if mutant.On(mm02) {
			return nil
		}
		return checkType(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if err := checkType(t.Field(i).Type); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("mem: type %v holds a %v: arena memory holds no Go pointers", t, t.Kind())
}

// Reset forgets every object and zeroes what was used.
func (m *Memory) Reset() {
	for i := range m.regions {
		r := &m.regions[i]
		clear(m.bytes(r.start, r.used))
		r.used = r.start
	}
	m.objects = m.objects[:0]
}

// Save keeps a copy of every byte in use, for Restore.
func (m *Memory) Save() {
	m.saved = m.saved[:0]
	m.savedAt = m.savedAt[:0]
	m.marked = len(m.objects)
	for _, r := range m.regions {
		m.saved = append(m.saved, m.bytes(r.start, r.used)...)
		m.savedAt = append(m.savedAt, r.used)
	}
}

// Restore puts the memory back as it was at the latest Save, which must have been: every word of a design is here, so this is a fresh copy.
func (m *Memory) Restore() {
	m.objects = m.objects[:m.marked]
	from := uintptr(0)
	for i := range m.regions {
		r := &m.regions[i]
		if r.used > m.savedAt[i] && !mutant.On(mm03) {
			clear(m.bytes(m.savedAt[i], r.used))
		}
		r.used = m.savedAt[i]
		n := r.used - r.start
		copy(m.bytes(r.start, r.used), m.saved[from:from+n])
		from += n
	}
}

func (m *Memory) bytes(from, to uintptr) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(m.block.base, from)), to-from)
}
