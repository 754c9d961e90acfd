//go:build sim

package target_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"headroom/designs/catalog"
	"headroom/fuzz"
	"headroom/fuzz/target"
	"headroom/kernel/mutant"
)

// variantByte is the first byte of inputs that pick a variant.
func variantByte(t *testing.T, fullName string) byte {
	t.Helper()
	at := byte(0)
	for _, v := range catalog.All() {
		switch {
		case v.Capabilities.NativeOnly || len(v.Breaks) > 0:
			continue
		case v.FullName() == fullName:
			return at
		}
		at++
	}
	t.Fatalf("no variant %s is explored", fullName)
	return 0
}

// mostInputs of random bytes have to show a planted mistake; most need fewer than ten.
const mostInputs = 300

// A target that cannot fail shows nothing: with a known mistake in a design random bytes make it fail, in words that name the variant, and the same
// bytes without the mistake do not.
func TestTargetsNoticeMistakes(t *testing.T) {
	defer fuzz.SetMutant("")
	for _, c := range []struct {
		run     func([]byte) int
		variant string
		mutant  mutant.ID
		says    string
	}{
		{target.FuzzModel, "percpu_tags:lock", "PI-01", "C3: Alloc refused a sole caller"},
		{target.FuzzModel, "ida:magazine", "ID-08", "C7: Check at quiescence"},
		{target.FuzzModel, "mempool:mainline", "PO-04", "C5: Alloc waits with"},
		{target.FuzzModel, "gfp_nolocks:rawzone", "PG-16", "C4: Free of held item"},
		{target.FuzzProgram, "percpu_tags:lock", "PT-04", "percpu_tags lock: panic: runtime error: index out of range"},
		{target.FuzzProgram, "percpu_tags:lock", "PT-14", "the locks of percpu_tags:lock: order: percputags."},
		{target.FuzzProgram, "sbitmap", "BM-01", "uniqueness: item"},
		{target.FuzzProgram, "mempool:mainline", "PO-06", "was handed out while somebody held it"},
		{target.FuzzProgram, "slab", "SO-05", "slabs have every object free, and 0 at most are to be kept (I5)"},
	} {
		random := rand.New(rand.NewPCG(1, 2))
		data := make([]byte, 300)
		found := ""
		for n := 0; n < mostInputs && !strings.Contains(found, c.says); n++ {
			for i := range data {
				data[i] = byte(random.Uint32())
			}
			data[0] = variantByte(t, c.variant)
			fuzz.SetMutant(c.mutant)
			found = says(c.run, data)
			fuzz.SetMutant("")
		}
		if !strings.Contains(found, c.says) {
			t.Errorf("%s of %s says %q, want %q", c.mutant, c.variant, found, c.says)
		}
		if again := says(c.run, data); again != "" {
			t.Errorf("without %s %s says %q", c.mutant, c.variant, again)
		}
	}
}
