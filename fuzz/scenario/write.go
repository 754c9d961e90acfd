package scenario

import (
	"fmt"
	"strings"

	"headroom/kernel/page"
)

// String is the scenario as a file: what Read makes the same of, whatever it was made of. Comments are not kept.
func (f *File) String() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("%s", Header)
	if f.Title != "" {
		line("title %s", f.Title)
	}
	line("cpus %d", f.CPUs)
	if f.RT {
		line("rt on")
	}
	if f.Mutant != "" {
		line("mutant %s", f.Mutant)
	}
	f.Traits.Write(&b)
	if f.Zone != nil {
		line("%s", f.Zone.words())
	}
	for i := range f.Allocators {
		line("%s", f.Allocators[i].words())
	}
	for _, l := range f.Locks {
		line("%s %s", l.Kind, l.Name)
	}
	for _, e := range f.Events {
		line("event %s", e)
	}
	for i := range f.Actors {
		f.Actors[i].write(line)
	}
	expect := "nothing"
	if len(f.Expect) > 0 {
		expect = join(f.Expect)
	}
	line("expect %s", expect)
	if len(f.Reach) > 0 {
		line("reach %s", strings.Join(f.Reach, " "))
	}
	return b.String()
}

func join[T ~string](list []T) string {
	var words []string
	for _, s := range list {
		words = append(words, string(s))
	}
	return strings.Join(words, " ")
}

func (z *Zone) words() string {
	words := []string{fmt.Sprintf("zone pages %d min %d low %d high %d", z.Pages, z.Min, z.Low, z.High)}
	add := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
	if z.Rules != page.Rules2024 {
		add("rules %s", nameOf(z.Rules, eras))
	}
	if z.Lists != page.TryLock {
		add("lists %s", nameOf(z.Lists, lists))
	}
	for _, name := range z.Kill {
		add("kill %s", name)
	}
	if z.WritesTake != "" {
		add("writes-take %s", z.WritesTake)
	}
	if z.WritesNeed != "" {
		add("writes-need %s", z.WritesNeed)
	}
	return strings.Join(words, " ")
}

func nameOf[T comparable](value T, table []word[T]) string {
	for _, w := range table {
		if w.value == value {
			return w.name
		}
	}
	return "?"
}

func (a *Allocator) words() string {
	words := []string{fmt.Sprintf("allocator %s %s items %d", a.Name, a.Variant, a.Items)}
	add := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
	if a.Room > 0 {
		add("room %d", a.Room)
	}
	if a.Bytes > 0 {
		add("bytes %d", a.Bytes)
	}
	if a.Over {
		add("over %s", zoneName)
	}
	if a.Timeout {
		add("timeout")
	}
	for _, k := range a.Knobs {
		add("%s=%d", k.Name, k.Value)
	}
	return strings.Join(words, " ")
}

func (a *Actor) write(line func(format string, args ...any)) {
	head := fmt.Sprintf("%s %s cpu %d", a.Kind, a.Name, a.CPU)
	for _, w := range rights {
		if a.Rights&w.value != 0 {
			head += " rights " + w.name
		}
	}
	line("%s", head)
	for _, o := range a.Ops {
		line("  %v", o)
	}
}
