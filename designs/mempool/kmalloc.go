package mempool

import (
	"errors"
	"fmt"
	"slices"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/mem"
	"headroom/kernel/page"
	"headroom/kernel/slab"
)

// sizeClasses are those of kmalloc, in bytes.
var sizeClasses = []int{8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096}

// Heap is an allocator of objects of any size, as kmalloc is one: a slab cache for each size class, all over the same zones. An object is of the least
// class that holds it, and goes back to the class its address belongs to. Only the classes are made that somebody asks for, since the descriptors of
// a cache cover the whole memory.
type Heap struct {
	classes []heapClass
	pages   *page.Allocator
	memory  *mem.Memory
}

type heapClass struct {
	bytes int
	cache *slab.Cache
}

// Kmalloc is objects of one size of a Heap, as a backing.
type Kmalloc struct {
	heap  *Heap
	class int
	bytes int // usable bytes of an item
}

// NewHeap makes the classes that these sizes fall in, each 1 to 4096 bytes, and zones below them, one for each node, that hold so many objects of each
// class above the reserve, if every class keeps to that. It returns an error when a number is out of range, or memory is full.
func NewHeap(place kernel.Place, objects int, sizes ...int) (*Heap, error) {
	h := &Heap{memory: place.Memory()}
	var configs []slab.Config
	for _, bytes := range sizes {
		class, err := classOf(bytes)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(h.classes, func(c heapClass) bool { return c.bytes == class }) {
			h.classes = append(h.classes, heapClass{bytes: class})
			configs = append(configs, slab.Config{ObjectBytes: class})
		}
	}
	if objects < 1 || len(configs) == 0 {
		return nil, fmt.Errorf("mempool: a heap of %d objects of %d sizes: give at least one of each", objects, len(configs))
	}
	nodes := place.Memory().Nodes()
	each := (objects + nodes - 1) / nodes
	size := pageSize(each, slices.Max(sizes))
	usable, err := slabPages(configs, nodes, each, size)
	if err != nil {
		return nil, fmt.Errorf("mempool: %w", err)
	}
	if h.pages, err = newZones(place, usable*nodes, size); err != nil {
		return nil, err
	}
	for i := range h.classes {
		if h.classes[i].cache, err = slab.New(place, h.pages, configs[i]); err != nil {
			return nil, fmt.Errorf("mempool: class of %d bytes: %w", h.classes[i].bytes, err)
		}
	}
	return h, nil
}

// classOf is the least class that holds so many bytes.
func classOf(bytes int) (int, error) {
	for _, class := range sizeClasses {
		if bytes >= 1 && bytes <= class {
			return class, nil
		}
	}
	return 0, fmt.Errorf("mempool: objects of %d bytes: give 1 to %d", bytes, pageBytes)
}

// Sized is the backing that allocates objects of so many bytes. It returns an error when their class was not made.
func (h *Heap) Sized(bytes int) (*Kmalloc, error) {
	class, err := classOf(bytes)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(h.classes, func(c heapClass) bool { return c.bytes == class })
	if at < 0 {
		return nil, fmt.Errorf("mempool: objects of %d bytes: the heap was made without the class of %d", bytes, class)
	}
	return &Kmalloc{heap: h, class: at, bytes: bytes}, nil
}

// Alloc hands out an object of the size's class, as slab.Cache does.
func (b *Kmalloc) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	o, err := b.heap.classes[b.class].cache.Alloc(t, gfp)
	return designs.Item(o), err
}

// Free gives an object back to its class, which its address tells: as kfree, it takes objects of any size.
func (b *Kmalloc) Free(t *kernel.Task, it designs.Item) {
	classes := b.heap.classes
	if len(classes) > 1 && !classes[b.class].cache.Holds(slab.Object(it)) {
		for i := range classes {
			if classes[i].cache.Holds(slab.Object(it)) {
				classes[i].cache.Free(t, slab.Object(it))
				return
			}
		}
	}
	classes[b.class].cache.Free(t, slab.Object(it))
}

// Holds reports whether the item is an object of the size's class, with an owner or not.
func (b *Kmalloc) Holds(it designs.Item) bool {
	return b.heap.classes[b.class].cache.Holds(slab.Object(it))
}

// Idle reports whether the object has no owner.
func (b *Kmalloc) Idle(it designs.Item) bool {
	return b.heap.classes[b.class].cache.Idle(slab.Object(it))
}

// Check walks every class and the zones below.
func (b *Kmalloc) Check() error {
	var faults []error
	for _, c := range b.heap.classes {
		faults = append(faults, c.cache.Check())
	}
	return errors.Join(append(faults, b.heap.pages.Check())...)
}

// CPUDead empties the lists of a dead CPU, of objects of every class and of pages.
func (b *Kmalloc) CPUDead(t *kernel.Task, cpu int) {
	for _, c := range b.heap.classes {
		c.cache.CPUDead(t, cpu)
	}
	b.heap.pages.CPUDead(t, cpu)
}

// Victim reports whether the killer of the zones below has chosen t.
func (b *Kmalloc) Victim(t *kernel.Task) bool { return b.heap.pages.Victim(t) }

// Bytes is the memory behind an object, as much as was asked for.
func (b *Kmalloc) Bytes(it designs.Item) []byte { return b.heap.memory.Span(uintptr(it), b.bytes) }
