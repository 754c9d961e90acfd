//go:build sim

package fuzz

import (
	"strings"
	"testing"

	"headroom/designs/catalog"
)

// lockExecutions is how long each variant is looked at: enough to come to every slow path of most.
const lockExecutions = 2000

// No variant takes its locks in an order, or a context, from which a deadlock can come: in generated programs, on machines that do what they like.
func TestVariantsTakeTheirLocksInOrder(t *testing.T) {
	nested := 0
	for _, v := range catalog.All() {
		if v.Capabilities.NativeOnly {
			continue
		}
		found := hunt(t, Hunt{Variant: v, Seed: 1, Vary: true, Executions: lockExecutions})
		for _, r := range found.Reports {
			t.Errorf("%s:\n%s", v.FullName(), r.Text)
		}
		nested += found.Nested
	}
	if nested < 100 {
		t.Errorf("in all variants together %d pairs of lock classes were nested: too few to show anything", nested)
	}
}

// The order inverted in one place is reported, by the fields that the locks are and the lines where they are taken.
func TestInvertedOrderIsReported(t *testing.T) {
	defer SetMutant("")
	SetMutant(mutantID(t, "PT-14"))
	found := hunt(t, Hunt{Variant: defaultVariant(t, "percpu_tags"), Seed: huntSeed, Executions: huntExecutions})
	if len(found.Reports) != 1 {
		t.Fatalf("%d reports in %d executions", len(found.Reports), found.Executions)
	}
	for _, part := range []string{"lockdep: order: percputags.", "designs/percpu_tags/slow.go:", "Pool.spill", "Pool.seize", "operation ", "Possible deadlock:"} {
		if !strings.Contains(found.Reports[0].Text, part) {
			t.Errorf("the report lacks %q:\n%s", part, found.Reports[0].Text)
		}
	}
}
