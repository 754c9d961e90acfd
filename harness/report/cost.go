package report

import (
	"slices"
	"strconv"
	"strings"

	"headroom/designs/catalog"
	"headroom/harness/stats"
)

// costs writes the cost tables of a workload: one for each item kind and guarantee, the only ones that rank (I3).
func (d *document) costs(name string) {
	type key struct{ kind, guarantee string }
	var keys []key
	groups := make(map[key][]stats.Table)
	for _, t := range d.tables {
		if t.Workload != name {
			continue
		}
		k := key{t.ItemKind, t.Guarantee}
		if groups[k] == nil {
			keys = append(keys, k)
		}
		groups[k] = append(groups[k], t)
	}
	for _, k := range keys {
		d.cost(groups[k])
	}
}

// cost writes one table from the ranked tables of one item kind and guarantee.
func (d *document) cost(tables []stats.Table) {
	var rows, exhausted []stats.Row
	for _, t := range tables {
		for _, e := range t.Entries {
			if e.Exhausted {
				exhausted = append(exhausted, e.Row)
			} else {
				rows = append(rows, e.Row)
			}
		}
	}
	if len(rows) == 0 {
		d.exhausted(exhausted)
		return
	}
	f := newFrame(rows)
	d.line("### Cost: %s\n", words(f.heading))
	g := grid{left: len(f.columns()), header: append(f.columns(), "rank", "CAS/op", "+ irq save/restore, CAS/op †", "ns/op", "irq pairs/op",
		"own locks/op ‡", "shared locks/op", "n", "against first", "doubts")}
	var l doubts
	for _, t := range tables {
		for i, e := range t.Entries {
			if e.Exhausted {
				continue
			}
			g.add(append(f.cells(&e.Row), entry(i, e, &l)...)...)
		}
	}
	g.drop(len(g.header) - 1)
	d.line("%s", g.String())
	d.line("† published figure added, not measured: irq pairs/op x %.1f ns. ‡ declared by the design, on its fast path.\n", stats.IRQPairNs)
	d.explain(l)
	d.apart(tables)
	d.exhausted(exhausted)
	d.faults(rows)
}

// exhausted names the cells of an open loop that have tails only.
func (d *document) exhausted(rows []stats.Row) {
	for _, r := range rows {
		d.line("> **Tails only:** in most samples of %s more than one operation in 1,000 was refused or had to sleep, so its mean cost and its rank would be those of the queue.\n",
			code(r.Name))
	}
}

// faults says what is wrong with the designs of a table that keep faults of their originals, as this headroom knows them.
func (d *document) faults(rows []stats.Row) {
	for _, design := range distinct(rows, func(r stats.Row) string { return r.Design }) {
		name, variant, _ := strings.Cut(design, ":")
		if v, err := catalog.Find(name, variant); err == nil && v.Capabilities.KnownFaults != "" {
			d.line("> **Known faults** of %s: %s.\n", code(design), words(v.Capabilities.KnownFaults))
		}
	}
}

// entry gives the figures of one design's line.
func entry(i int, e stats.Entry, l *doubts) []string {
	n := e.Ns.Count()
	warnings := slices.Clone(e.Warnings)
	if i > 0 {
		warnings = append(warnings, e.Against.Warnings...)
	}
	rank, against := strconv.Itoa(e.Rank), e.Against.String()
	switch {
	case e.Rank == 0:
		rank, against = "none", "none"
	case i == 0:
		against = "first"
	}
	return []string{
		rank, estimate(e.CAS, 1, n), estimate(e.MaskedCAS, 1, n), estimate(e.Ns, 1, n), plain(e.IRQPairs), plain(e.OwnLocks),
		counted(e.Counter("locks"), n), strconv.Itoa(n), against, l.letters(warnings),
	}
}

// counted writes the estimate of a counter; a design that does not count it has "not counted".
func counted(e stats.Estimate, n int) string {
	if e.Count() == 0 {
		return "not counted"
	}
	return estimate(e, 1, n)
}

// plain writes a declared number.
func plain(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// apart says which lines of a table must not be compared, because their samples fell into different distance classes.
func (d *document) apart(tables []stats.Table) {
	classes := make(map[string][]string) // by heading without class
	var order []string
	for _, t := range tables {
		parts := []string{plural(t.CPUs, "CPU")}
		if p := parameters(t.Params); p != "" {
			parts = append(parts, p)
		}
		key := strings.Join(parts, ", ")
		if classes[key] == nil {
			order = append(order, key)
		}
		classes[key] = append(classes[key], t.Class)
	}
	for _, key := range order {
		if len(classes[key]) > 1 {
			d.line("> **Not comparable:** the samples of \"%s\" fell into the distance classes %s; designs of different classes must not be compared.\n",
				words(key), strings.Join(classes[key], " and "))
		}
	}
}
