//go:build !race

package page

import (
	"testing"

	"headroom/kernel"
)

// A zone of 1 GiB works as the small ones do; its memory is mapped, not touched. (Under the race detector memory is a heap slice, so not there.)
func TestLargeZone(t *testing.T) {
	for _, era := range eras {
		b := newBench(t, 1, 2, 1<<30+64<<20)
		a := b.pages(Config{Pages: 1 << 18, Lists: era})
		if n := blocks(a)[MaxOrder]; n != 256 {
			t.Errorf("era %d: %d blocks of order %d at first", era, n, MaxOrder)
		}
		single := b.take(a, 0, kernel.NoWait, 0, 1000)
		b.free(a, 1, 0, single...)
		a.CPUDead(b.on(0), 1)
		a.Drain(b.on(0))
		b.sound(a, 1<<18)
		if n := blocks(a)[MaxOrder]; n != 256 {
			t.Errorf("era %d: %d blocks of order %d in the end", era, n, MaxOrder)
		}
		// The reserve is 1024 pages: while 2048 are free one more block leaves it whole.
		large := b.all(a, 0, kernel.NoWait, MaxOrder)
		if len(large) != 255 {
			t.Errorf("era %d: an ordinary caller got %d of 256 blocks with one in reserve", era, len(large))
		}
		b.free(a, 0, MaxOrder, large...)
		b.sound(a, 1<<18)
	}
}
