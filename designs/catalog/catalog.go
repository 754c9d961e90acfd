// Package catalog lists every design and every variant of it. It is the only package that imports the designs.
//
// The order is that of the tables in reports: the designs of the debates first, then the baselines; within a design as its own table has them,
// the first being the default.
package catalog

import (
	"fmt"
	"slices"
	"strings"

	"headroom/designs"
	"headroom/designs/baseline"
	gfpnolocks "headroom/designs/gfp_nolocks"
	"headroom/designs/ida"
	"headroom/designs/mempool"
	percputags "headroom/designs/percpu_tags"
	"headroom/designs/reservation"
	"headroom/designs/sbitmap"
)

// All lists every variant. The list is the caller's own.
func All() []designs.Variant {
	return slices.Concat(percputags.Variants(), ida.Variants(), sbitmap.Variants(), mempool.Variants(), gfpnolocks.Variants(), reservation.Variants(), baseline.Variants())
}

// Beside lists variants that are no designs to compare, but what hunts look for mistakes in: the users of designs.
func Beside() []designs.Variant { return []designs.Variant{gfpnolocks.DeferredVariant()} }

// Find returns a design's variant by name; "" names the one form of a design that has no other. The error lists what there is.
func Find(design, variant string) (designs.Variant, error) {
	return find(All(), design, variant)
}

// Default returns a design's first variant. The error lists the designs.
func Default(design string) (designs.Variant, error) {
	for _, v := range All() {
		if v.Design == design {
			return v, nil
		}
	}
	return designs.Variant{}, unknownDesign(All(), design)
}

func find(all []designs.Variant, design, variant string) (designs.Variant, error) {
	var names []string
	for _, v := range all {
		if v.Design != design {
			continue
		}
		if v.Name == variant {
			return v, nil
		}
		names = append(names, v.FullName())
	}
	if names == nil {
		return designs.Variant{}, unknownDesign(all, design)
	}
	return designs.Variant{}, fmt.Errorf("design %s has no variant %q; there is %s", design, variant, strings.Join(names, ", "))
}

func unknownDesign(all []designs.Variant, design string) error {
	var names []string
	for _, v := range all {
		if !slices.Contains(names, v.Design) {
			names = append(names, v.Design)
		}
	}
	return fmt.Errorf("no design is called %q; there are %s", design, strings.Join(names, ", "))
}
