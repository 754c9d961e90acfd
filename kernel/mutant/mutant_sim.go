//go:build sim

package mutant

// On reports whether the mistake id is switched on.
func On(id ID) bool { return id == active }

var active ID

// Set switches the mistake id on, and every other off; "" switches all off. Call it while no simulated run is going on.
func Set(id ID) { active = id }

// Active is the mistake switched on now, "" for none.
func Active() ID { return active }
