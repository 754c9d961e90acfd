// Package fault names the places where a backing allocation can fail, so that an exploration can choose to have it fail there and then.
//
// A layer promises its own callers something whatever happens below it. That it keeps the promise shows only when what is below it fails, at any
// call, not just when memory is really at its end. Natively Fails is the constant false and compiles away.
package fault

// Point is one place where something that is asked for from below may not come.
type Point struct {
	Host  string // the package that asks, as its path below the module
	Name  string // what it asks for
	index int
}

var points []*Point

// Define registers a point; call it from a package-level variable declaration.
func Define(host, name string) *Point {
	p := &Point{Host: host, Name: name, index: len(points)}
	points = append(points, p)
	return p
}

// All lists every point of the packages linked in. A point's place in the list is the index that choice.Fail is given.
func All() []*Point { return points }
