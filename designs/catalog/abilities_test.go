package catalog

import (
	"testing"

	"headroom/designs"
	"headroom/kernel/machine"
)

// The table says of every variant whether it promises, can be resized, and has an entry without locks: what its allocators are.
func TestTableSaysWhatAllocatorsAre(t *testing.T) {
	for _, v := range All() {
		m, err := machine.NewNative(machine.Options{CPUs: make([]machine.CPU, 1), MemoryBytes: 4 << 20})
		if err != nil {
			t.Fatal(err)
		}
		a, err := v.New(m, designs.Config{Items: 8})
		if err != nil {
			t.Fatalf("%s: %v", v.FullName(), err)
		}
		_, promises := a.(designs.Reserver)
		_, resizes := a.(designs.Resizer)
		_, noLocks := a.(designs.NoLockAllocator)
		c := v.Capabilities
		if c.Promises != promises || c.Resizes != resizes || c.NoLocks != noLocks {
			t.Errorf("%s: promises %v, resizes %v, no locks %v; the table says %v, %v, %v", v.FullName(), promises, resizes, noLocks, c.Promises, c.Resizes, c.NoLocks)
		}
		m.Close()
	}
}
