package mem

import (
	"reflect"
	"unsafe"
)

// object is a row of elements that was handed out.
type object struct {
	start uintptr
	count uintptr
	kind  reflect.Type
}

// note remembers what was placed where.
func (m *Memory) note(p unsafe.Pointer, kind reflect.Type, count int) {
	start, _ := m.Offset(p)
	m.objects = append(m.objects, object{start: start, count: uintptr(count), kind: kind})
}

// ObjectAt says what New or Slice placed around an offset: the type, and how far into one of that type the offset lies. It knows nothing natively, where
// nobody asks.
func (m *Memory) ObjectAt(offset uintptr) (kind reflect.Type, within uintptr, ok bool) {
	for i := range m.objects {
		o := &m.objects[i]
		size := o.kind.Size()
		if size > 0 && offset >= o.start && offset < o.start+size*o.count {
			return o.kind, (offset - o.start) % size, true
		}
	}
	return nil, 0, false
}
