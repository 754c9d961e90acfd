package mempool

import (
	"errors"
	"fmt"
	"math/bits"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/lock"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
	"headroom/kernel/page"
)

// Chunks is per-CPU memory as a backing, after Linux's percpu allocator of 2011: an item is an area for each CPU. Areas are cut out of chunks, which
// have a page for each CPU. Who wants one may have to make a chunk, which takes a lock that sleeps and memory by whatever means: so Alloc serves only
// callers that may wait, do I/O and enter file systems (kernel.Kernel), whether a chunk has room or not. Free is for any context.
//
// Differences from the original: what a CPU has of a chunk is one page, from wherever the page allocator takes it, and chunks once made are kept.
type Chunks struct {
	pages  *page.Allocator
	memory *mem.Memory
	words  *chunkWords
	free   []mem.Plain64   // by chunk: a bit for each area without an owner; words.guard
	units  []mem.Plain64   // by chunk and CPU: the page, as an offset; written once, before an area of the chunk has an owner
	owner  []atomic.Uint32 // by page of all zones: 1 + the chunk whose CPU 0 it belongs to, 0 for none
	zones  []chunkZone
	cpus   int
	bytes  int    // usable bytes of an item, on each CPU
	area   uint64 // bytes from one area to the next
	per    int    // areas of a chunk
	areas  int    // areas of all chunks; the last may have fewer
	shift  uint   // log2 of the page size
}

// chunkZone is where the pages of a node lie, and the place of the first in Chunks.owner.
type chunkZone struct{ first, bytes, base uint64 }

// chunkWords are the state of all chunks. making nests outside guard.
type chunkWords struct {
	making lock.Mutex   // held by who wants an area
	guard  lock.RawSpin // protects the bits; taken with interrupts masked
	made   mem.Plain32  // chunks that there are; written with both held
	lowest mem.Plain32  // no chunk before it has a free area; guard
}

// mostPerChunk is the number of bits in a row.
const mostPerChunk = 64

// NewChunks makes room for so many areas of so many bytes on each CPU, 1 to 4096, and zones below for their chunks. It returns an error when either is
// out of range, or memory is full.
func NewChunks(place kernel.Place, areas, bytes int) (*Chunks, error) {
	if areas < 1 || bytes < 1 || bytes > pageBytes {
		return nil, fmt.Errorf("mempool: %d areas of %d bytes: give at least 1 area, of 1 to %d bytes", areas, bytes, pageBytes)
	}
	area := (bytes + mem.LineBytes - 1) &^ (mem.LineBytes - 1)
	size := pageSize(areas, area)
	chunks := (areas + size/area - 1) / (size / area)
	zones, err := newZones(place, chunks*place.CPUs(), size)
	if err != nil {
		return nil, err
	}
	return NewChunksOf(place, zones, areas, bytes)
}

// NewChunksOf is NewChunks over zones that have other users as well.
func NewChunksOf(place kernel.Place, pages *page.Allocator, areas, bytes int) (*Chunks, error) {
	area := (bytes + mem.LineBytes - 1) &^ (mem.LineBytes - 1)
	if areas < 1 || bytes < 1 || area > pages.PageBytes() {
		return nil, fmt.Errorf("mempool: %d areas of %d bytes in pages of %d: give at least 1 area, and no more bytes than a page has", areas, bytes, pages.PageBytes())
	}
	b := &Chunks{pages: pages, memory: place.Memory(), cpus: place.CPUs(), bytes: bytes, area: uint64(area), areas: areas,
		shift: uint(bits.TrailingZeros(uint(pages.PageBytes())))}
	b.per = min(pages.PageBytes()/area, mostPerChunk)
	chunks, total := (areas+b.per-1)/b.per, uint64(0)
	for node := range place.Memory().Nodes() {
		first, count := pages.Zone(node)
		b.zones = append(b.zones, chunkZone{first: uint64(first), bytes: uint64(count) << b.shift, base: total})
		total += uint64(count)
	}
	var failures [4]error
	b.words, failures[0] = mem.New[chunkWords](place.Memory(), 0)
	b.free, failures[1] = mem.Slice[mem.Plain64](place.Memory(), 0, chunks)
	b.units, failures[2] = mem.Slice[mem.Plain64](place.Memory(), 0, chunks*b.cpus)
	b.owner, failures[3] = mem.Slice[atomic.Uint32](place.Memory(), 0, int(total))
	if err := errors.Join(failures[:]...); err != nil {
		return nil, fmt.Errorf("mempool: chunks for %d areas: %w", areas, err)
	}
	return b, nil
}

// Alloc hands out an area to a caller who may do everything, in process context (I16); others get kernel.ErrWouldBlock. When all areas have owners, or no
// page is left for a chunk, the answer is kernel.ErrNoMemory.
func (b *Chunks) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	if gfp&kernel.Kernel != kernel.Kernel && !mutant.On(po17) {
		return 0, kernel.ErrWouldBlock
	}
	b.words.making.Lock(t)
	it, ok := b.take(t)
	var err error
	if !ok {
		if err = b.make(t, gfp); err == nil {
			it, _ = b.take(t) // nobody else takes while making is held
		}
	}
	b.words.making.Unlock(t)
	return it, err
}

