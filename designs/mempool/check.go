package mempool

import (
	"fmt"

	"headroom/designs"
)

// Check walks the pool, then the backing, and reports what is wrong: more elements than the pool may have, an element twice or in the backing as
// well, a lock that is held, somebody who sleeps. Only at quiescence.
func (p *Pool) Check() error {
	if p.head.lock.Held() {
		return fmt.Errorf("mempool: the pool's lock is held at quiescence")
	}
	if n := p.head.waiters.Waiting(); n != 0 {
		return fmt.Errorf("mempool: %d tasks wait at quiescence", n)
	}
	n := p.head.count.Load()
	if keeps := p.head.keeps.Load(); n > keeps {
		return fmt.Errorf("mempool: %d elements in a pool of %d (I1)", n, keeps)
	}
	below, bottom := p.below()
	seen := map[designs.Item]bool{}
	for i := range n {
		it := designs.Item(p.elements[i].Load())
		switch {
		case seen[it]:
			return fmt.Errorf("mempool: element %d is in the pool twice (I2)", it)
		case !p.backing.Holds(it):
			return fmt.Errorf("mempool: element %d is none that the backing has given (I2)", it)
		case below[it] || bottom.Idle(it):
			return fmt.Errorf("mempool: element %d is in the backing too (I2)", it)
		}
		seen[it] = true
	}
	return p.backing.Check()
}

// below is the elements of all pools under this one, and what the lowest of them stands on.
func (p *Pool) below() (elements map[designs.Item]bool, bottom Backing) {
	elements, bottom = map[designs.Item]bool{}, p.Backing()
	for lower, ok := bottom.(*Pool); ok; lower, ok = bottom.(*Pool) {
		for i := range lower.head.count.Load() {
			elements[designs.Item(lower.elements[i].Load())] = true
		}
		bottom = lower.Backing()
	}
	return elements, bottom
}

// Elements is the number of elements in the pool; racy unless the pool is quiet.
func (p *Pool) Elements() int { return int(p.head.count.Load()) }

// Backing is what the pool draws on.
func (p *Pool) Backing() Backing {
	if b, ok := p.backing.(*policed); ok {
		return b.Backing
	}
	return p.backing
}

// Holds reports whether an item is one of the backing's: for a pool that stands on this one.
func (p *Pool) Holds(it designs.Item) bool { return p.backing.Holds(it) }

// Idle reports whether an item lies in the pool or in its backing. Only at quiescence.
func (p *Pool) Idle(it designs.Item) bool {
	for i := range p.head.count.Load() {
		if designs.Item(p.elements[i].Load()) == it {
			return true
		}
	}
	return p.backing.Idle(it)
}

// Bytes is the memory behind an item.
func (p *Pool) Bytes(it designs.Item) []byte { return p.backing.Bytes(it) }

// Audit returns an error when more of the pool's callers have gone below the ordinary mark of the pages that it stands on than had a flag for that (I7).
// It may be called at any moment at which no task takes a step.
func (p *Pool) Audit(byFlag, _ int) error {
	b, ok := p.backing.(*Pages)
	if !ok || p.config.Order != Mainline || p.config.Reserves != Barred {
		return nil
	}
	return b.pages.Audit(byFlag)
}
