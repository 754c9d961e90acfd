package page

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"headroom/kernel"
	"headroom/kernel/lock"
)

// ListEra says how per-CPU lists are protected.
type ListEra uint8

// The forms of the lists.
const (
	TryLock ListEra = iota // a lock a list, tried; orders 0 to 3 (Linux 6.12)
	IRQOff                 // masked interrupts; order 0 (Linux 5.8)
)

const (
	tryLockOrders    = 4
	defaultPageBytes = 4096
	leastPageBytes   = 64
	mostPages        = 1 << 31 // page numbers are 32 bits, one value of which is "none"
)

// Config sizes an Allocator. Zero values other than Pages mean what the kernel would choose.
type Config struct {
	Pages      int     // pages of each node's zone, 1 to 2^31
	PageBytes  int     // bytes of a page, a power of two from 64 to 4096; 0 means 4096
	Marks      *Marks  // watermarks of each zone; nil means computed from its size
	Rules      Era     // who may go below the mark, and how far
	Lists      ListEra // form of the per-CPU lists
	High       int     // pages on a CPU's list at which it spills; 0 means computed
	HighMax    int     // pages up to which that number floats (TryLock); 0 means computed if High is 0, else High: it does not float
	MostHigh   int     // largest High that SetLimits will be given; 0 means HighMax
	Batch      int     // pages moved at a time, 1 to High; 0 means computed
	Drift      int     // pages by which a CPU's share of the free count may differ from zero; 0 means computed
	RawZone    bool    // the zone's lock spins with rt=on too, so that it may be taken in any context but NMI
	Leave      int     // pages that AllocNoLocks leaves on each list for other callers, from 0
	Promises   bool    // Reserve, Draw and Cancel may be called
	Estimate   bool    // Reserve without DirectReclaim answers from the shared words of the free counts, without the CPUs' shares
	HighAtomic int     // pages that only callers with a reserve flag may count on, until reclaim needs them; 0 to Pages
	// Write begins to write a dirty page, called in reclaim, in process context, with no lock held and with rights to all reserves. Whoever it set
	// to work calls Written when that is done, at once or later, in any context. An error says that it could not begin. nil: dirty pages stay.
	Write func(t *kernel.Task, p Page) error
	// Kill chooses a task that is to end, when reclaim has found nothing for a caller who may enter file systems, and returns its index; false when
	// there is none. It may not wait. Every task it may choose looks at Victim between its steps and ends with Exit. nil: nobody is killed.
	Kill func(t *kernel.Task) (victim int, ok bool)
	// Reap frees up to most of the pages of a task that Kill has chosen, without its help, and returns how many. It may not wait. The task cannot end
	// meanwhile: its Exit waits; but it may free pages itself, and the two must agree who frees which. nil: victims are not reaped,
	// the only choice with rt=on.
	Reap      func(t *kernel.Task, victim, most int) int
	ReapPages int // the most that Reap is asked for, at least 1 where there is a Reap
	// Taken is told, in simulated runs, how many pages of a zone are left free after its caller took one block out of it, with the zone's lock held: for
	// checks of who goes below which mark. It looks at no words. nil: nobody is told.
	Taken func(t *kernel.Task, left int64)
	// Distance gives the distance from a node to a node; nil means what the machine tells, and where it does not, that nodes are as far apart as
	// their numbers.
	Distance [][]int
}

// complete fills in what is computed and refuses what is out of range.
func (c Config) complete(place kernel.Place) (Config, error) {
	if c.PageBytes == 0 {
		c.PageBytes = defaultPageBytes
	}
	nodes, cpus := place.Memory().Nodes(), place.CPUs()
	if c.Pages < 1 || c.Pages > mostPages || c.PageBytes < leastPageBytes || c.PageBytes > defaultPageBytes || c.PageBytes&(c.PageBytes-1) != 0 {
		return c, fmt.Errorf("%w: %d pages of %d bytes: give 1 to 2^31 pages, of a power of two from 64 to 4096 bytes", errLayout, c.Pages, c.PageBytes)
	}
	if c.Marks == nil {
		m := ComputeMarks(c.Pages, nodes, c.PageBytes)
		c.Marks = &m
	}
	if m := *c.Marks; m.Min < 0 || m.Low < m.Min || m.High < m.Low || m.Min > c.Pages {
		return c, fmt.Errorf("%w: marks %+v for %d pages: give 0 <= Min <= Low <= High, and Min at most the pages", errLayout, m, c.Pages)
	}
	c.limits(max(1, cpus/nodes))
	if c.Batch < 1 || c.High < c.Batch || c.HighMax < c.High || c.MostHigh < c.HighMax || c.MostHigh > mostPages {
		return c, fmt.Errorf("%w: high %d, batch %d, high max %d, most high %d: give 1 <= Batch <= High <= HighMax <= MostHigh",
			errLayout, c.High, c.Batch, c.HighMax, c.MostHigh)
	}
	if c.Lists == IRQOff && c.HighMax != c.High {
		return c, fmt.Errorf("%w: high max %d: lists of the form IRQOff do not float: give 0", errLayout, c.HighMax)
	}
	if c.Reap != nil && (c.Kill == nil || c.ReapPages < 1) {
		return c, fmt.Errorf("%w: a reaper of %d pages: give Kill, and at least 1 page", errLayout, c.ReapPages)
	}
	if c.Reap != nil && lock.RT {
		return c, fmt.Errorf("%w: a reaper with rt=on: it would sleep for zone locks while its victim's Exit spins for it: give no Reap", errLayout)
	}
	if c.Drift == 0 {
		c.Drift = driftPages(c.Pages, c.PageBytes, cpus)
	}
	if c.Drift < 0 || c.Leave < 0 || c.HighAtomic < 0 || c.HighAtomic > c.Pages || c.Rules > Rules2001 || c.Lists > IRQOff {
		return c, fmt.Errorf("%w: drift %d, leave %d, high-atomic %d, rules %d, lists %d", errLayout, c.Drift, c.Leave, c.HighAtomic, c.Rules, c.Lists)
	}
	if c.Distance == nil {
		c.Distance = told(place)
	}
	if c.Distance != nil && (len(c.Distance) != nodes || slices.ContainsFunc(c.Distance, func(row []int) bool { return len(row) != nodes })) {
		return c, fmt.Errorf("%w: the table of distances must have a row and a column for each of %d nodes", errLayout, nodes)
	}
	return c, nil
}