// take claims the lowest area without an owner; making held.
func (b *Chunks) take(t *kernel.Task) (it designs.Item, ok bool) {
	b.enter(t)
	made := b.words.made.Load()
	for chunk := b.words.lowest.Load(); chunk < made; chunk++ {
		if free := b.free[chunk].Load(); free != 0 {
			b.clear(t, chunk, free&(free-1))
			b.words.lowest.Store(chunk)
			it, ok = designs.Item(b.units[int(chunk)*b.cpus].Load()+uint64(bits.TrailingZeros64(free))*b.area), true
			break
		}
	}
	b.leave(t)
	return it, ok
}

// clear writes a row of bits; guard held.
func (b *Chunks) clear(t *kernel.Task, chunk uint32, rest uint64) {
	if mutant.On(po18) {
		b.leave(t)
		b.free[chunk].Store(rest)
		b.enter(t)
		return
	}
	b.free[chunk].Store(rest)
}

// make adds a chunk; making held, and nothing that forbids to wait.
func (b *Chunks) make(t *kernel.Task, gfp kernel.GFP) error {
	chunk := b.words.made.Load()
	if int(chunk) == len(b.free) {
		return kernel.ErrNoMemory
	}
	units := b.units[int(chunk)*b.cpus : int(chunk+1)*b.cpus]
	for i := range units {
		p, err := b.pages.Alloc(t, gfp, 0)
		if err != nil {
			for k := range units[:i] {
				b.pages.Free(t, page.Page(units[k].Load()), 0)
			}
			return err
		}
		units[i].Store(uint64(p))
	}
	reachChunk.Hit()
	number, _ := b.number(units[0].Load())
	b.owner[number].Store(chunk + 1)
	b.enter(t)
	b.free[chunk].Store(^uint64(0) >> (64 - min(b.per, b.areas-int(chunk)*b.per)))
	b.words.made.Store(chunk + 1)
	b.leave(t)
	return nil
}

func (b *Chunks) enter(t *kernel.Task) {
	t.IRQSave()
	b.words.guard.Lock(t)
}

func (b *Chunks) leave(t *kernel.Task) {
	b.words.guard.Unlock(t)
	t.IRQRestore()
}

// number is the place of an offset's page among those of all zones.
func (b *Chunks) number(at uint64) (number uint64, ok bool) {
	for i := range b.zones {
		if z := &b.zones[i]; at-z.first < z.bytes {
			return z.base + (at-z.first)>>b.shift, true
		}
	}
	return 0, false
}

// locate is the chunk and the bit of an area; false for what is none.
func (b *Chunks) locate(it designs.Item) (chunk uint32, bit uint64, ok bool) {
	number, ok := b.number(uint64(it))
	if !ok {
		return 0, 0, false
	}
	chunk = b.owner[number].Load() - 1
	within := uint64(it) & (1<<b.shift - 1)
	bit = within / b.area
	return chunk, bit, chunk != ^uint32(0) && bit*b.area == within && bit < uint64(b.per) && int(chunk)*b.per+int(bit) < b.areas
}

// Free gives an area back. It panics on what is none, or has no owner. Any context but NMI.
func (b *Chunks) Free(t *kernel.Task, it designs.Item) {
	chunk, bit, ok := b.locate(it)
	if !ok {
		misuse(it)
	}
	b.enter(t)
	free := b.free[chunk].Load()
	if free>>bit&1 != 0 {
		misuse(it)
	}
	b.free[chunk].Store(free | 1<<bit)
	if chunk < b.words.lowest.Load() {
		b.words.lowest.Store(chunk)
	}
	b.leave(t)
}

// Holds reports whether the item is an area of a chunk, with an owner or not.
func (b *Chunks) Holds(it designs.Item) bool {
	_, _, ok := b.locate(it)
	return ok
}

// Idle reports whether the area has no owner.
func (b *Chunks) Idle(it designs.Item) bool {
	chunk, bit, _ := b.locate(it)
	return b.free[chunk].Load()>>bit&1 != 0
}

// Check looks at the locks and the chunks, then walks the zones.
func (b *Chunks) Check() error {
	if b.words.guard.Held() {
		return errors.New("mempool: the lock of the chunks is held at quiescence")
	}
	for chunk := range b.words.made.Load() {
		has := min(b.per, b.areas-int(chunk)*b.per)
		if free := b.free[chunk].Load(); has < 64 && free>>has != 0 {
			return fmt.Errorf("mempool: chunk %d of %d areas has %#x free (I2)", chunk, has, free)
		}
		for cpu := range b.cpus {
			unit := page.Page(b.units[int(chunk)*b.cpus+cpu].Load())
			if owners := b.pages.Owners(unit); owners != 1 {
				return fmt.Errorf("mempool: page %d of chunk %d has %d owners (I2)", unit, chunk, owners)
			}
		}
	}
	return b.pages.Check()
}

// CPUDead empties the page lists of a dead CPU. Its part of every area stays: the CPU may come back.
func (b *Chunks) CPUDead(t *kernel.Task, cpu int) { b.pages.CPUDead(t, cpu) }

// Victim reports whether the killer of the zones below has chosen t.
func (b *Chunks) Victim(t *kernel.Task) bool { return b.pages.Victim(t) }

// Bytes is the memory behind an area on CPU 0.
func (b *Chunks) Bytes(it designs.Item) []byte { return b.On(it, 0) }

// On is the memory behind an area on a CPU. The caller owns the area.
func (b *Chunks) On(it designs.Item, cpu int) []byte {
	chunk, bit, _ := b.locate(it)
	return b.memory.Span(uintptr(b.units[int(chunk)*b.cpus+cpu].Load()+bit*b.area), b.bytes)
}
