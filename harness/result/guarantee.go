package result

import (
	"strings"

	"headroom/designs"
)

// typicalItems is the number of items for which a variant is asked what it promises: that of a device's queue. What share of the items it promises
// does not depend on the number.
const typicalItems = 64

// GuaranteeClass is what a variant promises in a few words: whether an allocation that may wait can fail, whether the number of items is bounded, and
// by what the promise falls short of others or exceeds them. A design that promises less is spared work that one which promises more has to do, so
// only designs of one class are ranked against each other.
func GuaranteeClass(v designs.Variant) string {
	c := v.Capabilities
	class := []string{"never fails"}
	switch {
	case c.MayWait:
		class[0] = "waits"
	case c.MayFail:
		class[0] = "may fail"
	}
	config := designs.Config{Items: typicalItems}
	promised := v.Guaranteed(config)
	if c.Unbounded {
		promised, class = config.Items, append(class, "unbounded")
	} else {
		class = append(class, "bounded")
	}
	below, _, _ := strings.Cut(c.Over, ":")
	if promised < config.Items && 2*promised > config.Items {
		class = append(class, "less a reserve") // which is also what may lie free beside a sleeper, and the pool below
	} else {
		if promised < config.Items {
			class = append(class, "half the items")
		}
		if v.FreeBeside(config) > 0 {
			class = append(class, "woken in batches")
		}
		if below != "" && below == v.Design {
			class = append(class, "two pools") // the one below has as many items of its own
		}
	}
	if c.Misses {
		class = append(class, "refused beside others")
	}
	if len(v.Breaks) > 0 {
		class = append(class, "known faults")
	}
	return strings.Join(class, ", ")
}
