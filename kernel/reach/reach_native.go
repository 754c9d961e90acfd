//go:build !sim

package reach

// Hit says that the point was passed; nothing happens natively.
func (p *Point) Hit() {}
