//go:build sim

package sim

import "headroom/kernel/choice"

// attach makes the words of the designs ask this machine before every access.
func (m *Machine) attach() error {
	if choice.Point == nil {
		choice.Point, choice.Await, choice.Reached = m.point, m.await, m.reach
		return nil
	}
	panic("sim: a simulated machine is running already in this process")
}

func (m *Machine) detach() { choice.Point, choice.Await, choice.Reached = nil, nil, nil }