// Shortage is implemented by machines that plant failures, for tests. The page allocator asks it in each call that finds nothing on the CPU's list and
// may fail; an answer of true is an answer of kernel.ErrNoMemory. Short may be called from any task, on any CPU, in any context.
type Shortage interface {
	Short(t *kernel.Task) bool
}

// told is the table of distances of a machine that has one.
func told(place kernel.Place) [][]int {
	if m, ok := place.(interface{ Distances() [][]int }); ok {
		return m.Distances()
	}
	return nil
}

// limits computes High and Batch where they are not given, for a node with so many CPUs.
//
// TryLock, after 6.12: a quarter of a thousandth of the zone, at most a quarter of 1 MiB, then the power of two below one and a half times that,
// less one (63 for zones of 1 GiB or more); the list holds the low mark shared out to the CPUs, four batches at least, and may float up to an eighth
// of the zone shared out likewise. IRQOff, after 3.12 to 5.8: the batch is capped at a quarter of 512 KiB (31), and the list holds six batches.
func (c *Config) limits(cpus int) {
	most := 1 << 20
	if c.Lists == IRQOff {
		most = 512 << 10
	}
	if c.Batch == 0 {
		quarter := max(1, min(c.Pages/1024, most/c.PageBytes)/4)
		c.Batch = max(1, 1<<(bits.Len(uint(quarter+quarter/2))-1)-1)
		if c.High != 0 {
			c.Batch = min(c.Batch, c.High)
		}
	}
	switch {
	case c.High == 0 && c.Lists == IRQOff:
		c.High = 6 * c.Batch
	case c.High == 0:
		c.High = max(c.Marks.Low/cpus, 4*c.Batch)
		if c.HighMax == 0 {
			c.HighMax = max(c.Pages/8/cpus, c.High)
		}
	}
	if c.HighMax == 0 {
		c.HighMax = c.High
	}
	if c.MostHigh == 0 {
		c.MostHigh = c.HighMax
	}
}

// driftPages is the kernel's threshold: it grows with the logarithms of the CPUs and of the zone in units of 128 MiB, up to 125.
func driftPages(pages, pageBytes, cpus int) int {
	units := uint64(pages) * uint64(pageBytes) >> 27
	return min(125, 2*bits.Len(uint(cpus))*(1+bits.Len64(units)))
}

// zonelist orders the zones of so many nodes for callers on one of them: its own first, then by distance, equally far ones by number, going round.
func (c Config) zonelist(node, nodes int) []int {
	distance := func(to int) int {
		switch {
		case to == node:
			return math.MinInt
		case c.Distance != nil:
			return c.Distance[node][to]
		}
		return max(node-to, to-node)
	}
	order := make([]int, nodes)
	for i := range order {
		order[i] = (node + i) % nodes
	}
	slices.SortStableFunc(order, func(x, y int) int { return cmp.Compare(distance(x), distance(y)) })
	return order
}

// ComputeMarks gives each of nodes equal zones its watermarks as Linux 6.12 does: the square root of 16 times the memory in KiB, between 128 KiB
// and 256 MiB, is shared out as Min; Low and High lie one and two steps above, a step being a quarter of Min or a thousandth of the zone. Min is at
// most a quarter of the zone, for zones too small for the kernel.
func ComputeMarks(pages, nodes, pageBytes int) Marks {
	memoryKiB := float64(pages) * float64(pageBytes) / 1024 * float64(nodes)
	freeKiB := min(max(math.Floor(math.Sqrt(16*memoryKiB)), 128), 262144)
	least := int(freeKiB*1024/float64(pageBytes)) / nodes
	least = min(least, pages/4)
	step := max(least/4, pages/1000)
	return Marks{Min: least, Low: least + step, High: least + 2*step}
}
