package scenario

import (
	"fmt"
	"slices"
	"strings"

	"headroom/fuzz/lockdep"
	"headroom/kernel/sim"
)

// Classes lists what may be expected beside nothing: the simulated machine's classes of failure, and what the lock checker reports.
var Classes = []Class{
	Class(sim.Deadlock), Class(sim.Livelock), Class(sim.Waiting), Class(sim.Uniqueness), Class(sim.Conservation), Class(sim.DataRace), Class(sim.Misuse),
	Class(sim.Panic), Class(sim.Contract), Lockdep,
}

// knownClass reports whether a class may be expected; lockdep with a rule too.
func knownClass(c Class) bool {
	rule, one := strings.CutPrefix(string(c), string(Lockdep)+":")
	return slices.Contains(Classes, c) || one && slices.Contains(lockdep.Rules, lockdep.Rule(rule))
}

func classList() string {
	var names []string
	for _, c := range Classes {
		names = append(names, string(c))
	}
	for _, rule := range lockdep.Rules {
		names = append(names, string(Lockdep)+":"+string(rule))
	}
	return strings.Join(names, " ")
}

// check looks at what only the whole file shows, and returns the line to blame.
func (r *reader) check() (line int, err error) {
	f := r.file
	tasks := 0
	for i := range f.Actors {
		a := &f.Actors[i]
		line = r.lines["name "+a.Name]
		if a.CPU >= f.CPUs {
			return line, fmt.Errorf("%s %s is on CPU %d of a machine of %d: give cpus, or another CPU", a.Kind, a.Name, a.CPU, f.CPUs)
		}
		if a.Kind == Task {
			tasks++
		}
		if line, err := f.checkOps(a); err != nil {
			return line, err
		}
	}
	if tasks == 0 {
		return 1, fmt.Errorf("no task: give at least a line such as task A cpu 0")
	}
	if r.lines["expect"] == 0 {
		return 1, fmt.Errorf("the line expect is missing: say expect nothing, or what some schedule leads to")
	}
	if f.CPUs == 1 && f.Traits.Migrations+f.Traits.Hotplugs > 0 {
		return max(r.lines["migrations"], r.lines["hotplugs"]), fmt.Errorf("migrations or hotplugs on a machine of one CPU: there is nowhere to go: give cpus 2 or more")
	}
	for i := range f.Allocators {
		a := &f.Allocators[i]
		if a.Over && f.Zone == nil {
			return r.lines["name "+a.Name], fmt.Errorf("allocator %s is over a zone, and there is none: give a line such as zone pages 6 min 2", a.Name)
		}
	}
	return f.checkZone(r.lines["zone"])
}

// checkZone looks at the names that the zone's line mentions.
func (f *File) checkZone(line int) (int, error) {
	z := f.Zone
	if z == nil {
		return 0, nil
	}
	for _, name := range z.Kill {
		if !slices.ContainsFunc(f.Actors, func(a Actor) bool { return a.Kind == Task && a.Name == name }) {
			return line, fmt.Errorf("zone: kill %s: no task has that name", name)
		}
	}
	if z.WritesTake != "" && f.lock(z.WritesTake) != Mutex {
		return line, fmt.Errorf("zone: writes-take %s: no mutex has that name", z.WritesTake)
	}
	if z.WritesNeed != "" && !f.hasAllocator(z.WritesNeed) || z.WritesNeed == zoneName {
		return line, fmt.Errorf("zone: writes-need %s: no allocator has that name", z.WritesNeed)
	}
	return 0, nil
}

// lock is the kind of the lock of a name, "" if there is none.
func (f *File) lock(name string) LockKind {
	for _, l := range f.Locks {
		if l.Name == name {
			return l.Kind
		}
	}
	return ""
}

func (f *File) hasAllocator(name string) bool {
	return name == zoneName && f.Zone != nil || slices.ContainsFunc(f.Allocators, func(a Allocator) bool { return a.Name == name })
}

// checkOps looks at the names and the nesting of an actor's operations, and returns the line to blame.
func (f *File) checkOps(a *Actor) (line int, err error) {
	var held []string
	masked := 0
	for _, o := range a.Ops {
		if err := f.checkTarget(o); err != nil {
			return o.Line, err
		}
		switch o.Code {
		case Take, TryTake:
			held = append(held, o.Target)
		case Release:
			at := slices.Index(held, o.Target)
			if at < 0 {
				return o.Line, fmt.Errorf("unlock %s: %s has not taken it here: give a line lock %s before", o.Target, a.Name, o.Target)
			}
			held = slices.Delete(held, at, at+1)
		case IRQOff:
			masked++
		case IRQOn:
			if masked--; masked < 0 {
				return o.Line, fmt.Errorf("irqon: %s has not masked interrupts here: give a line irqoff before", a.Name)
			}
		case Hand, Unplug, Plug:
			if o.CPU >= f.CPUs {
				return o.Line, fmt.Errorf("%v: CPU %d of a machine of %d: give cpus, or another CPU", o, o.CPU, f.CPUs)
			}
		case Dirty:
			if o.Target != zoneName {
				return o.Line, fmt.Errorf("%v: only pages of the zone can be dirty: dirty zone", o)
			}
		case Fill:
			if o.GFP.MayWait() {
				return o.Line, fmt.Errorf("%v: who may wait is not refused: give flags such as NOWAIT", o)
			}
		}
	}
	return 0, nil
}

// checkTarget looks at the name that an operation has.
func (f *File) checkTarget(o Op) error {
	s, _ := shapeOf(o.Code)
	known := true
	switch s.target {
	case anAllocator:
		known = f.hasAllocator(o.Target)
	case aLock:
		known = f.lock(o.Target) != ""
	case anEvent:
		known = slices.Contains(f.Events, o.Target)
	case aWork:
		known = slices.ContainsFunc(f.Actors, func(a Actor) bool { return a.Kind == Work && a.Name == o.Target })
	}
	if !known {
		return fmt.Errorf("%v: %q is not the name of %s of this file: declare it on a line of its own", o, o.Target, targetNames[s.target])
	}
	return nil
}
