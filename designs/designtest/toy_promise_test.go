package designtest

import (
	"testing"

	"headroom/designs"
	"headroom/designs/spec"
	"headroom/kernel"
	"headroom/kernel/mem"
)

// promisingToy is a toy that promises items: those promised are taken out of it and lie on a stack of their own. Each fault makes it break C10.
type promisingToy struct {
	*toy
	trouble string
	kept    []mem.Plain64 // kept[:words.kept]; under the toy's lock
	words   *promisingWords
}

type promisingWords struct{ kept mem.Plain32 }

func promisingVariant(trouble string) designs.Variant {
	v := toyVariant("")
	v.Design, v.Name, v.Loops = "promising toy", trouble, nil
	newToy := v.New
	v.New = func(place kernel.Place, c designs.Config) (designs.Allocator, error) {
		a, err := newToy(place, c)
		if err != nil {
			return nil, err
		}
		p := &promisingToy{toy: a.(*toy), trouble: trouble}
		if p.kept, err = mem.Slice[mem.Plain64](place.Memory(), 0, c.Items); err != nil {
			return nil, err
		}
		if p.words, err = mem.New[promisingWords](place.Memory(), 0); err != nil {
			return nil, err
		}
		return p, nil
	}
	return v
}

func (p *promisingToy) enter(t *kernel.Task) {
	t.IRQSave()
	p.toy.words.lock.Lock(t)
}

func (p *promisingToy) leave(t *kernel.Task) {
	p.toy.words.lock.Unlock(t)
	t.IRQRestore()
}

// Reserve never waits.
func (p *promisingToy) Reserve(t *kernel.Task, gfp kernel.GFP, n int) error {
	for got := range n {
		it, err := p.toy.Alloc(t, kernel.NoWait)
		if err != nil {
			if p.trouble == "promises without end" {
				return nil
			}
			p.Cancel(t, got)
			return err
		}
		p.enter(t)
		kept := p.words.kept.Load()
		p.kept[kept].Store(uint64(it))
		p.words.kept.Store(kept + 1)
		p.leave(t)
	}
	return nil
}

func (p *promisingToy) AllocReserved(t *kernel.Task) (designs.Item, error) {
	p.enter(t)
	defer p.leave(t)
	kept := p.words.kept.Load()
	if kept == 0 || p.trouble == "forgets its promises" && t.CPU() == 1 {
		return 0, kernel.ErrWouldBlock
	}
	p.words.kept.Store(kept - 1)
	return designs.Item(p.kept[kept-1].Load()), nil
}

func (p *promisingToy) Cancel(t *kernel.Task, n int) {
	if p.trouble == "keeps what is cancelled" {
		return
	}
	for range n {
		it, _ := p.AllocReserved(t)
		p.toy.Free(t, it)
	}
}

// A toy that promises passes; with a fault it is caught by the trial reserve, as what it breaks.
func TestSuiteTriesPromises(t *testing.T) {
	if err := tryOnly(t, promisingVariant(""), "reserve"); err != nil {
		t.Error(err)
	}
	for trouble, sentence := range map[string]spec.Sentence{
		"promises without end": spec.C10, "forgets its promises": spec.C10, "keeps what is cancelled": spec.C4,
	} {
		t.Run(trouble, func(t *testing.T) { mustCatch(t, promisingVariant(trouble), sentence, "reserve") })
	}
	sleeps := promisingVariant("")
	sleeps.Capabilities.ReserveWaits = true
	mustCatch(t, sleeps, spec.C10, "reserve")
}
