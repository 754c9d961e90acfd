package result

import "headroom/designs"

// GuaranteeClass is what a variant promises in a word or two: whether an allocation that may wait can fail, and whether the number of items is
// bounded. A design that may fail is spared work that one which waits has to do, so only designs of one class are ranked against each other.
func GuaranteeClass(c designs.Capabilities) string {
	class := "never fails"
	switch {
	case c.MayWait:
		class = "waits"
	case c.MayFail:
		class = "may fail"
	}
	if c.Unbounded {
		return class + ", unbounded"
	}
	return class + ", bounded"
}
