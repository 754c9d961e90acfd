package machine

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"headroom/kernel"
	"headroom/kernel/arch"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
)

// Options describe a native machine.
type Options struct {
	CPUs        []CPU // the processors to use: machine CPU i runs on CPUs[i]; the same processor may appear twice (a preempted lock holder)
	MemoryBytes int   // per NUMA node; 0 means 64 MiB, touched only as it is used
	Tasks       int   // most tasks over the machine's life; 0 means 256
	// Distances gives the distance from a node to a node, in the order of the nodes' numbers, as ReadDistances does; nil when it is not known.
	Distances [][]int
}

const (
	defaultMemoryBytes = 64 << 20
	defaultTasks       = 256
)

// Native is the machine this process runs on. Make one with NewNative, use it for one Run, and Close it.
type Native struct {
	options  Options
	nodes    []int // the system's node numbers, by machine node
	memory   *mem.Memory
	workers  []*worker
	table    []process // never grows: a task's place in memory must not change
	words    [][]kernel.Node
	used     atomic.Int32
	runnable atomic.Int64 // tasks and interrupts that run or are ready to; 0 ends the run
	live     atomic.Int64 // tasks that have not ended
	stop     atomic.Bool
	origin   uint64
	failure  atomic.Pointer[error]
	offlines sync.Mutex // protects the online flags and the choice of a fallback CPU
}

// process is the native side of a task.
type process struct {
	task    kernel.Task
	spec    Spec
	worker  *worker
	next    func() (struct{}, bool)
	stop    func()
	yield   func(struct{}) bool
	inboxed *process // link in an inbox
	queued  *Work    // what it is to do next, for one that does queued work
}

// NewNative makes a machine of the given processors. It returns an error when memory cannot be mapped. Whether the regions could be bound to their
// nodes, the memory's Unbound tells.
func NewNative(o Options) (*Native, error) {
	if len(o.CPUs) == 0 {
		return nil, errors.New("machine: no CPUs given")
	}
	if o.MemoryBytes == 0 {
		o.MemoryBytes = defaultMemoryBytes
	}
	if o.Tasks == 0 {
		o.Tasks = defaultTasks
	}
	n := &Native{options: o, nodes: Topology{CPUs: o.CPUs}.Nodes()}
	var err error
	if n.memory, err = mem.Make(len(n.nodes), o.MemoryBytes, n.nodes); err != nil {
		return nil, err
	}
	total := o.Tasks + 3*len(o.CPUs) // each CPU's interrupts, its NMIs and its queued work run as tasks of their own
	for node := range n.nodes {
		words, err := mem.Slice[kernel.Node](n.memory, node, total)
		if err != nil {
			n.memory.Release()
			return nil, err
		}
		n.words = append(n.words, words)
	}
	n.table = make([]process, total)
	for i := range o.CPUs {
		w := &worker{machine: n, cpu: i, wake: make(chan struct{}, 1)}
		w.online.Store(true)
		n.workers = append(n.workers, w)
		p, _ := n.newProcess(Spec{Name: fmt.Sprintf("irq/%d", i), CPU: i}, kernel.HardIRQ)
		w.irq = &p.task
		p, _ = n.newProcess(Spec{Name: fmt.Sprintf("nmi/%d", i), CPU: i}, kernel.NMI)
		w.nmi = &p.task
	}
	TicksPerNs()
	n.origin = arch.TSC()
	return n, nil
}

// Close gives the machine's memory back. Nothing of the machine may be used afterwards.
func (n *Native) Close() { n.memory.Release() }

// CPUs is the number of CPUs.
func (n *Native) CPUs() int { return len(n.workers) }

// Node is the machine's node of a CPU, from 0.
func (n *Native) Node(cpu int) int {
	for i, id := range n.nodes {
		if id == n.options.CPUs[cpu].Node {
			return i
		}
	}
	return 0
}

// Distances is the table the machine was made with: the distance from a node to a node, both counted from 0; nil when it is not known.
func (n *Native) Distances() [][]int { return n.options.Distances }

// Memory is the machine's memory.
func (n *Native) Memory() *mem.Memory { return n.memory }

// Now is the time since the machine was made, in nanoseconds by the time-stamp counter.
func (n *Native) Now(*kernel.Task) int64 { return int64(float64(arch.TSC()-n.origin) / TicksPerNs()) }

