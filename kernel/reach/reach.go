// Package reach names the slow paths of a design, so that an exploration can say which of them it ever took.
//
// A clean run that reached nothing proves nothing. Natively Hit is empty and compiles away.
package reach

// Point is one named slow path: refill, steal, spill, wait, wake.
type Point struct {
	Host  string // the package, as its path below the module
	Name  string // the slow path
	index int
}

var points []*Point

// Define registers a point; call it from a package-level variable declaration.
func Define(host, name string) *Point {
	p := &Point{Host: host, Name: name, index: len(points)}
	points = append(points, p)
	return p
}

// All lists every point of the packages linked in. A point's place in the list is the index that choice.Reached is given.
func All() []*Point { return points }
