package numaboot_test

import (
	"strings"
	"testing"

	"headroom/internal/numaboot"
)

// Layouts are read and written alike; what no guest can be built of is refused with an example of what can.
func TestParseLayout(t *testing.T) {
	for text, want := range map[string]numaboot.Layout{
		"2x2": {Nodes: 2, Cores: 2, Threads: 1}, "4x2": {Nodes: 4, Cores: 2, Threads: 1}, "2x2x2": {Nodes: 2, Cores: 2, Threads: 2},
		"1x16": {Nodes: 1, Cores: 16, Threads: 1}, "": {}, "2": {}, "2x": {}, "2x2x2x2": {}, "0x2": {}, "-2x2": {}, "5x1": {}, "4x5": {}, "2x2x3": {}, "axb": {},
		"9999999999999999999x1": {},
	} {
		got, err := numaboot.ParseLayout(text)
		switch {
		case want == numaboot.Layout{}:
			if err == nil || !strings.Contains(err.Error(), "such as 4x2") {
				t.Errorf("%q reads as %+v, %v", text, got, err)
			}
		case err != nil || got != want || got.String() != text:
			t.Errorf("%q reads as %+v, written %q, %v", text, got, got, err)
		}
	}
}

// Distances are those of firmware: 10 from a node to itself, more to every other, as far there as back. An order by distance differs from one by
// number on every node of a guest of four, or the guest tests could not tell the two apart.
func TestDistancesTellTheOrdersApart(t *testing.T) {
	l := numaboot.Layout{Nodes: 4, Cores: 1, Threads: 1}
	for from := range l.Nodes {
		nearest := (from + 1) % l.Nodes
		for to := range l.Nodes {
			d := l.Distance(from, to)
			if d != l.Distance(to, from) || (d == 10) != (from == to) || d < 10 || d > 254 {
				t.Errorf("node %d is %d from node %d, and %d back", to, d, from, l.Distance(to, from))
			}
			if to != from && d < l.Distance(from, nearest) {
				nearest = to
			}
		}
		if nearest == from+1 || nearest == from-1 {
			t.Errorf("the nearest to node %d is its neighbour in number", from)
		}
	}
}
