// Package percpu places words that each CPU has for itself: one T, or one row of Ts, a CPU, in the memory of the CPU's own node.
//
// The caller indexes what it gets by t.CPU(). What is handed out are pointers into machine memory, kept in an ordinary slice that nobody writes
// again: finding the own words costs one load from a line that every cache may keep. An array of structs in the allocator itself would do worse:
// to take the address of an element the compiler first reads the array's own first line, which then belongs to CPU 0 and to everybody.
//
// Invariants:
//
//	I1  no word of a CPU shares a line with anything else, nor a pair of lines, which the prefetcher fetches together (mutant PC-01)
//	I2  the words of a CPU lie on its node (mutant PC-02)
//
// Cost: two guard lines a CPU and call, 128 bytes; no cost in access. Construction only, like mem.Memory.Alloc: no task may run.
package percpu

import (
	"fmt"

	"headroom/kernel"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
)

var (
	pc01 = mutant.Define(mutant.Mutant{ID: "PC-01", Host: "kernel/percpu", Breaks: "I1",
		Story: "the words of neighbouring CPUs lie on adjacent lines, so one CPU's stores take the other's prefetched line away"})
	pc02 = mutant.Define(mutant.Mutant{ID: "PC-02", Host: "kernel/percpu", Breaks: "I2",
		Story: "the words of all CPUs are placed on node 0"})
)

// guard keeps a line free on each side of a CPU's words: with it no word before or behind them is on the other line of a pair.
type guard [mem.LineBytes]byte

// New places a zeroed T for each CPU of the machine, on that CPU's node; element i belongs to CPU i. It returns an error when T holds a Go
// pointer or the memory of a node is full.
func New[T any](place kernel.Place) ([]*T, error) {
	rows, err := Rows[T](place, 1)
	if err != nil {
		return nil, err
	}
	words := make([]*T, len(rows))
	for cpu := range rows {
		words[cpu] = &rows[cpu][0]
	}
	return words, nil
}

// Rows places n zeroed Ts in a row for each CPU of the machine, on that CPU's node; row i belongs to CPU i. The Ts of one row share lines. It
// returns an error when n is negative, T holds a Go pointer or the memory of a node is full.
func Rows[T any](place kernel.Place, n int) ([][]T, error) {
	m := place.Memory()
	rows := make([][]T, place.CPUs())
	for cpu := range rows {
		node := place.Node(cpu)
		if mutant.On(pc02) {
			node = 0
		}
		row, err := guarded[T](m, node, n)
		if err != nil {
			return nil, fmt.Errorf("percpu: words of CPU %d: %w", cpu, err)
		}
		rows[cpu] = row
	}
	return rows, nil
}

// guarded places n Ts between two guard lines: Alloc places one object right behind the other.
func guarded[T any](m *mem.Memory, node, n int) ([]T, error) {
	if mutant.On(pc01) {
		return mem.Slice[T](m, node, n)
	}
	if _, err := mem.New[guard](m, node); err != nil {
		return nil, err
	}
	row, err := mem.Slice[T](m, node, n)
	if err != nil {
		return nil, err
	}
	_, err = mem.New[guard](m, node)
	return row, err
}
