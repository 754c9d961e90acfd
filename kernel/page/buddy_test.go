package page

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"headroom/kernel"
)

// step is one call: an allocation of an order, or the free of the held block of that number.
type step struct {
	free  bool
	order int
	which int
}

// mergeStory splits a block down and frees its parts in an order in which a buddy of a smaller order lies at the place of one of a larger.
var mergeStory = []step{
	{order: 1}, {order: 0}, {order: 0}, {order: 0}, // pages 8 and 9, 12, 10, 11
	{free: true, which: 2}, {free: true}, {free: true}, {free: true},
}

// model is the simplest buddy allocator: who has each page.
type model struct {
	held   []Page
	orders []int
	taken  []bool // by page
}

// fits reports whether a free block of that order exists: aligned, with no page taken.
func (m *model) fits(order int) bool {
	for at := 0; at+1<<order <= len(m.taken); at += 1 << order {
		free := true
		for _, taken := range m.taken[at : at+1<<order] {
			free = free && !taken
		}
		if free {
			return true
		}
	}
	return false
}

// do makes one call and compares the answer with the model's.
func (m *model) do(b *bench, a *Allocator, s step) error {
	if s.free {
		if len(m.held) == 0 {
			return nil
		}
		i := s.which % len(m.held)
		p, order := m.held[i], m.orders[i]
		m.held, m.orders = append(m.held[:i], m.held[i+1:]...), append(m.orders[:i], m.orders[i+1:]...)
		for j := range 1 << order {
			m.taken[int(index(a, p))+j] = false
		}
		a.Free(b.on(0), p, order)
		return a.Check()
	}
	fits := m.fits(s.order)
	p, err := a.Alloc(b.on(0), kernel.NoWait, s.order)
	if (err == nil) != fits {
		return fmt.Errorf("order %d: %v, and the model says that it fits: %v", s.order, err, fits)
	}
	if err != nil {
		return a.Check()
	}
	first := int(index(a, p))
	for j := range 1 << s.order {
		if m.taken[first+j] || first&(1<<s.order-1) != 0 {
			return fmt.Errorf("order %d: block %d is held in part, or off its place", s.order, first)
		}
		m.taken[first+j] = true
	}
	m.held, m.orders = append(m.held, p), append(m.orders, s.order)
	return a.Check()
}

// buddyStory runs steps on a zone of 13 pages with the lists off, beside the model.
func buddyStory(t testing.TB, story []step) error {
	b := newBench(t, 1, 1, 1<<16)
	a := b.pages(tiny(13, 0, 0, 0, TryLock))
	if err := a.SetLimits(0, 1); err != nil {
		return err
	}
	m := &model{taken: make([]bool, 13)}
	for i, s := range story {
		if err := m.do(b, a, s); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
	}
	return nil
}

// I1 and I2 over random calls: the allocator gives a block exactly when the model has one, and every Check is clean.
func TestBuddyAgreesWithTheModel(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		story := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) step {
			return step{free: rapid.Bool().Draw(r, "free"), order: rapid.IntRange(0, 4).Draw(r, "order"), which: rapid.IntRange(0, 12).Draw(r, "which")}
		}), 1, 60).Draw(r, "story")
		if err := buddyStory(t, story); err != nil {
			r.Fatal(err)
		}
	})
}

// The story by which a wrong merge is found passes without one.
func TestMergeStory(t *testing.T) {
	if err := buddyStory(t, mergeStory); err != nil {
		t.Error(err)
	}
}
