package mempool

import (
	"strings"
	"testing"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/page"
)

// An area is memory of its own on every CPU, all of them are to be had, and none is idle while it has an owner.
func TestAreasAreApartOnEveryCPU(t *testing.T) {
	m := newPair(t)
	for _, c := range []struct{ areas, bytes int }{{1, 64}, {3, 64}, {70, 8}, {5, 200}, {40, 1000}, {3, 4096}} {
		b, err := NewChunks(m, c.areas, c.bytes)
		if err != nil {
			t.Fatal(err)
		}
		var held []designs.Item
		for {
			it, err := b.Alloc(m.task, kernel.Kernel)
			if err != nil {
				break
			}
			if !b.Holds(it) || b.Idle(it) {
				t.Errorf("area %d of %d bytes is held %v, idle %v", it, c.bytes, b.Holds(it), b.Idle(it))
			}
			held = append(held, it)
			for cpu := range m.CPUs() {
				area := b.On(it, cpu)
				for i := range area {
					area[i] = byte(len(held)*2 + cpu)
				}
			}
		}
		for n, it := range held {
			for cpu := range m.CPUs() {
				for _, got := range b.On(it, cpu) {
					if got != byte((n+1)*2+cpu) {
						t.Fatalf("%d bytes: area %d of CPU %d was written through another", c.bytes, n, cpu)
					}
				}
			}
			b.Free(m.task, it)
			if !b.Idle(it) {
				t.Errorf("area %d is not idle after its free", it)
			}
		}
		if err := b.Check(); err != nil || len(held) != c.areas {
			t.Errorf("%d areas of %d bytes: %d were to be had, %v", c.areas, c.bytes, len(held), err)
		}
	}
}

// pair is a bench of two CPUs.
type pair struct{ *bench }

func newPair(t testing.TB) pair { return pair{newBench(t)} }

func (pair) CPUs() int { return 2 }

// What is no area, and an area without an owner, is refused before anything changes; Check finds bits of areas that a chunk has not, and pages that
// are not the chunk's.
func TestChunksFindMisuse(t *testing.T) {
	m := newPair(t)
	b := chunks(t, m.bench, 3)
	held, err := b.Alloc(m.task, kernel.Kernel)
	if err != nil {
		t.Fatal(err)
	}
	idle, _ := b.Alloc(m.task, kernel.Kernel)
	b.Free(m.task, idle)
	for _, it := range []designs.Item{held + 8, held + 1, ^designs.Item(0), designs.Item(m.memory.Bytes()), 0} {
		if b.Holds(it) || panics(func() { b.Free(m.task, it) }) == nil {
			t.Errorf("the free of %d passes", it)
		}
	}
	if err := b.Check(); err != nil {
		t.Errorf("after it: %v", err)
	}
	for _, c := range []struct {
		spoil func(b *Chunks)
		says  string
	}{
		{func(b *Chunks) { b.free[0].Store(1 << 60) }, "has 0x1000000000000000 free (I2)"},
		{func(b *Chunks) { b.pages.Free(m.task, page.Page(b.units[0].Load()), 0) }, "owners (I2)"},
		{func(b *Chunks) { b.words.guard.Lock(m.task) }, "the lock of the chunks is held"},
	} {
		b := chunks(t, newBench(t), 3)
		if _, err := b.Alloc(m.task, kernel.Kernel); err != nil {
			t.Fatal(err)
		}
		c.spoil(b)
		if err := b.Check(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v, want %q", err, c.says)
		}
	}
	if said := panics(func() { b.Free(m.task, idle) }); said == nil { // it may leave the lock held, so it comes last
		t.Error("the free of an idle area passes")
	}
}

// kfree gives an object back to the class its address belongs to, whichever size it was asked for through; sizes of one class share it.
func TestHeapFindsTheClassOfAnObject(t *testing.T) {
	m := newBench(t)
	h, err := NewHeap(m, 8, 100, 30, 120, 1000)
	if err != nil {
		t.Fatal(err)
	}
	sized := func(bytes int) *Kmalloc {
		b, err := h.Sized(bytes)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	small, middle, large := sized(30), sized(100), sized(1000)
	if len(h.classes) != 3 || middle.class != sized(120).class || len(middle.Bytes(64)) != 100 {
		t.Errorf("%d classes for sizes 100, 30, 120 and 1000, of which 100 and 120 share one", len(h.classes))
	}
	for _, b := range []*Kmalloc{small, middle, large} {
		it, err := b.Alloc(m.task, kernel.NoWait)
		if err != nil || !b.Holds(it) || small.Holds(it) != (b == small) || large.Holds(it) != (b == large) {
			t.Errorf("object %d of %d bytes: %v, held by its own class %v", it, b.bytes, err, b.Holds(it))
		}
		small.Free(m.task, it)
		if !b.Idle(it) {
			t.Errorf("object %d of %d bytes did not go back to its class", it, b.bytes)
		}
	}
	if panics(func() { small.Free(m.task, 1) }) == nil {
		t.Error("the free of no object passes")
	}
	if err := small.Check(); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		objects int
		sizes   []int
		says    string
	}{{8, []int{0}, "objects of 0 bytes: give 1 to 4096"}, {8, []int{4097}, "objects of 4097 bytes"}, {0, []int{8}, "a heap of 0 objects"}, {8, nil, "of 0 sizes"}} {
		if _, err := NewHeap(m, c.objects, c.sizes...); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("a heap of %d objects of sizes %v: %v, want %q", c.objects, c.sizes, err, c.says)
		}
	}
	if _, err := h.Sized(500); err == nil || !strings.Contains(err.Error(), "the heap was made without the class of 512") {
		t.Errorf("a size whose class was not made: %v", err)
	}
	if _, err := h.Sized(5000); err == nil {
		t.Error("a size without a class is taken")
	}
}

// Configurations of chunks and pages that cannot be are refused.
func TestBackingsRefuseWhatTheyCannotHold(t *testing.T) {
	m := newBench(t)
	zones, err := page.New(m, page.Config{Pages: 8, PageBytes: 64})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		try  func() error
		says string
	}{
		{func() error { _, err := NewChunks(m, 0, 64); return err }, "0 areas of 64 bytes: give at least 1 area"},
		{func() error { _, err := NewChunks(m, 1, 4097); return err }, "1 areas of 4097 bytes"},
		{func() error { _, err := NewChunksOf(m, zones, 1, 65); return err }, "1 areas of 65 bytes in pages of 64"},
		{func() error { _, err := NewPagesOf(m, zones, 65); return err }, "items of 65 bytes in pages of 64: give 1 up to that"},
		{func() error { _, err := NewChunks(m, 1<<24, 4096); return err }, "mem: "},
	} {
		if err := c.try(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v, want %q", err, c.says)
		}
	}
}
