package baseline

import (
	"fmt"
	"sync"

	"headroom/designs"
	"headroom/kernel"
)

const mutexName = "mutex"

// Mutex is a stack of free items under a lock.
type Mutex struct {
	slots
	lock sync.Mutex
	free []designs.Item // the stack; protected by lock. Its capacity is the number of items
}

// NewMutex makes a stack of config.Items items, all free. It returns an error when the item count is below 1 or memory is full.
func NewMutex(place kernel.Place, config designs.Config) (*Mutex, error) {
	if err := config.Validate(nil); err != nil {
		return nil, fmt.Errorf("%s: %w", mutexName, err)
	}
	s, err := newSlots(place, config.Items, config.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", mutexName, err)
	}
	m := &Mutex{slots: s, free: make([]designs.Item, config.Items)}
	for i := range s.count {
		m.free[i] = s.item(s.count - 1 - i) // so the first item handed out is the first
	}
	return m, nil
}

// Alloc pops an item, or answers kernel.ErrWouldBlock when the stack is empty. Any context but NMI.
func (m *Mutex) Alloc(*kernel.Task, kernel.GFP) (designs.Item, error) {
	m.lock.Lock()
	n := len(m.free)
	if n == 0 {
		m.lock.Unlock()
		return 0, kernel.ErrWouldBlock
	}
	it := m.free[n-1]
	m.free = m.free[:n-1]
	m.lock.Unlock()
	return it, nil
}

// Free pushes the item. It panics on an item that is not the stack's, and when the stack is full. Any context but NMI.
func (m *Mutex) Free(_ *kernel.Task, it designs.Item) {
	if _, ok := m.index(it); !ok {
		misuse(mutexName, it, outOfRange)
	}
	m.lock.Lock()
	n := len(m.free)
	if uint64(n) == m.count {
		m.lock.Unlock()
		misuse(mutexName, it, tooMany)
	}
	m.free = m.free[:n+1]
	m.free[n] = it
	m.lock.Unlock()
}

// Check looks at every free item. Only at quiescence.
func (m *Mutex) Check() error { return m.check(mutexName, m.free) }
