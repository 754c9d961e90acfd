package mutant

import "testing"

// Two mistakes of one name could not be told apart: the second is refused.
func TestDefineRefusesATakenID(t *testing.T) {
	before := registry
	defer func() {
		registry = before
		if said := recover(); said != "mutant: ZZ-01 is defined by here and by there" {
			t.Errorf("the second definition says %v", said)
		}
	}()
	Define(Mutant{ID: "ZZ-01", Host: "here"})
	Define(Mutant{ID: "ZZ-01", Host: "there"})
}
