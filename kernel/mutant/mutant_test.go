package mutant

import "testing"

// A defined mutant is listed and found with its description, and only by its own ID; it is off until set.
func TestDefinedMutantsAreFound(t *testing.T) {
	want := Mutant{ID: "XX-01", Host: "kernel/mutant", Breaks: "I1", Story: "defined by a test"}
	before := len(All())
	id := Define(want)
	if id != want.ID || len(All()) != before+1 || All()[before] != want {
		t.Errorf("Define gave %q, and All lists %v", id, All())
	}
	if got, ok := Find(id); !ok || got != want {
		t.Errorf("Find gives %v, %v", got, ok)
	}
	if got, ok := Find("XX-02"); ok {
		t.Errorf("Find gives %v for an ID that nobody defined", got)
	}
	if On(id) {
		t.Error("a mutant is on that nobody set")
	}
}
