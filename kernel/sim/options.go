package sim

import "fmt"

// Options describe a simulated machine.
type Options struct {
	CPUs        int  // 1 to 64
	Nodes       int  // NUMA nodes, CPUs dealt to them in equal blocks; 0 means 1
	MemoryBytes int  // per node; 0 means 256 KiB
	Entities    int  // most tasks and pending interrupts at a time; 0 means 16, at most MaxEntities
	StepLimit   int  // a run of more steps fails as a livelock; 0 means 20,000
	Races       bool // check plain words for data races; costs about half the speed
	NoPreempt   bool // tasks keep their CPU until they wait
	Nested      bool // an interrupt may arrive inside one of lower priority
	Memory      Memory
	Buffer      int  // stores that a CPU's buffer holds, under TSO and Weak; 0 means 4, at most 8
	Faults      int  // backing allocations that may fail in a run; see kernel/fault
	Migrations  int  // times a task may change its CPU in a run
	Hotplugs    int  // times a CPU may go offline or come back in a run by itself, beside what the program does
	Kills       int  // tasks that may be chosen as victims in a run
	Hub         bool // switch coroutines through the main goroutine; see internal/coro
}

func (o *Options) complete() error {
	if o.Nodes == 0 {
		o.Nodes = 1
	}
	if o.MemoryBytes == 0 {
		o.MemoryBytes = 256 << 10
	}
	if o.Entities == 0 {
		o.Entities = 16
	}
	if o.StepLimit == 0 {
		o.StepLimit = 20_000
	}
	if o.Buffer == 0 {
		o.Buffer = 4
	}
	if o.Buffer < 1 || o.Buffer > 8 || o.Memory > Weak || min(o.Faults, o.Migrations, o.Hotplugs, o.Kills) < 0 {
		return fmt.Errorf("sim: buffers of %d stores, memory %v, budgets of %d faults, %d migrations, %d hot-plugs, %d kills: at most 8 stores, and no budget below 0",
			o.Buffer, o.Memory, o.Faults, o.Migrations, o.Hotplugs, o.Kills)
	}
	if o.NoPreempt && o.Migrations+o.Hotplugs > 0 {
		return fmt.Errorf("sim: %d migrations and %d hot-plugs without preemption: a task moves where it can be preempted", o.Migrations, o.Hotplugs)
	}
	if o.Memory != SC && o.Races {
		return fmt.Errorf("sim: race checks under memory %v: they follow the order of steps, so check for races under sc", o.Memory)
	}
	if o.CPUs < 1 || o.CPUs > 64 || o.Nodes > o.CPUs || o.Entities < 1 || o.Entities > MaxEntities {
		return fmt.Errorf("sim: %d CPUs on %d nodes with %d entities: at most 64 CPUs, a CPU for each node, %d entities", o.CPUs, o.Nodes, o.Entities, MaxEntities)
	}
	if end := o.agents().end; end > MaxEntities {
		return fmt.Errorf("sim: %d entities and the machine's own agents are %d: at most %d together; give fewer Entities", o.Entities, end, MaxEntities)
	}
	return nil
}
