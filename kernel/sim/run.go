package sim

import (
	"fmt"
	"strings"

	"headroom/kernel"
)

// Class says what kind of failure a run ended with. Shrinking and replay demand the same class.
type Class string

// The classes of failure.
const (
	Uniqueness      Class = "uniqueness"               // an item was handed out twice, or out of range
	Conservation    Class = "conservation"             // at quiescence items are missing, or Check finds a fault
	Waiting         Class = "waiting-beside-free-item" // a task sleeps although an item it may take is free
	Deadlock        Class = "deadlock"                 // nobody can go on
	Livelock        Class = "livelock"                 // the step limit was reached
	DataRace        Class = "data-race"                // unordered accesses of a plain word
	Misuse          Class = "misuse"                   // a rule of the kernel was broken: a wait in atomic context, an unbalanced mask
	Panic           Class = "panic"                    // the program panicked
	Linearizability Class = "linearizability"          // no order of the calls is allowed
	Contract        Class = "contract"                 // the allocator answered what the contract forbids
	Machinery       Class = "machinery"                // the simulator's own limits; not a finding about the design
)

// Failure is why a run failed. Its message has no step numbers, so that equal failures read alike.
type Failure struct {
	Class   Class
	Message string
}

// Error is the class and the message.
func (f *Failure) Error() string { return string(f.Class) + ": " + f.Message }

// Run runs every spawned task to its end under the machine's strategy. It returns nil, ErrNoSimulator, ErrAbandoned, or a *Failure.
func (m *Machine) Run() error { return m.Repeat(nil) }

// Repeat is Run, and when that ended well asks again whether there is more to run: spawned tasks, or those of a Rewind. It returns when again says no,
// or with the first run that did not end well. This saves two switches of coroutines a run, which is much in small programs: again is called by
// whoever ended last. It must not panic, and not call Run, Repeat or Close; words it looks at are no steps.
func (m *Machine) Repeat(again func() bool) error {
	if m.strategy == nil {
		return fmt.Errorf("sim: Run without a strategy")
	}
	if err := m.attach(); err != nil {
		return err
	}
	m.again = again
	for m.failure == nil && !m.start() && m.more() {
	}
	m.again = nil
	if m.failure != nil {
		m.unwind()
	}
	m.detach()
	switch m.failure {
	case nil:
	case abandoned:
		return ErrAbandoned
	default:
		return m.failure
	}
	return nil
}

// more asks whether there is another run to make, and reports whether there is somebody in it.
func (m *Machine) more() bool {
	if m.again == nil {
		return false
	}
	m.detach()
	ok := m.again()
	_ = m.attach() // the build has a simulator, and no other machine runs
	return ok && m.failure == nil && m.live > 0
}

// start hands over to the first entity, and returns at the end of the run. It reports false when there is nothing to run.
func (m *Machine) start() bool {
	if m.live == 0 {
		return false
	}
	next, ok := m.pick(-1)
	if !ok {
		if !m.aborting {
			m.explainStuck()
		}
		return true
	}
	m.place(next)
	m.current = next
	m.coros.Switch(next + 1)
	return true
}

// unwind brings every entity that is in the middle of its body to an end.
func (m *Machine) unwind() {
	m.aborting = true
	for i := range m.entities {
		if m.used>>i&1 != 0 && m.entities[i].started {
			m.current = i
			m.coros.Switch(i + 1)
		}
	}
}

// Fail ends the run with a failure that a check found. The running task calls it; it does not return.
func (m *Machine) Fail(class Class, format string, args ...any) {
	m.fail(&Failure{Class: class, Message: fmt.Sprintf(format, args...)})
}

func (m *Machine) fail(f *Failure) {
	if m.failure == nil {
		m.failure = f
	}
	m.aborting = true
	panic(aborted{})
}

// stuck ends a run in which nobody can take a step.
func (m *Machine) stuck() {
	m.explainStuck()
	m.aborting = true
	panic(aborted{})
}

func (m *Machine) explainStuck() {
	m.detach()                        // a look at the words now is no step of the run
	defer func() { _ = m.attach() }() // the build has a simulator, and no other machine runs
	if m.onStuck != nil {
		if f := m.onStuck(); f != nil {
			m.failure = f
			return
		}
	}
	m.failure = &Failure{Class: Deadlock, Message: m.whoWaits()}
}

// whoWaits lists the entities that are left and what each waits for.
func (m *Machine) whoWaits() string {
	var parts []string
	for i := range m.entities {
		if m.used>>i&1 == 0 {
			continue
		}
		e := &m.entities[i]
		state := "sleeps"
		switch {
		case m.cpus[e.task.CPU()].top == i && m.spinners>>i&1 == 0:
			state = "runs"
		case m.spinners>>i&1 != 0:
			state = "spins"
		case m.cpus[e.task.CPU()].ready>>i&1 != 0:
			state = "cannot get the CPU"
		case e.work != nil && !e.started:
			state = "is masked"
		case m.cpus[e.task.CPU()].top != i && e.started && !e.task.Parked():
			state = "is interrupted"
		}
		parts = append(parts, fmt.Sprintf("%s on CPU %d %s", e.task.Name(), e.task.CPU(), state))
	}
	return strings.Join(parts, "; ")
}

// Sleepers lists the tasks that sleep now.
func (m *Machine) Sleepers() []*kernel.Task {
	var list []*kernel.Task
	for i := range m.entities {
		e := &m.entities[i]
		if m.used>>i&1 != 0 && e.work == nil && e.started && e.task.Parked() {
			list = append(list, &e.task)
		}
	}
	return list
}

func panicked(r any) *Failure {
	return &Failure{Class: Panic, Message: fmt.Sprint(r)}
}
