package lockdep

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"headroom/kernel"
	"headroom/kernel/lock"
	"headroom/kernel/mutant"
	"headroom/kernel/sim"
)

// Report is one finding.
type Report struct {
	Rule    Rule
	Summary string // one line, the same for equal findings
	Text    string // the chains with their source lines, as lockdep prints them; ends with a line break
}

// ClassOf is the class of a replay that holds a report of a rule.
func ClassOf(rule Rule) sim.Class { return sim.Class(classPrefix + string(rule)) }

// RuleOf is the rule of such a class, "" for any other. The error is for one that there is not.
func RuleOf(class sim.Class) (Rule, error) {
	rule, is := strings.CutPrefix(string(class), classPrefix)
	if is && !slices.Contains(Rules, Rule(rule)) {
		return "", fmt.Errorf("class %s: the lock checker has no rule %q: there are %v", class, rule, Rules)
	}
	if !is {
		return "", nil
	}
	return Rule(rule), nil
}

const classPrefix = "lockdep:"

// ReplayID tells one replay from others: the hash of the run that fails, and for a report one of its words, since several may be made in one execution.
func ReplayID(class sim.Class, message string, hash uint64) uint64 {
	if rule, _ := RuleOf(class); rule == "" {
		return hash
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(message)) // a hash takes everything
	return h.Sum64() ^ hash
}

// Equal reports whether two reports say the same.
func (r *Report) Equal(other Report) bool { return r.Rule == other.Rule && r.Summary == other.Summary }

// report keeps a finding unless it was made before.
func (g *Graph) report(rule Rule, summary string, text string) {
	key := string(rule) + " " + summary
	if g.seen[key] && !mutant.On(ld04) {
		return
	}
	g.seen[key] = true
	const double, single = "======================================================\n", "------------------------------------------------------\n"
	g.reports = append(g.reports, Report{Rule: rule, Summary: summary,
		Text: double + "lockdep: " + string(rule) + ": " + summary + "\n" + single + text + double})
}

// writer puts a report's text together.
type writer struct{ strings.Builder }

func (w *writer) line(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }

// stack prints a site, indented.
func (w *writer) stack(s *site, indent string) {
	for _, line := range s.lines() {
		w.line("%s%s", indent, line)
	}
}

// reportCircle: the new edge closes a circle; chain leads from where it ends to where it begins.
func (g *Graph) reportCircle(t *kernel.Task, key edgeKey, e *edge, chain []int) {
	rule, names := Order, []string(nil)
	around := slices.Clone(chain) // chain[0] was asked for under the last
	start := 0
	for i, c := range around { // equal circles read alike, whichever edge came last
		if g.classes[c].name < g.classes[around[start]].name {
			start = i
		}
	}
	around = append(around[start:], around[:start]...)
	elements, memory := false, false
	for _, c := range around {
		names = append(names, g.classes[c].name)
		elements = elements || g.classes[c].kind == anElement
		memory = memory || c == g.scope(lock.Memory)
	}
	if elements && memory {
		rule = Element
	}
	if g.within(rule, around) {
		return
	}
	names = append(names, names[0])
	var w writer
	w.line("%s asks for", e.who)
	w.line("    %s, at", g.classes[key.to].label())
	w.stack(&e.site, "        ")
	if e.axiom != "" {
		w.line("    which %s may wait for: %s", g.classes[key.from].name, e.axiom)
	} else {
		w.line("holding")
		w.line("    %s%s", g.classes[key.from].label(), takenAt(&e.under))
		w.stack(&e.under, "        ")
	}
	w.line("and what is held already waits for what is asked for. The chain, the latest first:")
	for i := len(chain) - 1; i > 0; i-- {
		g.writeLink(&w, i, edgeKey{chain[i-1], chain[i]})
	}
	g.writePossible(&w, around)
	if rule == Element {
		w.line("Between alloc and free of an element no lock may be taken that a thread may hold which allocates memory (Rientjes, 20 July 2016).")
	}
	g.report(rule, strings.Join(names, " -> "), w.String())
}

// within reports whether all of a circle that was reported under the rule is part of this one: then this one is no news. If not, it is kept.
func (g *Graph) within(rule Rule, found []int) bool {
	for _, c := range g.circles {
		if c.rule == rule && !slices.ContainsFunc(c.classes, func(class int) bool { return !slices.Contains(found, class) }) {
			return true
		}
	}
	g.circles = append(g.circles, circle{rule, slices.Clone(found)})
	return false
}

func takenAt(s *site) string {
	if len(s.lines()) == 0 {
		return ""
	}
	return ", taken at"
}

