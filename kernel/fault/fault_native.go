//go:build !sim

package fault

// Fails is the constant false natively.
func (p *Point) Fails() bool { return false }
