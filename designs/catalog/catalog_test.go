package catalog

import (
	"strings"
	"testing"

	"headroom/designs"
	"headroom/designs/designtest"
)

// Every table is well-formed, has measuring loops, and names its variant as no other does.
func TestTablesAreWellFormed(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range All() {
		if err := designtest.CheckTable(v); err != nil {
			t.Error(err)
		}
		if v.Loops == nil {
			t.Errorf("%s has no measuring loops", v.FullName())
		}
		if seen[v.FullName()] {
			t.Errorf("two variants are called %s", v.FullName())
		}
		seen[v.FullName()] = true
	}
}

// The order is fixed, since reports and seeds depend on it: the designs of the debates, the lock variant of percpu_tags first, then the baselines.
func TestOrderIsDebatesThenBaselines(t *testing.T) {
	var names []string
	for _, v := range All() {
		names = append(names, v.FullName())
	}
	got := strings.Join(names, " ")
	if !strings.HasPrefix(got, "percpu_tags:lock ") || !strings.HasSuffix(got, " channel mutex syncpool page slab") {
		t.Errorf("the order is %s", got)
	}
}

// Every variant is found by its two names, and its design has a default.
func TestFindFindsEveryVariant(t *testing.T) {
	for _, v := range All() {
		got, err := Find(v.Design, v.Name)
		if err != nil || got.FullName() != v.FullName() {
			t.Errorf("Find(%q, %q) is %s, %v", v.Design, v.Name, got.FullName(), err)
		}
		if first, err := Default(v.Design); err != nil || first.Design != v.Design {
			t.Errorf("Default(%q) is %s, %v", v.Design, first.FullName(), err)
		}
	}
}

// A name that does not exist gives an error that lists those that do.
func TestFindSaysWhatThereIs(t *testing.T) {
	for _, c := range []struct{ design, variant, says string }{
		{"percpu_tag", "lock", `no design is called "percpu_tag"; there are percpu_tags, channel, mutex, syncpool`},
		{"percpu_tags", "", `design percpu_tags has no variant ""; there is percpu_tags:lock`},
		{"mutex", "fair", `design mutex has no variant "fair"; there is mutex`},
	} {
		_, err := find([]designs.Variant{{Design: "percpu_tags", Name: "lock"}, {Design: "channel"}, {Design: "mutex"}, {Design: "syncpool"}}, c.design, c.variant)
		if err == nil || err.Error() != c.says {
			t.Errorf("find(%q, %q): %v, want %s", c.design, c.variant, err, c.says)
		}
	}
	if _, err := Default("none"); err == nil {
		t.Error("a design called none has a default")
	}
}

// What a variant says it is a layer over exists, if it is a variant of a design, and the chain ends.
func TestLayersStandOnSomething(t *testing.T) {
	for _, v := range All() {
		seen := map[string]bool{}
		for over := v.Capabilities.Over; strings.Contains(over, ":"); {
			if seen[over] {
				t.Fatalf("%s is a layer over itself", over)
			}
			seen[over] = true
			design, name, _ := strings.Cut(over, ":")
			below, err := Find(design, name)
			if err != nil {
				t.Errorf("%s is a layer over nothing: %v", v.FullName(), err)
			}
			over = below.Capabilities.Over
		}
	}
}
