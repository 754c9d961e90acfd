package percputags

import "fmt"

// Check walks every list and reports what is wrong: a tag out of range or on two lists, a list that is too long, a non-empty list without its
// bit, a lock still held. Only at quiescence. What is on no list is with its owner; FreeTags tells how many are not.
func (p *Pool) Check() error {
	seen := newSeen(p.tags)
	if p.shared.lock.Held() {
		return fmt.Errorf("percpu_tags: the pool's lock is held at quiescence")
	}
	if n := p.shared.free.Load(); n > p.tags {
		return fmt.Errorf("percpu_tags: %d tags on the shared stack of %d (I4)", n, p.tags)
	}
	for i := range p.shared.free.Load() {
		if err := seen.visit(sharedStack, p.stack[i].Load()); err != nil {
			return err
		}
	}
	for cpu := range p.cpus {
		l := &p.cpus[cpu]
		n := l.free.Load()
		if n > p.max {
			return fmt.Errorf("percpu_tags: CPU %d's list holds %d of at most %d (I4)", cpu, n, p.max)
		}
		if l.lock.Held() {
			return fmt.Errorf("percpu_tags: CPU %d's lock is held at quiescence", cpu)
		}
		if n > 0 && p.haveTags[cpu/64].Load()>>(cpu%64)&1 == 0 {
			return fmt.Errorf("percpu_tags: CPU %d's list holds %d tags and its bit is clear (I2)", cpu, n)
		}
		for i := range n {
			if err := seen.visit(cpu, l.stack[i].Load()); err != nil {
				return err
			}
		}
	}
	return nil
}

// FreeTags is the number of tags on all lists: the rest is with owners. Racy unless the pool is quiet.
func (p *Pool) FreeTags() int {
	n := int(p.shared.free.Load())
	for cpu := range p.cpus {
		n += int(p.cpus[cpu].free.Load())
	}
	return n
}

// seen marks the tags met in a walk.
type seen []bool

func newSeen(tags uint32) seen { return make(seen, tags) }

// These stand where a list is named by its CPU.
const (
	sharedStack = -1
	sharedTree  = -2
)

// visit reports a tag that cannot be, or was met before; cpu is whose list it was met on now.
func (s seen) visit(cpu int, tag uint32) error {
	switch {
	case int64(tag) >= int64(len(s)):
		return fmt.Errorf("percpu_tags: %s holds tag %d of a pool of %d", listName(cpu), tag, len(s))
	case s[tag]:
		return fmt.Errorf("percpu_tags: tag %d is on two lists, one of them %s (I1)", tag, listName(cpu))
	}
	s[tag] = true
	return nil
}

// Listed is the number of tags on a CPU's list; it may change at any moment.
func (p *Pool) Listed(cpu int) int { return int(p.cpus[cpu].free.Load()) }

func listName(cpu int) string {
	switch cpu {
	case sharedStack:
		return "the shared stack"
	case sharedTree:
		return "the tree"
	}
	return fmt.Sprintf("CPU %d's list", cpu)
}
