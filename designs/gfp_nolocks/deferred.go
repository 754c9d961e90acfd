package gfpnolocks

import (
	"fmt"

	"headroom/designs"
	"headroom/kernel"
)

// Deferred is the client as an allocator of objects: Free queues, and what was queued comes back by Drain, when every CPU has quiesced often enough. It
// shows the client to hunts; as an allocator it is none to measure.
type Deferred struct {
	client  *Client
	objects designs.Allocator
	grace   *Grace
	inUse   func(it designs.Item) bool // nil: nobody says
}

// The knobs of Deferred.
const (
	knobSpares  = "spares"
	knobAsk     = "ask"
	deferBytes  = 64 // of a page: room for 3 pointers
	objectBytes = 64
)

// DeferredVariant is how hunts make the client. Readers are those of the caller; see Deferred.NewReaders.
func DeferredVariant() designs.Variant {
	table := []designs.Knob{
		{Name: knobSpares, Standard: 1, Low: 0, High: mostSpares, Meaning: "spare pages of a CPU"},
		{Name: knobAsk, Standard: 0, Low: 0, High: 1, Meaning: "1: a page that is missing is asked for without locks"},
	}
	v := variant("kfree-rcu", "objects that are freed after a grace period: the client kfree_rcu", nil)
	v.Capabilities = designs.Capabilities{Kind: designs.Object, AllocIn: interrupts, FreeIn: interrupts, MayFail: true, TakesLocks: true, Unbounded: true}
	v.Knobs = table
	v.Guaranteed = func(designs.Config) int { return 0 } // what is queued is out of reach
	v.SlowHost = host
	v.SlowPaths = []string{reachList.Name, reachAsked.Name, reachFull.Name} // explored programs do not gather more pages than are kept
	v.New = func(place kernel.Place, c designs.Config) (designs.Allocator, error) {
		if err := c.Validate(table); err != nil {
			return nil, fmt.Errorf("%s: %w", design, err)
		}
		return newDeferred(place, c)
	}
	return v
}

func newDeferred(place kernel.Place, c designs.Config) (*Deferred, error) {
	objects, err := slabVariant().New(place, designs.Config{Items: c.Items, Bytes: objectBytes})
	if err != nil {
		return nil, err
	}
	pages, err := tryLockVariant().New(place, designs.Config{Items: 2, Bytes: deferBytes})
	if err != nil {
		return nil, err
	}
	grace, err := NewGrace(place)
	if err != nil {
		return nil, err
	}
	d := &Deferred{objects: objects, grace: grace}
	d.client, err = NewClient(place, ClientConfig{Pages: pages.(*TryLock), Objects: &watched{objects, d}, Grace: grace, PageBytes: deferBytes,
		Spares: c.Knob(knobSpares, 1), Ask: c.Knob(knobAsk, 0) == 1})
	if err != nil {
		return nil, err // a nil *Client must not pass for one
	}
	return d, nil
}

// watched is where the client gives objects back, one by one: nobody may use them any more.
type watched struct {
	designs.Allocator
	deferred *Deferred
}

// Free gives an object back, and panics when it is in use.
func (w *watched) Free(t *kernel.Task, it designs.Item) {
	if inUse := w.deferred.inUse; inUse != nil && inUse(it) {
		panic(fmt.Sprintf("%s: object %d is freed while a reader from before uses it (I2)", design, it))
	}
	w.Allocator.Free(t, it)
}

// NewReaders names who knows which objects readers use.
func (d *Deferred) NewReaders(inUse func(it designs.Item) bool) { d.inUse = inUse }

// Alloc hands out an object without waiting; kernel.ErrNoMemory when there is none. Any context but NMI.
func (d *Deferred) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	return d.objects.Alloc(t, gfp&^kernel.DirectReclaim)
}

// Free queues an object. It panics when the client asks for another lock than its own (I1). Any context but NMI.
func (d *Deferred) Free(t *kernel.Task, it designs.Item) {
	before := t.LocksAsked()
	d.client.Queue(t, it)
	if n := t.LocksAsked() - before; n > 1 {
		panic(fmt.Sprintf("%s: Queue asked for %d locks, and one is its own (I1)", design, n))
	}
}

// Quiesce says that the caller's CPU uses no object.
func (d *Deferred) Quiesce(t *kernel.Task) { d.grace.Quiesce(t) }

// Drain is the client's worker, once. Process context.
func (d *Deferred) Drain(t *kernel.Task) {
	d.client.Refill(t, kernel.NoWait)
	d.client.Drain(t)
}

// Check walks the client and the objects' slabs.
func (d *Deferred) Check() error {
	if err := d.client.Check(); err != nil {
		return err
	}
	return d.objects.Check()
}
