//go:build sim

package mem

import (
	"reflect"
	"testing"
	"unsafe"
)

type pairOfWords struct{ one, two Plain64 }

// ObjectAt knows every object of New and Slice by type and place, knows nothing beside them, and forgets what a Restore takes back.
func TestObjectsAreKnownByPlace(t *testing.T) {
	m, err := Make(2, 4096, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Release()
	row, err := Slice[pairOfWords](m, 1, 5)
	if err != nil {
		t.Fatal(err)
	}
	m.Save()
	late, err := New[Plain32](m, 0)
	if err != nil {
		t.Fatal(err)
	}
	at := func(p unsafe.Pointer) uintptr {
		offset, _ := m.Offset(p)
		return offset
	}
	for i := range row {
		kind, within, ok := m.ObjectAt(at(unsafe.Pointer(&row[i].two)))
		if !ok || kind != reflect.TypeFor[pairOfWords]() || within != unsafe.Offsetof(row[i].two) {
			t.Errorf("the second word of element %d is %v, %d into it, %v", i, kind, within, ok)
		}
	}
	if kind, _, ok := m.ObjectAt(at(unsafe.Pointer(late))); !ok || kind != reflect.TypeFor[Plain32]() {
		t.Errorf("the word placed late is %v, %v", kind, ok)
	}
	if kind, _, ok := m.ObjectAt(at(unsafe.Pointer(&row[4])) + unsafe.Sizeof(row[4])); ok {
		t.Errorf("behind the row is %v", kind)
	}
	m.Restore()
	if kind, _, ok := m.ObjectAt(at(unsafe.Pointer(late))); ok {
		t.Errorf("what Restore took back is still a %v", kind)
	}
}
