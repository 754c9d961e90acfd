package choice

import "testing"

// Every kind has a name, and Writes agrees with what the kind does.
func TestKinds(t *testing.T) {
	for _, c := range []struct {
		kind   Kind
		name   string
		writes bool
	}{
		{PlainLoad, "load", false}, {PlainStore, "store", true},
		{Load, "aload", false}, {LoadAcquire, "aload.acq", false}, {LoadRelaxed, "aload.rlx", false},
		{Store, "astore", true}, {StoreRelease, "astore.rel", true}, {StoreRelaxed, "astore.rlx", true},
		{Modify, "rmw", true}, {CAS32, "cas", true}, {CAS64, "cas", true},
		{Fence, "fence", false}, {Note, "note", false}, {Drain, "drain", false}, {Event, "event", false}, {Event + 1, "?", false},
	} {
		if c.kind.String() != c.name || c.kind.Writes() != c.writes {
			t.Errorf("kind %d: %q, writes %v; want %q, %v", c.kind, c.kind, c.kind.Writes(), c.name, c.writes)
		}
	}
}
