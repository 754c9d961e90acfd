//go:build !sim

package choice

// Enabled is false in the native build: words compile to the bare instruction.
const Enabled = false
