package mem_test

import (
	"fmt"
	"testing"
	"unsafe"

	"headroom/kernel/atomic"
	"headroom/kernel/mem"
)

// I2: New and Slice take every type made of words, and refuse every type that holds a Go pointer, however deep.
func TestPointersAreRefused(t *testing.T) {
	if err := checkPointers(); err != nil {
		t.Error(err)
	}
}

type words struct {
	a    atomic.Uint64
	b    [3]mem.Plain32
	ref  mem.PlainRef
	flag bool
	deep struct{ n [2][2]int8 }
}

// checkPointers places types of both sorts and reports the first that is treated wrongly.
func checkPointers() error {
	m, err := mem.Make(1, 1<<16, nil)
	if err != nil {
		return err
	}
	defer m.Release()
	for _, ok := range []error{
		placed[bool](m), placed[int](m), placed[uintptr](m), placed[[4]uint16](m), placed[words](m), placed[[2]words](m),
		placed[struct{}](m), placed[mem.Plain64](m),
	} {
		if ok != nil {
			return fmt.Errorf("a type without pointers is refused: %w", ok)
		}
	}
	for i, refused := range []error{
		placed[*int](m), placed[unsafe.Pointer](m), placed[string](m), placed[[]byte](m), placed[map[int]int](m), placed[chan int](m),
		placed[func()](m), placed[any](m), placed[error](m), placed[[2]*int](m), placed[[0]string](m),
		placed[struct{ p *int }](m), placed[struct{ a, b [1]struct{ p func() } }](m), placed[*words](m),
	} {
		if refused == nil {
			return fmt.Errorf("type %d of those with pointers is accepted", i)
		}
	}
	return nil
}

// placed reports what New and Slice say to a T; they must agree.
func placed[T any](m *mem.Memory) error {
	_, one := mem.New[T](m, 0)
	_, many := mem.Slice[T](m, 0, 3)
	if (one == nil) != (many == nil) {
		panic(fmt.Sprintf("New says %v, Slice says %v", one, many))
	}
	return one
}

// A reference names an object by number or nobody, and its raw word moves from one to another.
func TestPlainRef(t *testing.T) {
	var r, copied mem.PlainRef
	if i, ok := r.Load(); ok {
		t.Errorf("the zero reference refers to %d", i)
	}
	for _, index := range []int{0, 1, 1<<32 - 2} {
		r.Store(index)
		copied.SetRaw(r.Raw())
		if got, ok := copied.Load(); !ok || got != index {
			t.Errorf("reference to %d reads as %d, %v", index, got, ok)
		}
	}
	r.Clear()
	if i, ok := r.Load(); ok {
		t.Errorf("the cleared reference refers to %d", i)
	}
}
