package fuzz

import (
	"reflect"
	"testing"

	"headroom/designs"
	"headroom/designs/catalog"
)

// Every byte of the front has a meaning, and what is left is the schedule; data that ends early is an input as well.
func TestInputsAreReadFromAnyData(t *testing.T) {
	variants := []designs.Variant{catalog.All()[0], catalog.All()[1]}
	short := ReadInput(nil, variants)
	if err := short.Program.check(); err != nil || short.Program.Traits != (Traits{}) || short.Variant.FullName() != variants[0].FullName() || len(short.Schedule) != 0 {
		t.Errorf("no data gives %+v of %s with %d bytes left, %v", short.Program, short.Variant.FullName(), len(short.Schedule), err)
	}
	data := []byte{1, 2, 5}
	for b := range byte(100) {
		data = append(data, 100-b)
	}
	long := ReadInput(data, variants)
	if long.Variant.FullName() != variants[1].FullName() || long.Program.CPUs != 3 || long.Program.Config.Items != 6 || long.Program.Traits == (Traits{}) {
		t.Errorf("%v gives %+v of %s", data, long.Program, long.Variant.FullName())
	}
	read := len(data) - len(long.Schedule)
	if read == 0 || len(long.Schedule) == 0 {
		t.Fatalf("%d of %d bytes are the program", read, len(data))
	}
	changed := append([]byte(nil), data...)
	changed[read]++
	if other := ReadInput(changed, variants); !reflect.DeepEqual(other.Program, long.Program) || reflect.DeepEqual(other.Schedule, long.Schedule) {
		t.Errorf("a byte behind the program changes %+v into %+v", long.Program, other.Program)
	}
}

// Numbers stay below their bound, take a byte each, and are 0 at the end.
func TestNumbersComeFromBytes(t *testing.T) {
	s := Numbers{Data: []byte{7, 9, 255}}
	var got []int
	for _, n := range []int{256, 1, 4, 16, 5} {
		got = append(got, s.Below(n))
	}
	if want := []int{7, 0, 1, 15, 0}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
