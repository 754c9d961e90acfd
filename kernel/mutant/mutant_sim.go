//go:build sim

package mutant

// On reports whether the mistake id is switched on.
func On(id ID) bool {
	if id != active {
		return false
	}
	executed++
	return true
}

var (
	active   ID
	executed uint64
)

// Set switches the mistake id on, and every other off; "" switches all off. Call it while no simulated run is going on.
func Set(id ID) { active, executed = id, 0 }

// Executed is how often the mistake switched on was asked for since Set: 0 means that the planted code never ran.
func Executed() uint64 { return executed }

// Active is the mistake switched on now, "" for none.
func Active() ID { return active }
