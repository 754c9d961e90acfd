//go:build sim

package sim

import (
	"headroom/kernel"
	"headroom/kernel/choice"
)

// attach makes the words of the designs ask this machine before every access.
func (m *Machine) attach() error {
	if choice.Point == nil {
		if m.hooks.point == nil { // made once: a method value is an allocation
			m.hooks = hooks{m.pointer(), m.await, m.fault, m.reach}
			if m.agents.any || m.options.Hub {
				m.hooks.point = m.pointBeside
			}
		}
		m.followed = m.watch != nil || m.observe != nil || m.races != nil
		choice.Point, choice.Await, choice.Fail, choice.Reached = m.hooks.point, m.hooks.await, m.hooks.fail, m.hooks.reach
		if m.locks != nil {
			kernel.WatchingLocks = m.locks
		}
		return nil
	}
	panic("sim: a simulated machine is running already in this process")
}

func (m *Machine) detach() {
	choice.Point, choice.Await, choice.Fail, choice.Reached = nil, nil, nil, nil
	kernel.WatchingLocks = nil
}
