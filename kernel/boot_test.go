package kernel_test

import (
	"testing"

	"headroom/kernel"
	"headroom/kernel/lock"
	"headroom/kernel/mem"
)

// The task of construction takes locks and masks interrupts like any other, without a machine under it.
func TestConstructionTakesLocks(t *testing.T) {
	memory, err := mem.Make(1, 4096, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Release()
	l, err := mem.New[lock.RawSpin](memory, 0)
	if err != nil {
		t.Fatal(err)
	}
	b := kernel.NewBoot(3)
	b.IRQSave()
	l.Lock(b)
	if !l.Held() || b.CPU() != 3 || b.Context() != kernel.Process {
		t.Errorf("the lock is held: %v, by a task of CPU %d in %v context", l.Held(), b.CPU(), b.Context())
	}
	l.Unlock(b)
	b.IRQRestore()
	b.Resched()
}

// It panics where it would have to wait for another task, since there is none.
func TestConstructionNeverWaits(t *testing.T) {
	for name, wait := range map[string]func(b *kernel.Task){
		"sleep":        func(b *kernel.Task) { b.Sleeping(); b.Schedule() },
		"another task": func(b *kernel.Task) { b.Peer(1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			wait(kernel.NewBoot(0))
		}()
	}
}
