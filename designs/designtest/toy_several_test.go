package designtest

import (
	"errors"
	"testing"

	"headroom/designs"
	"headroom/designs/spec"
	"headroom/kernel"
	"headroom/kernel/mem"
	"headroom/kernel/page"
)

// manifoldToy is a toy with the interfaces that few designs have. Each fault makes it break one sentence.
type manifoldToy struct {
	*toy
	trouble string
}

func manifoldVariant(trouble string) designs.Variant {
	v := toyVariant("")
	v.Design, v.Name, v.Loops = "manifold toy", trouble, nil
	newToy := v.New
	v.New = func(place kernel.Place, c designs.Config) (designs.Allocator, error) {
		a, err := newToy(place, c)
		if err != nil {
			return nil, err
		}
		return &manifoldToy{a.(*toy), trouble}, nil
	}
	return v
}

func (m *manifoldToy) AllocBulk(t *kernel.Task, gfp kernel.GFP, items []designs.Item) (got int, err error) {
	if m.trouble == "bulks have an end" {
		items = items[:min(len(items), 2)]
	}
	for ; got < len(items); got++ {
		if items[got], err = m.toy.Alloc(t, gfp&^kernel.DirectReclaim); err != nil {
			break
		}
	}
	switch {
	case m.trouble == "miscounts a bulk" && got == len(items):
		return got - 1, nil
	case m.trouble == "bulks twice" && got > 1:
		items[1] = items[0]
	}
	return got, err
}

func (m *manifoldToy) FreeBulk(t *kernel.Task, items []mem.Plain64) {
	for i := range items {
		m.toy.Free(t, designs.Item(items[i].Load()))
		if m.trouble == "writes what names items" {
			items[i].Store(0)
		}
		if m.trouble == "frees one item only" {
			return
		}
	}
}

// Resize changes nothing but what the fault says. An item is lost by the size that the trial asks for last only, when nobody waits for items any more.
func (m *manifoldToy) Resize(t *kernel.Task, items int) error {
	if items >= 0 || m.trouble == "takes any size" {
		return nil
	}
	if m.trouble == "loses an item by resizing" {
		_, err := m.toy.Alloc(t, kernel.NoWait)
		return errors.Join(err, errors.New("toy: a size below 0, and an item less"))
	}
	return errors.New("toy: a size below 0")
}

// A toy with all interfaces passes; with a fault each trial catches it, as what it breaks.
func TestSuiteTriesTheRarerInterfaces(t *testing.T) {
	for _, trial := range []string{"bulk", "bulk-free", "resize"} {
		if err := tryOnly(t, manifoldVariant(""), trial); err != nil {
			t.Error(err)
		}
	}
	for _, c := range []struct {
		trouble, trial string
		sentence       spec.Sentence
	}{
		{"miscounts a bulk", "bulk", spec.C1}, {"bulks twice", "bulk", spec.C1}, {"bulks have an end", "bulk", spec.C1},
		{"writes what names items", "bulk-free", spec.C4}, {"frees one item only", "bulk-free", spec.C4},
		{"takes any size", "resize", spec.C8}, {"loses an item by resizing", "resize", spec.C9},
	} {
		t.Run(c.trouble, func(t *testing.T) { mustCatch(t, manifoldVariant(c.trouble), c.sentence, c.trial) })
	}
}

// rangingToy hands out the lowest free number, or what its fault makes of it.
type rangingToy struct {
	trouble string
	taken   []mem.Plain32 // by number
}

func rangingVariant(trouble string) designs.Variant {
	v := toyVariant("")
	v.Design, v.Name, v.Loops, v.Knobs = "ranging toy", trouble, nil, nil
	v.Capabilities.Kind, v.Capabilities.MayWait, v.Capabilities.Memory = designs.ID, false, false
	v.New = func(place kernel.Place, c designs.Config) (designs.Allocator, error) {
		taken, err := mem.Slice[mem.Plain32](place.Memory(), 0, c.Items)
		if err != nil {
			return nil, err
		}
		return &rangingToy{trouble, taken}, nil
	}
	return v
}

