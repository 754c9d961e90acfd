package sbitmap

import (
	"fmt"
	"math/bits"
)

// Check walks every word and reports what is wrong: bits behind the last tag, a tag to be cleared that nobody had, a lock still held, sleepers
// that are counted and not there, frees whose wake-up is missing. Only at quiescence.
func (b *Bitmap) Check() error {
	for i := range b.words {
		w := &b.words[i]
		taken, cleared, mask := w.taken.Load(), w.cleared.Load(), b.mask(uint32(i))
		switch {
		case w.lock.Held():
			return fmt.Errorf("sbitmap: the lock of word %d is held at quiescence", i)
		case taken&^mask != 0:
			return fmt.Errorf("sbitmap: word %d has taken bits %#x behind its last tag", i, taken&^mask)
		case cleared&^taken != 0:
			return fmt.Errorf("sbitmap: word %d has tags %#x to be cleared that are not taken (I2)", i, cleared&^taken)
		}
	}
	waiting := 0
	for i := range b.shared.queue {
		waiting += b.shared.queue[i].Waiting()
	}
	if n := int(b.shared.sleepers.Load()); n != waiting {
		return fmt.Errorf("sbitmap: %d sleepers are counted and %d are in the queues", n, waiting)
	}
	if open := int32(b.shared.completed.Load() - b.shared.spent.Load()); open >= int32(b.batch) {
		return fmt.Errorf("sbitmap: %d frees that saw a sleeper woke nobody, and a batch is %d (I5)", open, b.batch)
	}
	return nil
}

// FreeTags is the number of tags that nobody owns, those to be cleared among them. Racy unless the bitmap is quiet.
func (b *Bitmap) FreeTags() int {
	n := int(b.tags)
	for i := range b.words {
		n -= bits.OnesCount64(b.words[i].taken.Load() &^ b.words[i].cleared.Load())
	}
	return n
}
