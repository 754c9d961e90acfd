package scenario

import (
	"fmt"
	"strconv"
	"strings"

	"headroom/kernel"
)

// targetKind says what the target of an operation is.
type targetKind uint8

const (
	noTarget targetKind = iota
	anAllocator
	aLock
	anEvent
	aWork
	aCPU
)

var targetNames = [...]string{noTarget: "nothing", anAllocator: "an allocator", aLock: "a lock", anEvent: "an event", aWork: "work", aCPU: "a CPU"}

// shape is what may follow the name of an operation.
type shape struct {
	code    Code
	target  targetKind
	gfp     kernel.GFP // the flags if none are given; 0 where there can be none
	count   bool       // xN may follow
	all     bool       // and all
	number  bool       // a number follows: of items
	cpu     bool       // a CPU follows the target
	example string
}

var shapes = []shape{
	{code: Alloc, target: anAllocator, gfp: kernel.Kernel, count: true, example: "alloc pool NOIO x2"},
	{code: Fill, target: anAllocator, gfp: kernel.NoWait, example: "fill zone NOWAIT"},
	{code: NoLocks, target: anAllocator, count: true, example: "nolocks pages"},
	{code: Free, target: anAllocator, count: true, all: true, example: "free pool all"},
	{code: Hand, target: anAllocator, cpu: true, example: "hand pool 1"},
	{code: Dirty, target: anAllocator, count: true, all: true, example: "dirty zone all"},
	{code: Reserve, target: anAllocator, gfp: kernel.Kernel, number: true, example: "reserve pages 2 KERNEL"},
	{code: Draw, target: anAllocator, count: true, example: "draw pages"},
	{code: Cancel, target: anAllocator, number: true, example: "cancel pages 2"},
	{code: Take, target: aLock, example: "lock m"},
	{code: Release, target: aLock, example: "unlock m"},
	{code: TryTake, target: aLock, example: "trylock m"},
	{code: IRQOff, example: "irqoff"},
	{code: IRQOn, example: "irqon"},
	{code: Wait, target: anEvent, example: "wait done"},
	{code: Signal, target: anEvent, example: "signal done"},
	{code: Queue, target: aWork, example: "queue w"},
	{code: Flush, target: aWork, example: "flush w"},
	{code: Yield, example: "yield"},
	{code: Unplug, target: aCPU, example: "unplug 1"},
	{code: Plug, target: aCPU, example: "plug 1"},
}

// shapeOf finds the shape of an operation.
func shapeOf(code Code) (shape, bool) {
	for _, s := range shapes {
		if s.code == code {
			return s, true
		}
	}
	return shape{}, false
}

// parseOp reads the words of an operation; what its names mean is for check to see.
func parseOp(words []string, line int) (Op, error) {
	s, ok := shapeOf(Code(words[0]))
	if !ok {
		return Op{}, fmt.Errorf("unknown word %q: a line begins with one of %s; under a task with one of %s", words[0], keywordList(), codeList())
	}
	op, rest, err := Op{Code: s.code, GFP: s.gfp, Count: 1, Line: line}, words[1:], error(nil)
	bad := func(why string) error {
		return fmt.Errorf("%s: %s; write it as: %s", strings.Join(words, " "), why, s.example)
	}
	next := func() string {
		word := rest[0]
		rest = rest[1:]
		return word
	}
	if s.target != noTarget {
		if len(rest) == 0 {
			return Op{}, bad(targetNames[s.target] + " is missing")
		}
		if s.target == aCPU {
			s.cpu = true
		} else {
			op.Target = next()
		}
	}
	if s.cpu || s.number {
		if len(rest) == 0 {
			return Op{}, bad("a number is missing")
		}
		n, err := strconv.Atoi(next())
		switch {
		case s.cpu && (err != nil || n < 0 || n >= maxCPUs):
			return Op{}, bad(fmt.Sprintf("a CPU is a number from 0 to %d", maxCPUs-1))
		case s.number && (err != nil || n < 1 || n > maxCount):
			return Op{}, bad(fmt.Sprintf("a number is 1 to %d", maxCount))
		case s.cpu:
			op.CPU = n
		default:
			op.Count = n
		}
	}
	if s.gfp != 0 && len(rest) > 0 && !isCount(rest[0]) {
		if op.GFP, err = kernel.ParseGFP(next()); err != nil {
			return Op{}, bad(err.Error())
		}
	}
	if s.count && len(rest) > 0 {
		if op.Count, err = parseCount(next(), s.all); err != nil {
			return Op{}, bad(err.Error())
		}
	}
	if len(rest) > 0 {
		return Op{}, bad(fmt.Sprintf("%q is too much", rest[0]))
	}
	return op, nil
}

// isCount reports whether a word is xN, not flags.
func isCount(word string) bool {
	return len(word) > 1 && word[0] == 'x' && word[1] >= '0' && word[1] <= '9'
}

func parseCount(word string, all bool) (int, error) {
	if all && word == "all" {
		return All, nil
	}
	if isCount(word) {
		if n, err := strconv.Atoi(word[1:]); err == nil && n >= 1 && n <= maxCount {
			return n, nil
		}
	}
	return 0, fmt.Errorf("%q is no count from x1 to x%d", word, maxCount)
}

// String is the operation as files have it.
func (o Op) String() string {
	s, ok := shapeOf(o.Code)
	if !ok {
		return string(o.Code)
	}
	parts := []string{string(o.Code)}
	if o.Target != "" {
		parts = append(parts, o.Target)
	}
	switch {
	case s.cpu || s.target == aCPU:
		parts = append(parts, strconv.Itoa(o.CPU))
	case s.number:
		parts = append(parts, strconv.Itoa(o.Count))
	}
	if s.gfp != 0 && o.GFP != s.gfp {
		parts = append(parts, o.GFP.String())
	}
	switch {
	case s.count && o.Count == All:
		parts = append(parts, "all")
	case s.count && o.Count != 1:
		parts = append(parts, fmt.Sprintf("x%d", o.Count))
	}
	return strings.Join(parts, " ")
}

func codeList() string {
	var names []string
	for _, s := range shapes {
		names = append(names, string(s.code))
	}
	return strings.Join(names, " ")
}
