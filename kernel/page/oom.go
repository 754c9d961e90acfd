package page

import (
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/mutant"
)

// costlyOrder is the largest order for which a task is killed, the kernel's PAGE_ALLOC_COSTLY_ORDER.
const costlyOrder = 3

// killer is the state of the out-of-memory killer.
type killer struct {
	victim atomic.Uint32 // 1 + index of the task that is to end, 0 for none, or choosing
}

// choosing is the victim's place while Config.Kill chooses one and Config.Reap takes what it can get of it.
const choosing = ^uint32(0)

// Victim reports whether the out-of-memory killer has chosen t: it is to give up what it does, free what it holds and call Exit. Until then it
// allocates with kernel.RightVictim, and reclaim fails for it where others would go on waiting. Any context.
func (a *Allocator) Victim(t *kernel.Task) bool {
	return a.killer.victim.Load() == uint32(t.Index())+1
}

// Exit says that t holds no memory any more and that Config.Kill will not choose it. Every task that Kill may choose calls it at its end. Process
// context.
//
// I13, I15: a choice that is under way may fall on t still, and it may be being reaped, so the end of that is waited for, by spinning: a killer
// never sleeps meanwhile. With rt=on the reaper's frees would, which is why New refuses a reaper there.
func (a *Allocator) Exit(t *kernel.Task) {
	a.killer.victim.AwaitNot(choosing)
	a.killer.victim.CompareAndSwap(uint32(t.Index())+1, 0)
}

// rights are those of the task, and a victim's if it is one.
func (a *Allocator) rights(t *kernel.Task) kernel.Rights {
	if a.Victim(t) {
		return t.Rights() | kernel.RightVictim
	}
	return t.Rights()
}

// kill is the last resort of direct reclaim: it sees to it that there is a victim, has it reaped, and lets others run. It reports false when there is
// nothing to hope for: t is the victim itself, or nobody can be killed for such a call.
//
// I13: whoever turns 0 into choosing is the only one that chooses, and no other choice begins before the victim's Exit.
func (a *Allocator) kill(t *kernel.Task, gfp kernel.GFP, order int) bool {
	if a.config.Kill == nil || gfp&kernel.FS == 0 || gfp&kernel.NoRetry != 0 || order > costlyOrder || a.Victim(t) {
		return false
	}
	k := a.killer
	if mutant.On(pg09) && k.victim.Load() == 0 || !mutant.On(pg09) && k.victim.CompareAndSwap(0, choosing) {
		victim, ok := a.config.Kill(t)
		if !ok {
			k.victim.Store(0)
			return false
		}
		reachKill.Hit()
		if mutant.On(pg11) {
			k.victim.Store(uint32(victim) + 1)
		}
		if a.config.Reap != nil && a.config.Reap(t, victim, a.config.ReapPages) > 0 {
			reachReap.Hit()
		}
		if !mutant.On(pg11) {
			k.victim.Store(uint32(victim) + 1)
		}
	}
	t.Resched()
	return true
}
