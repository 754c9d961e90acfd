// Package mutant holds the switches that plant a known mistake in a design, so that the checks can prove they would find it.
//
// A mutant is named, belongs to one package, and exists in the sim build only: natively On is the constant false and the planted branch
// compiles to nothing, which a test shows on the compiled code.
package mutant

import "fmt"

// ID names one planted mistake, for example "PI-01".
type ID string

// Mutant describes one planted mistake.
type Mutant struct {
	ID     ID
	Host   string // the package it is planted in, as its path below the module: designs/percpu_tags
	Breaks string // the invariant it breaks, as the package comment numbers it
	Story  string // one sentence: what goes wrong, and where it happened first
}

var registry []Mutant

// Define registers a mutant; call it from a package-level variable declaration. It panics when the ID is taken.
func Define(m Mutant) ID {
	if other, ok := Find(m.ID); ok {
		panic(fmt.Sprintf("mutant: %s is defined by %s and by %s", m.ID, other.Host, m.Host))
	}
	registry = append(registry, m)
	return m.ID
}

// All lists every mutant of the packages linked in, in the order of their definition.
func All() []Mutant { return registry }

// Find returns the mutant with the given ID, and false when there is none.
func Find(id ID) (Mutant, bool) {
	for _, m := range registry {
		if m.ID == id {
			return m, true
		}
	}
	return Mutant{}, false
}
