//go:build !sim

package sim

func (m *Machine) attach() error { return ErrNoSimulator }

func (m *Machine) detach() {}
