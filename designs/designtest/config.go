package designtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"headroom/designs"
)

// itemCounts are the sizes tried: too few to share, a word of a bitmap, many.
var itemCounts = []int{1, 2, 3, 64, 4096}

// configs lists the configurations a variant is tried in: every size with each setting of the knobs (for layers the largest with the defaults
// only), for variants with memory some sizes of objects, and for layers some room below them.
func configs(v designs.Variant) []designs.Config {
	var list []designs.Config
	for _, items := range itemCounts {
		for _, knobs := range knobSettings(v.Knobs) {
			if items > 64 && knobs != nil && v.Capabilities.Over != "" {
				continue // the same paths, each several times as long
			}
			list = append(list, designs.Config{Items: items, Bytes: leastBytes(v), Knobs: knobs})
		}
	}
	if v.Capabilities.Memory {
		list = append(list,
			designs.Config{Items: 3, Bytes: pageBytes},
			designs.Config{Items: 64, Bytes: leastObject(v)},
			designs.Config{Items: 256, Bytes: pageBytes})
	}
	if v.Capabilities.Over != "" {
		list = append(list,
			designs.Config{Items: 2, Bytes: leastBytes(v), Room: 5},
			designs.Config{Items: 64, Bytes: leastBytes(v), Room: 200})
	}
	return list
}

const (
	pageBytes   = 4096
	objectBytes = 200 // no whole number of cache lines
)

// leastBytes is the smallest Config.Bytes that makes sense for a kind: numbers need none.
func leastBytes(v designs.Variant) int {
	switch v.Capabilities.Kind {
	case designs.Page, designs.Object:
		return leastObject(v)
	}
	return 0
}

func leastObject(v designs.Variant) int {
	if v.Capabilities.Kind == designs.Page {
		return pageBytes
	}
	return objectBytes
}

// knobSettings are the defaults, all knobs at one end of their range, and each knob at an end alone.
func knobSettings(table []designs.Knob) []map[string]int {
	low, high := map[string]int{}, map[string]int{}
	for _, k := range table {
		low[k.Name], high[k.Name] = k.Low, k.High
	}
	settings := []map[string]int{nil}
	if len(table) > 0 {
		settings = append(settings, low, high)
	}
	if len(table) > 1 {
		for _, k := range table {
			settings = append(settings, map[string]int{k.Name: k.Low}, map[string]int{k.Name: k.High})
		}
	}
	return settings
}

// mustWork: the defaults serve any number of items; knobs may exclude each other.
func mustWork(c designs.Config) bool { return len(c.Knobs) == 0 }

// label is the configuration in a failure.
func label(c designs.Config) string {
	parts := []string{fmt.Sprintf("items=%d", c.Items)}
	if c.Bytes != 0 {
		parts = append(parts, fmt.Sprintf("bytes=%d", c.Bytes))
	}
	if c.Room != 0 {
		parts = append(parts, fmt.Sprintf("room=%d", c.Room))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Knobs)) {
		parts = append(parts, fmt.Sprintf("%s=%d", name, c.Knobs[name]))
	}
	return strings.Join(parts, " ")
}
