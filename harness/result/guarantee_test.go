package result_test

import (
	"testing"

	"headroom/designs/catalog"
	"headroom/harness/result"
)

// What falls short of a full promise, or holds more than was asked for, is in a class of its own.
func TestWeakerPromisesAreClassesOfTheirOwn(t *testing.T) {
	for _, c := range []struct{ design, variant, want string }{
		{"percpu_tags", "lock", "waits, bounded"},
		{"percpu_tags", "lock-3.12", "waits, bounded, half the items, known faults"},
		{"percpu_tags", "xchg", "waits, bounded, half the items, known faults"},
		{"percpu_tags", "lock-reserve", "waits, bounded, less a reserve"},
		{"percpu_tags", "lock-reserve-nowait", "waits, bounded, less a reserve"},
		{"ida", "magazine", "waits, bounded, half the items"},
		{"sbitmap", "", "waits, bounded, woken in batches"},
		{"mempool", "mainline", "waits, bounded"},
		{"mempool", "mainline-page", "waits, bounded"},
		{"mempool", "molnar-mempool", "waits, bounded, two pools"},
	} {
		v, err := catalog.Find(c.design, c.variant)
		if err != nil {
			t.Fatal(err)
		}
		if got := result.GuaranteeClass(v); got != c.want {
			t.Errorf("%s: %q, want %q", v.FullName(), got, c.want)
		}
	}
}
