//go:build sim

package scenario

import (
	"strings"
	"testing"

	"headroom/kernel"
	"headroom/kernel/page"
)

// What callers have to leave of a mark of 16, by era, flags and rights.
func TestLeastLeftFollowsTheEras(t *testing.T) {
	for _, c := range []struct {
		era    page.Era
		gfp    kernel.GFP
		rights kernel.Rights
		least  int64
	}{
		{page.Rules2024, kernel.Kernel, 0, 16},
		{page.Rules2024, kernel.NoWait, 0, 16},
		{page.Rules2024, kernel.Atomic, 0, 6},
		{page.Rules2024, kernel.Kernel | kernel.High, 0, 8},
		{page.Rules2024, kernel.Kernel, kernel.RightMemalloc, 0},
		{page.Rules2024, kernel.Kernel | kernel.NoMemalloc, kernel.RightMemalloc, 16},
		{page.Rules2024, kernel.Kernel, kernel.RightVictim, 8},
		{page.Rules2016, kernel.Kernel, kernel.RightVictim, 0},
		{page.Rules2016, kernel.Kernel | kernel.NoMemalloc, kernel.RightVictim, 16},
		{page.Rules2001, kernel.Kernel, 0, 16},
		{page.Rules2001, kernel.NoWait, 0, 4},
	} {
		if got := leastLeft(c.era, 16, c.gfp, c.rights); got != c.least {
			t.Errorf("era %d, %v, rights %d: %d pages are to be left; want %d", c.era, c.gfp, c.rights, got, c.least)
		}
	}
}

// Callers of all flags and rights, alone and through pools of each policy, keep to their marks; with a count that leaves out the CPUs' shares (PA-01), and
// with a pool that hands its caller's rights on (PO-08), somebody goes below his.
func TestCallersKeepToTheirMarks(t *testing.T) {
	const tasks = "task A cpu 0\nfill zone NOWAIT\ntask B cpu 1\nfill zone ATOMIC\ntask C cpu 2 rights memalloc\nalloc p NOWAIT x4\nfill zone NOWAIT|NOMEMALLOC\n"
	text := func(variant, mutant string) string {
		return mutant + "cpus 3\nzone pages 12 min 4\nallocator p " + variant + " items 1 over zone\n" + tasks
	}
	for _, variant := range []string{"mempool:mainline-page", "mempool:mainline-optin", "mempool:mainline-when-empty", "mempool:mainline-victim", "mempool:molnar-page"} {
		if found := search(t, read(t, text(variant, "")+"expect nothing\n"), 1, 300, false); !found.Met() {
			t.Errorf("%s: %v\n%+v", variant, found.Unmet, found.Failures)
		}
	}
	for _, mutant := range []string{"mutant PA-01\n", "mutant PO-08\n"} {
		found := search(t, read(t, text("mempool:mainline-page", mutant)+"expect contract\n"), 1, 2000, false)
		if !found.has("contract") || !strings.Contains(found.Failures[0].Message, "pages of the zone, and has to leave") {
			t.Errorf("%s: %v", mutant, found.Unmet)
		}
	}
}
