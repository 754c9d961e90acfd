//go:build !gofuzz

package fuzz

import (
	"github.com/anishathalye/porcupine"

	"headroom/designs"
)

// consistent reports whether there is an order of the calls that an allocator allows.
func consistent(calls []operation) bool {
	list := make([]porcupine.Operation, len(calls))
	for i, o := range calls {
		list[i] = porcupine.Operation{ClientId: o.task, Input: o.call, Call: o.began, Return: o.ended}
	}
	return porcupine.CheckOperations(itemModel, list)
}

// itemModel is an item: held or not.
var itemModel = porcupine.Model{
	Partition: func(calls []porcupine.Operation) [][]porcupine.Operation {
		var parts [][]porcupine.Operation
		place := map[designs.Item]int{}
		for _, o := range calls {
			at, known := place[o.Input.(call).item]
			if !known {
				at = len(parts)
				place[o.Input.(call).item] = at
				parts = append(parts, nil)
			}
			parts[at] = append(parts[at], o)
		}
		return parts
	},
	Init: func() any { return false },
	Step: func(held, input, _ any) (bool, any) {
		c := input.(call)
		return held.(bool) == c.free, !c.free
	},
}
