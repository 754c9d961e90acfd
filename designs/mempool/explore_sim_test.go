//go:build sim

package mempool

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"headroom/designs"
	"headroom/designs/designtest"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/reach"
)

// program is what the tasks of an exploration do, what holds at the end of each run, and the slow paths that all runs together must have taken.
type program struct {
	cpus  int
	pool  func(m machine.Machine) (*Pool, error)
	tasks []func(t *kernel.Task, p *Pool, words *sharedWords) // dealt to the CPUs in turn
	after func(p *Pool) error
	paths []string
}

// sharedWords are the words by which tasks wait for each other.
type sharedWords struct{ served atomic.Uint32 }

// schedules is how many each program runs under; the latest that shows a mistake, PO-15, comes after some hundreds.
const schedules = 4000

// explore runs a program under many schedules and returns the first failure.
func explore(p program) error {
	_, err := exploreFor(p)
	return err
}

// exploreFor also names the slow paths that no run took.
func exploreFor(p program) (missed []string, err error) {
	var pool *Pool
	var words *sharedWords
	var seen interface{ Reached() []uint32 } // the machine
	err = designtest.Explore(designtest.Program{
		CPUs: p.cpus, Seeds: schedules,
		Build: func(m machine.Machine) (err error) {
			seen = m.(interface{ Reached() []uint32 })
			if words, err = mem.New[sharedWords](m.Memory(), 0); err != nil {
				return err
			}
			pool, err = p.pool(m)
			return err
		},
		Stage: func(m machine.Machine) {
			for i, body := range p.tasks {
				m.Spawn(nil, machine.Spec{Name: fmt.Sprintf("task %d", i), CPU: i % p.cpus, Body: func(t *kernel.Task) { body(t, pool, words) }})
			}
		},
		Verdict: func() error {
			if p.after == nil {
				return pool.Check()
			}
			return errors.Join(pool.Check(), p.after(pool))
		},
	})
	if err != nil {
		return nil, err
	}
	for i, point := range reach.All() {
		if hits := seen.Reached(); slices.Contains(p.paths, point.Name) && point.Host == host && (i >= len(hits) || hits[i] == 0) {
			missed = append(missed, point.Name)
		}
	}
	return missed, nil
}

// bulks: three tasks on two CPUs want two elements each of a pool of two, over a backing that has one more; every one of them gets his.
func bulks() program {
	task := func(t *kernel.Task, p *Pool, _ *sharedWords) {
		for range 2 {
			var items [2]designs.Item
			if _, err := p.AllocBulk(t, kernel.NoIO, items[:]); err != nil || items[0] == items[1] {
				panic(fmt.Sprintf("a bulk of 2 is %v, %v", items, err))
			}
			for _, it := range items {
				p.Free(t, it)
			}
		}
	}
	return program{cpus: 2, tasks: []func(*kernel.Task, *Pool, *sharedWords){task, task, task}, paths: []string{"bulk", "wake"},
		pool: func(m machine.Machine) (*Pool, error) {
			b, err := NewPages(m, 3, 64)
			if err != nil {
				return nil, err
			}
			return New(m, b, Config{Least: 2})
		},
		after: func(p *Pool) error {
			if p.Elements() != 2 {
				return fmt.Errorf("%d elements in a pool of 2 with everything back", p.Elements())
			}
			return nil
		}}
}

// frees: three tasks give back more than the pool has room for.
func frees() program {
	task := func(t *kernel.Task, p *Pool, _ *sharedWords) {
		var held []designs.Item
		for range 2 {
			if it, err := p.Alloc(t, kernel.NoWait); err == nil {
				held = append(held, it)
			}
		}
		for _, it := range held {
			p.Free(t, it)
		}
	}
	return program{cpus: 2, tasks: []func(*kernel.Task, *Pool, *sharedWords){task, task, task}, paths: []string{"pool", "refill", "spill", "empty"},
		pool: func(m machine.Machine) (*Pool, error) {
			b, err := NewPages(m, 4, 64)
			if err != nil {
				return nil, err
			}
			return New(m, b, Config{Least: 1})
		}}
}

