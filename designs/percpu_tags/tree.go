package percputags

import (
	"fmt"
	"math/bits"

	"headroom/kernel/mem"
)

// tagTree is a set of small numbers as a tree of words: a bit on the lowest level is a number that is in, a bit above says that the word below has
// one. Putting in and taking out the lowest touch a word a level. The caller holds the lock that protects it.
type tagTree struct {
	levels [][]mem.Plain64 // the lowest first; the highest is one word
	size   uint32
}

// newTagTree places the set of all numbers below size.
func newTagTree(m *mem.Memory, size int) (tagTree, error) {
	tree := tagTree{size: uint32(size)}
	for n := size; ; {
		words := (n + 63) / 64
		level, err := mem.Slice[mem.Plain64](m, 0, words)
		if err != nil {
			return tree, err
		}
		for i := range level {
			level[i].Store(^uint64(0) >> max(0, 64*(i+1)-n))
		}
		tree.levels = append(tree.levels, level)
		if words == 1 {
			return tree, nil
		}
		n = words
	}
}

// put adds a number that is not in.
func (t *tagTree) put(tag uint32) {
	for _, level := range t.levels {
		old := level[tag/64].Load()
		level[tag/64].Store(old | 1<<(tag%64))
		if old != 0 {
			return
		}
		tag /= 64
	}
}

// take removes the lowest number; ok is false when there is none.
func (t *tagTree) take() (tag uint32, ok bool) {
	for i := len(t.levels) - 1; i >= 0; i-- {
		word := t.levels[i][tag].Load()
		if word == 0 {
			return 0, false
		}
		tag = tag*64 + uint32(bits.TrailingZeros64(word))
	}
	for at, i := tag, 0; i < len(t.levels); i++ {
		word := &t.levels[i][at/64]
		word.Store(word.Load() &^ (1 << (at % 64)))
		if word.Load() != 0 {
			break
		}
		at /= 64
	}
	return tag, true
}

// check calls visit for each number, and reports a level that does not say what the one below it holds.
func (t *tagTree) check(visit func(tag uint32) error) error {
	for i, level := range t.levels {
		for at := range level {
			word := level[at].Load()
			if i+1 < len(t.levels) && (t.levels[i+1][at/64].Load()>>(at%64)&1 != 0) != (word != 0) {
				return fmt.Errorf("percpu_tags: level %d of the tree is at odds with word %d below it", i+1, at)
			}
			for ; i == 0 && word != 0; word &= word - 1 {
				if err := visit(uint32(at*64 + bits.TrailingZeros64(word))); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
