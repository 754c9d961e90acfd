package sim

// Aside calls f, and what f looks at is no step of the run: nobody can come in between. f must not wait, and not write what the run reads. Only the
// running task or interrupt calls it, or whoever owns a machine that does not run.
func (m *Machine) Aside(f func()) {
	if m.current < 0 {
		f()
		return
	}
	m.detach()
	defer func() { _ = m.attach() }() // the build has a simulator, and no other machine runs
	f()
}
