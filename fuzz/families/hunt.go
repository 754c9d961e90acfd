package families

import (
	"fmt"
	"slices"

	"headroom/designs"
	"headroom/fuzz"
	"headroom/fuzz/lockdep"
	"headroom/internal/rng"
	"headroom/kernel/mutant"
)

// Hunt looks for failures of some variants in programs of all families that suit them, in turn.
type Hunt struct {
	Mutant     mutant.ID // switched on meanwhile; "" for none
	Variants   []designs.Variant
	Families   []Family // nil for all
	Strategy   string   // one of explore.Names; "" is the first
	Bound      int      // of that; see explore.New
	Seed       uint64
	Executions int         // end after so many
	Stop       func() bool // asked between executions; once true, always true
}

// Found is what a hunt ends with.
type Found struct {
	Executions int
	Programs   int
	Family     string       // of the program that failed
	Failure    *fuzz.Replay // nil when nothing was found
	Known      []*Fault     // met on the way, each time
	Locks      []Locks      // what the lock checker said on the way; a hunt does not end there
}

// Locks is what the lock checker said of a variant.
type Locks struct {
	Variant    string // its full name
	Family     string // of the program
	Executions int    // of the hunt, until then
	Report     lockdep.Report
}

// String is a line that says what is wrong.
func (l *Locks) String() string { return "lockdep: " + string(l.Report.Rule) + ": " + l.Report.Summary }

// note keeps a report unless it was made before.
func (f *Found) note(l Locks) {
	if !slices.ContainsFunc(f.Locks, func(o Locks) bool { return o.Variant == l.Variant && o.String() == l.String() }) {
		f.Locks = append(f.Locks, l)
	}
}

// Executions is the budget of a hunt where none is given: enough for each historical mistake.
const Executions = 120_000

// schedules is how many executions a pair of a host and a family has before it is the next one's turn: those of one program, or of several.
const schedules = 32

// pair is a host and a family whose programs suit it.
type pair struct {
	host   *Host
	family Family
}

// Run hunts until a failure is found or the budget is used up; what the lock checker says it keeps, and goes on. The error is for what could not be run. Equal hunts give equal results, unless Stop
// ends them.
func (h *Hunt) Run() (*Found, error) {
	fuzz.SetMutant("")
	pairs, err := h.pairs()
	if err != nil {
		return nil, err
	}
	fuzz.SetMutant(h.Mutant)
	defer fuzz.SetMutant("")
	found := &Found{}
	for round := uint64(0); found.Executions < h.Executions && !h.Stop(); round++ {
		for i, p := range pairs {
			if found.Executions >= h.Executions {
				break
			}
			one := &fuzz.Hunt{Variant: p.host.Variant, Strategy: h.Strategy, Bound: h.Bound, Seed: rng.Mix(h.Seed<<32 ^ round<<12 ^ uint64(i)), Stop: h.Stop,
				Executions: min(schedules, h.Executions-found.Executions), MaxPrograms: schedules / p.family.each, Schedules: p.family.each,
				Draw: func(s *rng.Stream) fuzz.Program { return p.family.Draw(s, p.host) }}
			got, err := one.Run()
			if err != nil {
				return found, fmt.Errorf("family %s on %s: %w", p.family.Name, p.host.Variant.FullName(), err)
			}
			found.Executions += got.Executions
			found.Programs += got.Programs
			for _, r := range got.Reports {
				found.note(Locks{p.host.Variant.FullName(), p.family.Name, found.Executions, r})
			}
			if got.Failure == nil {
				continue
			}
			if fault := Known(got.Failure); fault != nil { // it fails so with a mutant and without
				found.Known = append(found.Known, fault)
			} else {
				found.Failure, found.Family = got.Failure, p.family.Name
				return found, nil
			}
		}
	}
	return found, nil
}

// pairs lists each host with each family that suits it, families of all hosts before the next family.
func (h *Hunt) pairs() (list []pair, err error) {
	families := h.Families
	if families == nil {
		families = All()
	}
	var hosts []*Host
	for _, v := range h.Variants {
		host, err := NewHost(v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", v.FullName(), err)
		}
		hosts = append(hosts, host)
	}
	for _, f := range families {
		for _, host := range hosts {
			if f.suits(host) {
				list = append(list, pair{host, f})
			}
		}
	}
	return list, nil
}
