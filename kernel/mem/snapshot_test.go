package mem_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"headroom/kernel/mem"
)

// action is one step in the life of a memory.
type action struct {
	do   string // alloc, write, save, restore or reset
	node int
	size uintptr
	fill byte
}

// actions draws a life.
var actions = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) action {
	return action{
		do:   rapid.SampledFrom([]string{"alloc", "alloc", "write", "save", "restore", "reset"}).Draw(t, "do"),
		node: rapid.IntRange(0, 1).Draw(t, "node"),
		size: rapid.UintptrRange(1, 300).Draw(t, "size"),
		fill: rapid.ByteRange(1, 255).Draw(t, "fill"),
	}
}), 1, 40)

// I3: whatever the life of a memory, what Alloc gives is zeroed, Restore gives the bytes and the objects of the latest Save back, and objects
// allocated afterwards lie where they lay before.
func TestRestoreGivesTheSavedMemoryBack(t *testing.T) {
	restores := 0
	rapid.Check(t, func(t *rapid.T) {
		n, err := checkSnapshots(actions.Draw(t, "actions"))
		if err != nil {
			t.Fatal(err)
		}
		restores += n
	})
	if restores == 0 {
		t.Error("nothing was ever restored")
	}
}

// image is what a memory should hold: its objects with their bytes, and the end of what is used in each region.
type image struct {
	objects []object
	wants   [][]byte
	ends    [2]uintptr
}

func (i image) clone() image {
	wants := make([][]byte, len(i.wants))
	for at := range wants {
		wants[at] = bytes.Clone(i.wants[at])
	}
	return image{slices.Clone(i.objects), wants, i.ends}
}

// check compares the memory with the image.
func (i image) check() error {
	for at, o := range i.objects {
		if !bytes.Equal(o.bytes, i.wants[at]) {
			return fmt.Errorf("object at %#x holds other bytes than were written", o.offset)
		}
	}
	return nil
}

// checkSnapshots carries the actions out beside a model and returns how many restores there were, or what differs from the model.
func checkSnapshots(actions []action) (restores int, err error) {
	m, err := mem.Make(2, regionBytes, nil)
	if err != nil {
		return 0, err
	}
	defer m.Release()
	empty := image{ends: [2]uintptr{0, regionBytes}}
	now, saved := empty.clone(), empty.clone()
	m.Save()
	for i, a := range actions {
		switch a.do {
		case "alloc":
			err = now.alloc(m, a)
		case "write":
			if len(now.objects) > 0 {
				at := int(a.size) % len(now.objects)
				for j := range now.objects[at].bytes {
					now.objects[at].bytes[j], now.wants[at][j] = a.fill, a.fill
				}
			}
		case "save":
			m.Save()
			saved = now.clone()
		case "restore":
			m.Restore()
			now = saved.clone()
			restores++
		case "reset":
			m.Reset()
			now = empty.clone()
		}
		if err == nil {
			err = now.check()
		}
		if err != nil {
			return 0, fmt.Errorf("action %d, %s: %w", i, a.do, err)
		}
	}
	return restores, nil
}

// alloc allocates and fills an object, which must lie right behind the one before.
func (i *image) alloc(m *mem.Memory, a action) error {
	p, err := m.Alloc(a.node, a.size, 0)
	if err != nil {
		return nil // the region is full: TestObjectsLieApart checks that it really is
	}
	o, err := place(m, p, request{node: a.node, size: a.size})
	if err != nil {
		return err
	}
	if o.offset != i.ends[a.node] {
		return fmt.Errorf("the object lies at %#x, want %#x", o.offset, i.ends[a.node])
	}
	i.ends[a.node] = roundUp(o.offset+a.size, mem.LineBytes)
	for at := range o.bytes {
		o.bytes[at] = a.fill
	}
	i.objects, i.wants = append(i.objects, o), append(i.wants, bytes.Clone(o.bytes))
	return nil
}