// writeLink prints an edge of a chain.
func (g *Graph) writeLink(w *writer, number int, key edgeKey) {
	e := g.edges[key]
	w.line("-> #%d %s", number, g.classes[key.to].label())
	if e.axiom != "" {
		w.line("    is what %s may wait for: %s; seen at", g.classes[key.from].name, e.axiom)
	} else {
		w.line("    asked for by %s under %s, at", e.who, g.classes[key.from].name)
	}
	w.stack(&e.site, "        ")
	if e.axiom == "" && len(e.under.lines()) > 0 {
		w.line("      which was taken at")
		w.stack(&e.under, "        ")
	}
}

// writePossible shows who would wait for whom.
func (g *Graph) writePossible(w *writer, around []int) {
	w.line("Possible deadlock:")
	for i, c := range around {
		next := around[(i+1)%len(around)]
		e := g.edges[edgeKey{c, next}]
		if e == nil {
			continue
		}
		name, _, _ := strings.Cut(e.who, " on CPU")
		if e.axiom != "" {
			w.line("    %-10s %s waits for %s", "-", g.classes[c].name, g.classes[next].name)
			continue
		}
		w.line("    %-10s has %s, waits for %s", name, g.classes[c].name, g.classes[next].name)
	}
}

// reportRecursion: a class is asked for under itself. others are the nestings by which what is asked for leads back to what is held: one for two locks
// in both orders, more for a circle, none for the same lock.
func (g *Graph) reportRecursion(t *kernel.Task, h hold, others []*edge) {
	c := &g.classes[h.class]
	here := g.here(t)
	var w writer
	w.line("%s asks for", who(t))
	w.line("    %s, at", c.label())
	w.stack(&here, "        ")
	w.line("holding")
	which := "the same"
	switch {
	case others != nil:
		which = "another of the same class"
	case c.kind == anElement:
		which = "one of the same pool"
	case c.kind == aScope:
		which = "it is within that itself"
	}
	w.line("    %s%s", which, takenAt(&h.site))
	w.stack(&h.site, "        ")
	summary := c.name + " is asked for by its holder"
	switch {
	case len(others) == 1:
		summary = "two of " + c.name + " are nested in both orders"
		w.line("The other way round: asked for by %s, at", others[0].who)
		w.stack(&others[0].site, "        ")
	case others != nil:
		summary = fmt.Sprintf("%d of %s are nested in a circle", len(others)+1, c.name)
		for _, other := range others {
			w.line("and under that, another asked for by %s, at", other.who)
			w.stack(&other.site, "        ")
		}
		w.line("The last is what is held.")
	case c.kind == anElement:
		summary = "an " + c.name + " is waited for by who holds one"
	case c.kind == aScope:
		summary = c.name + " waits for itself"
	}
	g.report(Recursion, summary, w.String())
}

// reportContext: t waits for one of a class where it must not; under is what forbids it, nil for its context.
func (g *Graph) reportContext(t *kernel.Task, rule Rule, c int, under *hold) {
	k, here := &g.classes[c], g.here(t)
	var w writer
	w.line("%s waits for", who(t))
	w.line("    %s, at", k.label())
	w.stack(&here, "        ")
	why := fmt.Sprintf("in %v context", t.Context())
	switch {
	case under != nil:
		h := &g.classes[under.class]
		why = "under " + h.label()
		w.line("holding")
		w.line("    %s%s", h.label(), takenAt(&under.site))
		w.stack(&under.site, "        ")
	case t.Context() == kernel.Process:
		why = "with interrupts masked"
	}
	g.report(rule, fmt.Sprintf("%s is waited for %s", k.label(), why), w.String())
}

// reportSafety: interrupts take the class safe, and unsafe, which is the same or is asked for under it, is held while they may arrive.
func (g *Graph) reportSafety(safe, unsafe int) {
	s, u := &g.classes[safe], &g.classes[unsafe]
	var w writer
	w.line("%s is waited for by an interrupt (%s), at", s.label(), s.inIRQ.who)
	w.stack(&s.inIRQ.site, "        ")
	w.line("%s is held while interrupts may arrive (%s), at", u.label(), u.open.who)
	w.stack(&u.open.site, "        ")
	summary := s.name + " is taken by interrupts, and held while they may arrive"
	if safe != unsafe {
		summary = fmt.Sprintf("%s, taken by interrupts, -> %s, held while they may arrive", s.name, u.name)
		w.line("The latter is asked for under the former:")
		if chain := g.chain(safe, unsafe); chain != nil {
			for i := len(chain) - 1; i > 0; i-- {
				g.writeLink(&w, i, edgeKey{chain[i-1], chain[i]})
			}
		}
	}
	g.report(IRQSafety, summary, w.String())
}

// reportKept: t has ended and holds a lock.
func (g *Graph) reportKept(t *kernel.Task, h hold) {
	c := &g.classes[h.class]
	var w writer
	w.line("%s has come to its end, and holds", who(t))
	w.line("    %s%s", c.label(), takenAt(&h.site))
	w.stack(&h.site, "        ")
	g.report(Kept, "somebody ends and holds "+c.name, w.String())
}
