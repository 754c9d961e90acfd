package sim

// Aside calls f, and what f looks at is no step of the run: nobody can come in between. f must not wait, and not write what the run reads. Only the
// running task or interrupt calls it, or whoever owns a machine that does not run. What f sees is memory as the caller's CPU sees it: its own stores
// are there, also those that have not left its buffer.
//
// A look that is no step sees what every other CPU has done so far: to a strategy that watches, the step around it conflicts with all others.
func (m *Machine) Aside(f func()) {
	if m.current < 0 {
		f()
		return
	}
	if m.watch != nil {
		m.watch.effect.all = true
	}
	m.detach()
	defer func() { _ = m.attach() }() // the build has a simulator, and no other machine runs
	if m.model != nil {
		defer m.model.unbuffer(m.entities[m.current].task.CPU())()
	}
	f()
}

// unbuffer makes memory show the stores in a CPU's buffer, and returns what puts that right again.
func (o *model) unbuffer(cpu int) (buffer func()) {
	o.settle()
	stores := o.views[cpu].buffer
	before := make([]uint64, len(stores))
	for i, s := range stores {
		before[i] = peek(s.word, s.width)
		poke(s.word, s.width, s.value)
	}
	return func() {
		for i := len(stores) - 1; i >= 0; i-- {
			poke(stores[i].word, stores[i].width, before[i])
		}
	}
}
