//go:build !sim

package mutant

// On is the constant false in the native build: the planted mistakes are not compiled in.
func On(id ID) bool { return false }
