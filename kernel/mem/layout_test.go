package mem_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"pgregory.net/rapid"

	"headroom/kernel/mem"
)

// regionBytes is small, so that regions fill up in the tests.
const regionBytes = 4096

// request is one call of Alloc.
type request struct {
	node        int
	size, align uintptr
}

// requests draws a construction: a few objects of all sizes and alignments, often more than fit.
var requests = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) request {
	return request{
		node:  rapid.IntRange(0, 1).Draw(t, "node"),
		size:  rapid.OneOf(rapid.UintptrRange(1, 200), rapid.UintptrRange(1, 3000)).Draw(t, "size"),
		align: 1 << rapid.IntRange(0, 12).Draw(t, "align"),
	}
}), 1, 40)

// I1: objects overlap nowhere and share no line, each lies in its node's region, zeroed and aligned; the same requests give the same offsets in
// another memory; a request is refused only when the region has no room for it.
func TestObjectsLieApart(t *testing.T) {
	refused := 0
	rapid.Check(t, func(t *rapid.T) {
		n, err := checkLayout(requests.Draw(t, "requests"))
		if err != nil {
			t.Fatal(err)
		}
		refused += n
	})
	if refused == 0 {
		t.Error("no region was ever full")
	}
}

// object is what Alloc returned.
type object struct {
	offset uintptr
	bytes  []byte
}

// checkLayout carries out the requests on two memories and returns how many were refused, or what is wrong with an object.
func checkLayout(requests []request) (refused int, err error) {
	var memories [2]*mem.Memory
	for i := range memories {
		if memories[i], err = mem.Make(2, regionBytes, nil); err != nil {
			return 0, err
		}
		defer memories[i].Release()
	}
	var objects []object
	ends := [2]uintptr{0, regionBytes}
	for i, r := range requests {
		p, err := memories[0].Alloc(r.node, r.size, r.align)
		twin, twinErr := memories[1].Alloc(r.node, r.size, r.align)
		if (err == nil) != (twinErr == nil) {
			return 0, fmt.Errorf("request %d: %v in one memory, %v in the other", i, err, twinErr)
		}
		fits := roundUp(ends[r.node], max(r.align, mem.LineBytes))+r.size <= uintptr(r.node+1)*regionBytes
		if err != nil {
			if fits || !strings.Contains(err.Error(), "is full") {
				return 0, fmt.Errorf("request %d: refused with room left: %w", i, err)
			}
			refused++
			continue
		}
		o, err := place(memories[0], p, r)
		if err != nil {
			return 0, fmt.Errorf("request %d: %w", i, err)
		}
		if other, _ := memories[1].Offset(twin); other != o.offset {
			return 0, fmt.Errorf("request %d: offset %#x in one memory, %#x in the other", i, o.offset, other)
		}
		for at := range o.bytes {
			o.bytes[at] = byte(i + 1)
		}
		objects, ends[r.node] = append(objects, o), roundUp(o.offset+r.size, mem.LineBytes)
	}
	return refused, apart(objects)
}

// place checks where an object lies and that it is zeroed.
func place(m *mem.Memory, p unsafe.Pointer, r request) (object, error) {
	offset, ok := m.Offset(p)
	start := uintptr(r.node) * regionBytes
	switch {
	case !ok || offset < start || offset+r.size > start+regionBytes:
		return object{}, fmt.Errorf("offset %#x with %d bytes lies outside the region of node %d", offset, r.size, r.node)
	case uintptr(p)%max(r.align, mem.LineBytes) != 0:
		return object{}, fmt.Errorf("address %p is not aligned to %d", p, r.align)
	}
	b := unsafe.Slice((*byte)(p), r.size)
	if len(bytes.Trim(b, "\x00")) != 0 {
		return object{}, fmt.Errorf("offset %#x: the memory is not zeroed", offset)
	}
	return object{offset: offset, bytes: b}, nil
}

// apart checks that every object still holds what was written to it, and shares no line with another.
func apart(objects []object) error {
	lines := map[uintptr]int{}
	for i, o := range objects {
		for at, b := range o.bytes {
			if b != o.bytes[0] {
				return fmt.Errorf("object at %#x: byte %d was overwritten", o.offset, at)
			}
		}
		for line := o.offset / mem.LineBytes; line <= (o.offset+uintptr(len(o.bytes))-1)/mem.LineBytes; line++ {
			if other, taken := lines[line]; taken {
				return fmt.Errorf("objects at %#x and %#x share line %d", objects[other].offset, o.offset, line)
			}
			lines[line] = i
		}
	}
	return nil
}

func roundUp(n, unit uintptr) uintptr { return (n + unit - 1) / unit * unit }

