package families

import (
	"slices"
	"strings"

	"headroom/designs"
	"headroom/designs/catalog"
	"headroom/fuzz/scenario/clients"
)

// HostsOf lists the variants that stand on a package, given as its path below the module: where mistakes planted there can show. Those faithful to a
// faulty original are not among them: they fail without a mistake.
func HostsOf(folder string) []designs.Variant {
	var list []designs.Variant
	for _, v := range Everything() {
		if slices.Contains(foldersOf(v), folder) {
			list = append(list, v)
		}
	}
	return list
}

// Everything is every variant that can be hunted on and has no known fault of its own.
func Everything() []designs.Variant {
	all := slices.Concat(catalog.All(), catalog.Beside(), clients.Variants())
	return slices.DeleteFunc(all, func(v designs.Variant) bool { return v.Capabilities.NativeOnly || len(v.Breaks) > 0 })
}

// foldersOf lists the packages that a variant stands on, as far as mistakes planted there are hunted on it. One or two variants show what lies below
// all of them.
func foldersOf(v designs.Variant) []string {
	own := ownFolder(v)
	switch v.FullName() {
	case "percpu_tags:lock":
		return []string{own, "kernel", "kernel/lock", "kernel/sim"}
	case "clients:zone", "clients:zone-irqoff":
		return []string{"kernel/page"}
	case "gfp_nolocks:slab":
		return []string{own, "kernel/slab"}
	case "mempool:mainline", "slab":
		return []string{own, "kernel/slab"}
	}
	switch {
	case v.Design == clients.Design:
		return []string{"fuzz/scenario/clients"}
	case v.Design == "gfp_nolocks" && !strings.HasPrefix(v.Name, "kfree"):
		return []string{own, "kernel/page"}
	}
	return []string{own}
}

// ownFolder is the package of a variant: each baseline is a design by name, and all are one package.
func ownFolder(v designs.Variant) string {
	if v.Name == "" && (v.Design == "page" || v.Design == "slab") {
		return "designs/baseline"
	}
	return "designs/" + v.Design
}

// Folders lists the packages that something is hunted on for, each once. What lies below all designs is hunted on one of them.
func Folders() []string {
	var list []string
	for _, v := range Everything() {
		for _, folder := range foldersOf(v) {
			if !slices.Contains(list, folder) && strings.Count(folder, "/") > 0 && folder != "kernel/lock" && folder != "kernel/sim" {
				list = append(list, folder)
			}
		}
	}
	return list
}

// Faulty lists a package's variants that are faithful to a faulty original.
func Faulty(folder string) []designs.Variant {
	return slices.DeleteFunc(catalog.All(), func(v designs.Variant) bool {
		return v.Capabilities.NativeOnly || len(v.Breaks) == 0 || ownFolder(v) != folder
	})
}
