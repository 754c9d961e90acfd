package workload

import (
	"fmt"

	"headroom/designs"
	"headroom/harness/measure"
	"headroom/harness/result"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/page"
)

// squeeze is what swap-squeeze needs. All tasks fault in pages of one memory and make them dirty, more than it holds; reclaim, in their own context and
// in kswapd's, writes dirty pages out. On the way is a layer that encrypts: for each page that goes out it takes an item from the design, which stands on
// the same memory, and frees it when the device is done. Who writes is reclaim, so he has the right to all reserves (PF_MEMALLOC). What the design
// makes of it shows in how low the memory gets, who waits, and whether others who need the reserves find them: each completion asks for a page from
// them, as a network device under the swap would.
type squeeze struct {
	zones   *page.Allocator
	words   *squeezeWords
	devices []swapDevice // by CPU
	gfp     kernel.GFP
}

type squeezeWords struct {
	faulting atomic.Uint32 // tasks that still fault pages in
	_        [124]byte
	kswapd   atomic.Uint32 // background reclaimers that have not returned
	_        [124]byte
}

// swapDevice is what one CPU writes to; only its own tasks touch it.
type swapDevice struct {
	queue   []swapWrite // under way, the oldest first
	key     uint64      // of the next page faulted in
	least   int         // the fewest free pages seen
	most    int         // the most writes under way at once
	refused int64       // pages from the reserve that a completion did not get
	unsaved int64       // writes that could not begin
}

type swapWrite struct {
	page  page.Page
	item  designs.Item
	dueNs int64
}

// The memory of swap-squeeze: 1024 small pages on each node, of which 64 are the reserve. The device takes 100 us for a page, ten times what it takes
// to fault one in, so that writes pile up.
const (
	squeezePages   = 1024
	squeezeBytes   = 256
	swapNs         = 100_000
	squeezeReserve = 64
)

// layZones makes the memory, before the allocator that stands on it.
func (r *run) layZones() error {
	q := &squeeze{gfp: kernel.NoIO, devices: make([]swapDevice, r.spec.CPUs)}
	r.squeeze = q
	for cpu := range q.devices {
		q.devices[cpu] = swapDevice{queue: make([]swapWrite, 0, squeezePages), least: squeezePages * r.machine.Memory().Nodes(), key: uint64(cpu) << 32}
	}
	var err error
	if q.words, err = mem.New[squeezeWords](r.machine.Memory(), 0); err != nil {
		return err
	}
	q.zones, err = page.New(r.machine, page.Config{Pages: squeezePages, PageBytes: squeezeBytes, Write: r.swapOut,
		Marks: &page.Marks{Min: squeezeReserve, Low: squeezeReserve * 5 / 4, High: squeezeReserve * 3 / 2}})
	r.config.Zones, r.config.Bytes = q.zones, squeezeBytes
	return err
}

// laySqueeze starts the background reclaimers, on CPU 0.
func (r *run) laySqueeze() error {
	q := r.squeeze
	q.words.faulting.Store(uint32(r.spec.Tasks * r.spec.CPUs))
	q.words.kswapd.Store(uint32(r.machine.Memory().Nodes()))
	for node := range r.machine.Memory().Nodes() {
		r.machine.Spawn(nil, machine.Spec{Name: fmt.Sprintf("kswapd%d", node), Body: func(t *kernel.Task) {
			q.zones.Kswapd(t, node)
			q.words.kswapd.Add(^uint32(0))
		}})
	}
	return nil
}

// squeezeIn is the body of swap-squeeze: of the tasks that fault pages in, and of each CPU's last, which is the device.
func (r *run) squeezeIn(t *kernel.Task, s *seat, task int) {
	if task == r.spec.Tasks {
		r.swapDevice(t, s)
		return
	}
	q := r.squeeze
	d := &q.devices[s.cpu]
	end := s.started + r.spec.DurationNs
	for r.now() < end {
		p, err := q.zones.Alloc(t, kernel.Kernel, 0)
		if err != nil {
			s.failed++
		} else {
			d.key++
			q.zones.CacheAddDirty(t, p, d.key)
		}
		r.linger(s)
		t.Resched()
	}
	if q.words.faulting.Add(^uint32(0)) == 0 {
		q.zones.StopKswapd(t)
	}
}

// swapOut is the write of a page that reclaim began, with the right to all reserves.
func (r *run) swapOut(t *kernel.Task, p page.Page) error {
	q := r.squeeze
	it, err := r.allocator.Alloc(t, q.gfp)
	d := &q.devices[t.CPU()]
	d.least = min(d.least, q.zones.FreePages())
	if err != nil {
		d.unsaved++
		return err
	}
	if r.records != nil {
		r.records.Touch(it)
	}
	d.queue = append(d.queue, swapWrite{p, it, r.now() + swapNs})
	d.most = max(d.most, len(d.queue))
	return nil
}

// swapDevice completes writes until no more can come.
func (r *run) swapDevice(t *kernel.Task, s *seat) {
	q := r.squeeze
	d := &q.devices[s.cpu]
	var wait measure.Patience
	for q.words.kswapd.Load() != 0 || q.words.faulting.Load() != 0 || len(d.queue) > 0 {
		done := 0
		for now := r.now(); done < len(d.queue) && d.queue[done].dueNs <= now; done++ {
			w := d.queue[done]
			if help, err := q.zones.Alloc(t, kernel.Reserve, 0); err == nil {
				q.zones.Free(t, help, 0)
			} else {
				d.refused++
			}
			r.allocator.Free(t, w.item)
			q.zones.Written(t, w.page)
			s.ops++
		}
		d.queue = append(d.queue[:0], d.queue[done:]...)
		t.Resched()
		wait.Round()
	}
}

// squeezeFigures: an operation is a page written out.
func (r *run) squeezeFigures(o *result.Sample) error {
	least, most, refused, unsaved := squeezePages*r.machine.Memory().Nodes(), 0, int64(0), int64(0)
	for i := range r.squeeze.devices {
		d := &r.squeeze.devices[i]
		least, most = min(least, d.least), most+d.most
		refused, unsaved = refused+d.refused, unsaved+d.unsaved
	}
	o.Counters[CounterFreeLeast], o.Counters[CounterInFlight] = float64(least), float64(most)
	o.Counters[CounterReserve], o.Counters[CounterUnsaved] = float64(refused), float64(unsaved)
	return nil
}