// refills: one task keeps what it got, and two wait for an element each, until both are served. So they are served by the worker, or not at all.
func refills() program {
	keeper := func(t *kernel.Task, p *Pool, words *sharedWords) {
		var held []designs.Item
		if it, err := p.Alloc(t, kernel.NoWait); err == nil {
			held = append(held, it)
		}
		awaitServed(words)
		for _, it := range held {
			p.Free(t, it)
		}
	}
	waiter := func(t *kernel.Task, p *Pool, words *sharedWords) {
		it, err := p.Alloc(t, kernel.NoIO)
		if err != nil {
			panic(err)
		}
		words.served.Add(1)
		awaitServed(words)
		p.Free(t, it)
	}
	return program{cpus: 3, tasks: []func(*kernel.Task, *Pool, *sharedWords){keeper, waiter, waiter},
		paths: []string{"wanted", "again", "fill", "raced", "wait", "chunk"},
		pool: func(m machine.Machine) (*Pool, error) {
			b, err := NewChunks(m, 8, 64)
			if err != nil {
				return nil, err
			}
			return New(m, b, Config{Least: 1, Refill: 10})
		}}
}

// awaitServed returns when both waiters are.
func awaitServed(words *sharedWords) {
	for n := range uint32(2) {
		words.served.AwaitNot(n)
	}
}

// resizes: two tasks change the size of a pool while two others use it. In the end no page is lost, and the pool is as full as it is to be.
func resizes() program {
	const pages = 6
	resizer := func(sizes ...int) func(*kernel.Task, *Pool, *sharedWords) {
		return func(t *kernel.Task, p *Pool, _ *sharedWords) {
			for _, items := range sizes {
				if err := p.Resize(t, items); err != nil {
					panic(err)
				}
			}
		}
	}
	user := func(t *kernel.Task, p *Pool, _ *sharedWords) {
		for range 2 {
			var items [2]designs.Item
			for i := range items {
				gfp := kernel.NoIO
				if i > 0 {
					gfp = kernel.NoWait
				}
				if it, err := p.Alloc(t, gfp); err == nil {
					items[i] = it + 1
				}
			}
			for _, it := range items {
				if it != 0 {
					p.Free(t, it-1)
				}
			}
		}
	}
	return program{cpus: 2, tasks: []func(*kernel.Task, *Pool, *sharedWords){resizer(4, 1, 3), resizer(2, 0), user, user},
		paths: []string{"grow", "shrink", "fill", "raced"},
		pool: func(m machine.Machine) (*Pool, error) {
			b, err := NewPages(m, pages, 64)
			if err != nil {
				return nil, err
			}
			return New(m, b, Config{Least: 2, Most: 4})
		},
		after: func(p *Pool) error {
			b := p.Backing().(*Pages).pages
			if all := b.FreePages() + b.ListedPages() + p.Elements(); all != b.ZonePages() {
				return fmt.Errorf("%d pages of %d are left", all, b.ZonePages())
			}
			return nil
		}}
}

// areas: tasks take areas of the same chunk and give them back, past any pool.
func areas() program {
	task := func(t *kernel.Task, p *Pool, _ *sharedWords) {
		for range 3 {
			if it, err := p.Backing().Alloc(t, kernel.Kernel); err == nil {
				p.Backing().Free(t, it)
			}
		}
	}
	return program{cpus: 2, tasks: []func(*kernel.Task, *Pool, *sharedWords){task, task, task},
		pool: func(m machine.Machine) (*Pool, error) {
			b, err := NewChunks(m, 128, 64) // eight to a chunk
			if err != nil {
				return nil, err
			}
			return New(m, b, Config{Least: 1})
		}}
}

// Under every schedule tried the programs keep what they promise, by every slow path they can take.
func TestNoScheduleBreaksAPromise(t *testing.T) {
	for name, p := range map[string]program{"frees": frees(), "bulks": bulks(), "refills": refills(), "resizes": resizes(), "areas": areas()} {
		if missed, err := exploreFor(p); err != nil || len(missed) > 0 {
			t.Errorf("%s: %v; %d schedules missed %v", name, err, schedules, missed)
		}
	}
}