// What cannot be answered is an error, not an object: a node that is not there, an odd alignment, sizes that overflow.
func TestBadRequestsAreRefused(t *testing.T) {
	m, err := mem.Make(2, regionBytes, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Release()
	for _, r := range []request{
		{node: -1, size: 8, align: 8}, {node: 2, size: 8, align: 8}, {size: 8, align: 96}, {size: 8, align: 8192},
		{size: regionBytes + 1, align: 64}, {size: ^uintptr(0), align: 64}, {size: ^uintptr(0) - 63, align: 64},
	} {
		if p, err := m.Alloc(r.node, r.size, r.align); err == nil {
			t.Errorf("Alloc(%d, %d, %d) gives %p", r.node, r.size, r.align, p)
		}
	}
	for _, n := range []int{-1, regionBytes/8 + 1, 1 << 61, 1<<61 + 1, 1<<63 - 1} {
		if s, err := mem.Slice[uint64](m, 0, n); err == nil {
			t.Errorf("Slice of %d gives %d objects", n, len(s))
		}
	}
	for _, bad := range [][2]int{{0, 4096}, {1, 0}, {-1, 4096}, {1, -4096}} {
		if m, err := mem.Make(bad[0], bad[1], nil); err == nil {
			m.Release()
			t.Errorf("Make(%d, %d) gives a memory", bad[0], bad[1])
		}
	}
	if m, err := mem.Make(2, regionBytes, []int{0}); err == nil {
		m.Release()
		t.Error("Make with one system node for two regions gives a memory")
	}
	if p, err := m.Alloc(0, regionBytes, 64); err != nil {
		t.Errorf("after the refusals the whole region should be left: %v, %v", p, err)
	}
}

// Slice gives as many neighbours as asked for, none and empty objects included, and Offset knows what lies outside.
func TestSliceAndOffset(t *testing.T) {
	m, err := mem.Make(1, regionBytes-100, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Release()
	if m.Nodes() != 1 || m.Bytes() != regionBytes {
		t.Errorf("%d nodes, %d bytes: want 1 node of whole pages", m.Nodes(), m.Bytes())
	}
	words, err := mem.Slice[mem.Plain32](m, 0, 40)
	if err != nil || len(words) != 40 {
		t.Fatalf("%d words, %v", len(words), err)
	}
	for i := range words {
		if at, ok := m.Offset(unsafe.Pointer(&words[i])); !ok || at != uintptr(i)*4 {
			t.Errorf("word %d at offset %d, %v", i, at, ok)
		}
	}
	if none, err := mem.Slice[uint64](m, 0, 0); err != nil || len(none) != 0 {
		t.Errorf("a slice of none: %d objects, %v", len(none), err)
	}
	if empty, err := mem.Slice[struct{}](m, 0, 5); err != nil || len(empty) != 5 {
		t.Errorf("a slice of 5 empty objects: %d objects, %v", len(empty), err)
	}
	if at, ok := m.Offset(unsafe.Pointer(new(uint64))); ok {
		t.Errorf("an address outside the memory has offset %#x", at)
	}
}

// A span is the object's own bytes, and none outside the memory can be had.
func TestSpanIsTheMemoryAtAnOffset(t *testing.T) {
	m, err := mem.Make(1, 8192, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Release()
	w, err := mem.New[mem.Plain64](m, 0)
	if err != nil {
		t.Fatal(err)
	}
	w.Store(0x0807060504030201)
	offset, _ := m.Offset(unsafe.Pointer(w))
	if got := m.Span(offset, 3); len(got) != 3 || got[0] != 1 || got[2] != 3 {
		t.Errorf("three bytes of 0x..030201 are %v", got)
	}
	if got := m.Span(8192, 0); len(got) != 0 {
		t.Errorf("nothing at the end is %v", got)
	}
	for _, bad := range []struct {
		offset uintptr
		size   int
	}{{0, -1}, {8193, 0}, {8192, 1}, {^uintptr(0), 2}, {0, 8193}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d bytes from %d on: no panic", bad.size, bad.offset)
				}
			}()
			m.Span(bad.offset, bad.size)
		}()
	}
}

// What At gives is the object that was placed there, and none outside the memory can be had.
func TestAtFindsTheObjectAtAnOffset(t *testing.T) {
	m, err := mem.Make(1, 4096, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Release()
	w, err := mem.New[mem.Plain64](m, 0)
	if err != nil {
		t.Fatal(err)
	}
	offset, _ := m.Offset(unsafe.Pointer(w))
	if got := mem.At[mem.Plain64](m, offset); got != w {
		t.Errorf("the word at %p is found at %p", w, got)
	}
	for _, offset := range []uintptr{4089, 4096, ^uintptr(0)} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("eight bytes from %d on: no panic", offset)
				}
			}()
			mem.At[mem.Plain64](m, offset)
		}()
	}
}

// A row lies where its first word does, is as long as asked for, and none that reaches outside the memory can be had.
func TestRowFindsTheObjectsFromAnOffset(t *testing.T) {
	m, err := mem.Make(1, 4096, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Release()
	words, err := mem.Slice[mem.Plain64](m, 0, 9)
	if err != nil {
		t.Fatal(err)
	}
	offset, _ := m.Offset(unsafe.Pointer(&words[2]))
	if row := mem.Row[mem.Plain64](m, offset, 7); len(row) != 7 || &row[0] != &words[2] || &row[6] != &words[8] {
		t.Errorf("a row of %d words from %p on, want 7 from %p on", len(row), row, &words[2])
	}
	if row := mem.Row[mem.Plain64](m, 4096, 0); len(row) != 0 {
		t.Errorf("nothing at the end has %d words", len(row))
	}
	for _, bad := range []struct {
		offset uintptr
		n      int
	}{{0, -1}, {0, 513}, {4096, 1}, {4090, 1}, {^uintptr(0), 1}, {8, 1 << 61}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d words from %d on: no panic", bad.n, bad.offset)
				}
			}()
			mem.Row[mem.Plain64](m, bad.offset, bad.n)
		}()
	}
}