func (r *rangingToy) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	return r.AllocRange(t, gfp, 0, designs.Item(len(r.taken)-1))
}

func (r *rangingToy) AllocRange(_ *kernel.Task, _ kernel.GFP, low, high designs.Item) (designs.Item, error) {
	switch r.trouble {
	case "begins too low":
		low -= min(low, 1)
	case "goes on behind the end":
		high++
	}
	for it := low; it <= high && it < designs.Item(len(r.taken)); it++ {
		if r.taken[it].Load() == 0 {
			r.taken[it].Store(1)
			return it, nil
		}
	}
	return 0, kernel.ErrNoSpace
}

func (r *rangingToy) Free(_ *kernel.Task, it designs.Item) { r.taken[it].Store(0) }
func (r *rangingToy) Check() error                         { return nil }

func TestSuiteTriesRanges(t *testing.T) {
	if err := tryOnly(t, rangingVariant(""), "range"); err != nil {
		t.Error(err)
	}
	mustCatch(t, rangingVariant("begins too low"), spec.C2, "range")
	mustCatch(t, rangingVariant("goes on behind the end"), spec.C2, "range")
}

// pairingToy hands out two pages at a time under the name of the first; the first is to go back when the second cannot be had.
type pairingToy struct {
	pages   *page.Allocator
	second  []mem.Plain64 // by place of the first
	trouble string
	first   page.Page
}

func pairingVariant(trouble string) designs.Variant {
	v := toyVariant("")
	v.Design, v.Name, v.Loops, v.Knobs = "pairing toy", trouble, nil, nil
	v.Capabilities.Kind, v.Capabilities.MayWait, v.Capabilities.NoLocks = designs.Page, false, false
	v.New = func(place kernel.Place, c designs.Config) (designs.Allocator, error) {
		pages, err := page.New(place, page.Config{Pages: 2 * c.Items, PageBytes: 4096, Marks: &page.Marks{}, High: 1, Batch: 1})
		if err != nil {
			return nil, err
		}
		second, err := mem.Slice[mem.Plain64](place.Memory(), 0, 2*c.Items)
		if err != nil {
			return nil, err
		}
		first, _ := pages.Zone(0)
		p := &pairingToy{pages: pages, second: second, trouble: trouble, first: first}
		if trouble == "leaves an allocator behind" {
			boot := kernel.NewBoot(0)
			at, err := pages.Alloc(boot, kernel.NoWait, 0)
			if err != nil {
				return p, err
			}
			pages.Free(boot, at, 0)
		}
		return p, nil
	}
	return v
}

func (p *pairingToy) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	first, err := p.pages.Alloc(t, gfp, 0)
	if err != nil {
		return 0, err
	}
	second, err := p.pages.Alloc(t, gfp, 0)
	if err != nil {
		if p.trouble != "loses the first" {
			p.pages.Free(t, first, 0)
		}
		if p.trouble == "an error of its own" {
			err = errForeign
		}
		return 0, err
	}
	p.second[(first-p.first)>>12].Store(uint64(second))
	return designs.Item(first), nil
}

func (p *pairingToy) Free(t *kernel.Task, it designs.Item) {
	p.pages.Free(t, page.Page(p.second[(page.Page(it)-p.first)>>12].Load()), 0)
	p.pages.Free(t, page.Page(it), 0)
}

func (p *pairingToy) Check() error { return p.pages.Check() }

// A failure is planted at every call for pages; what an allocator forgets then is missed in the end.
func TestSuitePlantsShortages(t *testing.T) {
	seen := &tally{}
	for _, tr := range trials {
		if tr.name == "shortage" {
			if err := tr.try(pairingVariant(""), seen); err != nil {
				t.Error(err)
			}
		}
	}
	if seen.points < 20 {
		t.Errorf("%d calls were made to fail: %v", seen.points, seen)
	}
	mustCatch(t, pairingVariant("loses the first"), spec.C3, "shortage")
	mustCatch(t, pairingVariant("an error of its own"), spec.C1, "shortage")
	mustCatch(t, pairingVariant("leaves an allocator behind"), "", "shortage")
}
