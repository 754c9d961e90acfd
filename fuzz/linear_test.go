package fuzz

import (
	"testing"

	"headroom/designs"
)

// A history is refused exactly when no order of its calls is allowed: two may overlap and go either way, and items do not mix.
func TestHistoriesAreJudgedByItem(t *testing.T) {
	type timed struct {
		item         designs.Item
		free         bool
		began, ended int64
	}
	for _, c := range []struct {
		name  string
		calls []timed
		fine  bool
	}{
		{"empty", nil, true},
		{"handed out, freed, handed out", []timed{{1, false, 1, 2}, {1, true, 3, 4}, {1, false, 5, 6}}, true},
		{"handed out twice", []timed{{1, false, 1, 2}, {1, false, 3, 4}}, false},
		{"two items", []timed{{1, false, 1, 2}, {2, false, 3, 4}}, true},
		{"handed out while it is being freed", []timed{{1, false, 1, 2}, {1, true, 3, 6}, {1, false, 4, 5}}, true},
		{"handed out before it is freed", []timed{{1, false, 1, 2}, {1, false, 3, 4}, {1, true, 5, 6}}, false},
		{"freed twice", []timed{{1, false, 1, 2}, {1, true, 3, 4}, {1, true, 5, 6}}, false},
		{"freed twice, handed out in between and at the same time", []timed{{1, false, 1, 2}, {1, true, 3, 8}, {1, true, 4, 7}, {1, false, 5, 6}}, true},
		{"one item is wrong among right ones", []timed{{1, false, 1, 2}, {2, true, 3, 4}, {1, true, 5, 6}}, false},
	} {
		h := &history{every: 1}
		h.begin()
		for _, k := range c.calls {
			h.clock = k.ended - 1
			h.add(0, call{k.item, k.free}, k.began)
		}
		if f := h.check(); (f == nil) != c.fine {
			t.Errorf("%s: %v; want it to be fine: %v", c.name, f, c.fine)
		}
	}
}

// Of so many executions one is looked at.
func TestHistoriesAreSampled(t *testing.T) {
	for _, c := range []struct{ every, want int }{{0, 0}, {1, 10}, {4, 3}} {
		h, looked := &history{every: c.every}, 0
		for range 10 {
			h.begin()
			h.add(0, call{1, true}, h.now()) // a free of what nobody has
			if h.check() != nil {
				looked++
			}
		}
		if looked != c.want {
			t.Errorf("one in %d of 10: %d are looked at, want %d", c.every, looked, c.want)
		}
	}
}