// newProcess takes a free place in the task table.
func (n *Native) newProcess(spec Spec, context kernel.Context) (*process, error) {
	index := int(n.used.Add(1)) - 1
	if index >= len(n.table) {
		return nil, fmt.Errorf("machine: more than %d tasks; give Options.Tasks a larger number", n.options.Tasks)
	}
	p := &n.table[index]
	p.spec, p.worker = spec, n.workers[spec.CPU]
	p.task.Setup(n, &n.words[n.Node(spec.CPU)][index], spec.Name, index, spec.CPU, context)
	return p, nil
}

// Spawn adds a task; see Machine.
func (n *Native) Spawn(by *kernel.Task, spec Spec) {
	p, err := n.newProcess(spec, kernel.Process)
	if err != nil {
		n.fail(err)
		return
	}
	n.live.Add(1)
	n.runnable.Add(1)
	p.worker.pushTask(p)
}

// Interrupt raises w; see Machine.
func (n *Native) Interrupt(by *kernel.Task, cpu int, w *Work) {
	n.runnable.Add(1)
	if mutant.On(mc01) {
		cpu = 0
	}
	to := n.onlineNear(cpu)
	to.pushWork(&to.workIn, w)
}

// onlineNear is the worker of the given CPU, or of the first online one when that is offline.
func (n *Native) onlineNear(cpu int) *worker {
	if w := n.workers[cpu]; w.online.Load() {
		return w
	}
	for _, w := range n.workers {
		if w.online.Load() {
			return w
		}
	}
	return n.workers[cpu]
}

// Unplug takes a CPU offline; see Machine.
func (n *Native) Unplug(by *kernel.Task, cpu int, dead func(*kernel.Task)) error {
	n.offlines.Lock()
	defer n.offlines.Unlock()
	w, online := n.workers[cpu], 0
	for _, o := range n.workers {
		if o.online.Load() {
			online++
		}
	}
	if !w.online.Load() || online == 1 {
		return fmt.Errorf("unplug CPU %d of %d online: %w", cpu, online, kernel.ErrOffline)
	}
	n.runnable.Add(1) // the unplugging itself is pending work, until the CPU has reported its death
	w.dead.Store(&dead)
	w.online.Store(false)
	w.ring()
	return nil
}

// Plug brings a CPU back; see Machine.
func (n *Native) Plug(by *kernel.Task, cpu int) error {
	n.offlines.Lock()
	defer n.offlines.Unlock()
	if w := n.workers[cpu]; w.online.Load() || w.dead.Load() != nil || w.hooking.Load() {
		return fmt.Errorf("plug CPU %d: it is online, or still going offline", cpu)
	}
	n.workers[cpu].online.Store(true)
	return nil
}

// Leaving reports whether t's CPU is going offline.
func (n *Native) Leaving(t *kernel.Task) bool { return !n.workers[t.CPU()].online.Load() }

// Run starts a thread for each CPU and runs every task to its end. It returns ErrDeadlock, an error of pinning, or what Misuse said.
func (n *Native) Run() error {
	if n.live.Load() == 0 {
		return nil
	}
	// A CPU that spins keeps one of the runtime's processors. With fewer of them than CPUs, a lock's holder would wait for one until the
	// runtime takes it from a spinner, 10 ms each time. One more is for the rest of the program.
	if need := len(n.workers) + 1; runtime.GOMAXPROCS(0) < need {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(need))
	}
	var all, pinned sync.WaitGroup
	pinned.Add(len(n.workers))
	for _, w := range n.workers {
		all.Add(1)
		go func() {
			defer all.Done()
			w.run(&pinned)
		}()
	}
	all.Wait()
	if e := n.failure.Load(); e != nil {
		return *e
	}
	return nil
}

// fail ends the run with err, unless another error came first.
func (n *Native) fail(err error) {
	n.failure.CompareAndSwap(nil, &err)
	n.halt()
}

// halt makes every worker come to an end.
func (n *Native) halt() {
	n.stop.Store(true)
	for _, w := range n.workers {
		w.ring()
	}
}

// settle takes one from the count of what can go on. Zero means the end of the run: a good one when no task is left. The count is raised
// before anything is made ready and lowered after it came to rest, so it is never zero while something runs.
func (n *Native) settle() {
	if n.runnable.Add(-1) != 0 {
		return
	}
	if n.live.Load() > 0 {
		n.fail(ErrDeadlock)
		return
	}
	n.halt()
}
