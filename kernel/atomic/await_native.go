//go:build !sim

package atomic

import "headroom/kernel/arch"

// AwaitNot spins until the word differs from v. The pause between looks grows from 1 to 16 turns; after about 20 us without success the OS may
// run another thread between looks, so that a holder that lost its processor gets it back. Any context; holds up the calling CPU.
func (w *Uint32) AwaitNot(v uint32) {
	turns := uint32(1)
	for looks := 0; w.Load() == v; looks++ {
		arch.Pause(turns)
		if turns < 16 {
			turns *= 2
		}
		if looks > yieldAfterLooks {
			arch.Yield()
		}
	}
}

// yieldAfterLooks: 16 pauses of 40 cycles at 3 GHz are 0.2 us, so 100 looks are about 20 us.
const yieldAfterLooks = 100
