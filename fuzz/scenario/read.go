package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"headroom/kernel"
	"headroom/kernel/mutant"
	"headroom/kernel/page"
)

// Read reads a scenario. name is what messages call the file. An error is one line that names the file, the line and the remedy.
func Read(name string, data []byte) (*File, error) {
	lines := strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
	if lines[0] != Header {
		return nil, fmt.Errorf("%s:1: not a scenario: the first line must be %q", name, Header)
	}
	r := &reader{file: &File{Name: name, Source: string(data), CPUs: 1}, lines: map[string]int{}}
	for i, line := range lines[1:] {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if !printable(line) {
			return nil, fmt.Errorf("%s:%d: the line has characters that are no ASCII text: write plain text", name, i+2)
		}
		r.line = i + 2
		if err := r.parse(strings.Fields(line), line); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, r.line, err)
		}
	}
	r.file.lines = r.lines
	if line, err := r.check(); err != nil {
		return nil, fmt.Errorf("%s:%d: %w", name, line, err)
	}
	return r.file, nil
}

func printable(line string) bool {
	for i := range len(line) {
		if (line[i] < ' ' || line[i] > '~') && line[i] != '\t' {
			return false
		}
	}
	return true
}

// reader is a file that is being read.
type reader struct {
	file  *File
	line  int
	lines map[string]int // by keyword or name: the line that it stands on
	ops   int
}

// keywords are the words that begin a line which is no operation.
var keywords = []string{"title", "cpus", "rt", "mutant", "memory", "nested", "faults", "migrations", "hotplugs", "kills", "zone", "allocator", "mutex", "spin", "raw", "event", "task", "interrupt", "nmi", "work", "expect", "reach"}

func keywordList() string { return strings.Join(keywords, " ") }

// single are the keywords that may stand on one line only.
var single = []string{"title", "cpus", "rt", "mutant", "memory", "nested", "faults", "migrations", "hotplugs", "kills", "zone", "expect"}

// parse reads one line that says something.
func (r *reader) parse(words []string, line string) (err error) {
	f, key, rest := r.file, words[0], words[1:]
	if !slices.Contains(keywords, key) {
		return r.operation(words)
	}
	if slices.Contains(single, key) {
		if first := r.lines[key]; first != 0 {
			return fmt.Errorf("a second line %q; the first is line %d: leave one out", key, first)
		}
		r.lines[key] = r.line
	}
	switch key {
	case "title":
		f.Title = strings.TrimSpace(strings.TrimPrefix(line, key))
		if f.Title == "" {
			err = fmt.Errorf("title without words: say what the scenario asks")
		}
	case "cpus":
		f.CPUs, err = one(rest, "cpus", 1, maxCPUs)
	case "rt":
		if f.RT = len(rest) == 1 && rest[0] == "on"; !f.RT {
			err = fmt.Errorf("rt %s: write rt on, or leave the line out", strings.Join(rest, " "))
		}
	case "mutant":
		if len(rest) != 1 {
			return fmt.Errorf("mutant: name one, such as mutant PI-01; see headroom list")
		}
		f.Mutant = mutant.ID(rest[0])
	case "memory", "nested", "faults", "migrations", "hotplugs", "kills":
		_, err = f.Traits.ParseLine(key, strings.Join(rest, " "))
	case "zone":
		err = r.zone(rest)
	case "allocator":
		err = r.allocator(rest)
	case "mutex", "spin", "raw":
		if err = r.declare(rest, key); err == nil {
			f.Locks = append(f.Locks, Lock{Kind: LockKind(key), Name: rest[0]})
		}
	case "event":
		if err = r.declare(rest, key); err == nil {
			f.Events = append(f.Events, rest[0])
		}
	case "task", "interrupt", "nmi", "work":
		err = r.actor(ActorKind(key), rest)
	case "expect":
		err = r.expect(rest)
	case "reach":
		err = r.reach(rest)
	}
	return err
}

// declare takes a line that has a name and nothing else.
func (r *reader) declare(rest []string, key string) error {
	if len(rest) != 1 {
		return fmt.Errorf("%s: give one name, such as %s m", key, key)
	}
	return r.name(rest[0])
}

// name takes a new name.
func (r *reader) name(name string) error {
	fine := name != "" && len(name) <= 24
	for i := range len(name) {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '-' && c != '_') {
			fine = false
		}
	}
	if !fine {
		return fmt.Errorf("name %q: a name is a letter and up to 23 letters, digits, - and _", name)
	}
	if _, flags := kernel.ParseGFP(name); flags == nil || name == "all" || name == zoneName {
		return fmt.Errorf("name %q is a word of the language: choose another", name)
	}
	if first := r.lines["name "+name]; first != 0 {
		return fmt.Errorf("a second %q; the first is on line %d: choose another name", name, first)
	}
	r.lines["name "+name] = r.line
	if len(r.lines) > maxNames {
		return fmt.Errorf("more than %d names and lines that may stand once: make the scenario smaller", maxNames)
	}
	return nil
}

// one takes a line that has a number and nothing else.
func one(rest []string, key string, low, high int) (int, error) {
	if len(rest) != 1 {
		return 0, fmt.Errorf("%s: give one number from %d to %d", key, low, high)
	}
	return numeral(key, rest[0], low, high)
}

func numeral(key, word string, low, high int) (int, error) {
	n, err := strconv.Atoi(word)
	if err != nil || n < low || n > high || word[0] == '+' {
		return 0, fmt.Errorf("%s %s: give a number from %d to %d", key, word, low, high)
	}
	return n, nil
}

// pairs calls set for each keyword and the word that follows it; set reports whether it knows the keyword. plain are keywords without such a word.
func pairs(line string, words []string, plain []string, set func(key, value string) (known bool, err error)) error {
	seen := map[string]bool{}
	for len(words) > 0 {
		key, value := words[0], ""
		words = words[1:]
		if !slices.Contains(plain, key) && !strings.Contains(key, "=") {
			if len(words) == 0 {
				return fmt.Errorf("%s: %s without a value", line, key)
			}
			value, words = words[0], words[1:]
		}
		if known, err := set(key, value); err != nil {
			return err
		} else if !known {
			return fmt.Errorf("%s: unknown word %q", line, key)
		}
		if seen[key] && key != "kill" && key != "rights" {
			return fmt.Errorf("%s: a second %s: leave one out", line, key)
		}
		seen[key] = true
	}
	return nil
}

// zone reads the page allocator's line.
func (r *reader) zone(words []string) error {
	z := &Zone{Low: -1, High: -1, Min: -1}
	r.file.Zone = z
	err := pairs("zone", words, nil, func(key, value string) (known bool, err error) {
		switch key {
		case "pages":
			z.Pages, err = numeral(key, value, 1, maxPages)
		case "min":
			z.Min, err = numeral(key, value, 0, maxPages)
		case "low":
			z.Low, err = numeral(key, value, 0, maxPages)
		case "high":
			z.High, err = numeral(key, value, 0, maxPages)
		case "rules":
			z.Rules, err = choiceOf(key, value, eras)
		case "lists":
			z.Lists, err = choiceOf(key, value, lists)
		case "kill":
			z.Kill = append(z.Kill, value)
		case "writes-take":
			z.WritesTake = value
		case "writes-need":
			z.WritesNeed = value
		default:
			return false, nil
		}
		return true, err
	})
	if err != nil {
		return err
	}
	if z.Pages == 0 || z.Min < 0 {
		return fmt.Errorf("zone: pages or min is missing; write it as: zone pages 6 min 2")
	}
	if z.Low < 0 {
		z.Low = z.Min
	}
	if z.High < 0 {
		z.High = z.Low
	}
	if z.Low < z.Min || z.High < z.Low || z.Min > z.Pages {
		return fmt.Errorf("zone of %d pages with marks %d, %d and %d: give min, low and high in rising order, and min at most the pages", z.Pages, z.Min, z.Low, z.High)
	}
	return nil
}

// word is a name in a file for a value of the kernel's.
type word[T any] struct {
	name  string
	value T
}

var (
	eras   = []word[page.Era]{{"2024", page.Rules2024}, {"2016", page.Rules2016}, {"2001", page.Rules2001}}
	lists  = []word[page.ListEra]{{"trylock", page.TryLock}, {"irqoff", page.IRQOff}}
	rights = []word[kernel.Rights]{{"memalloc", kernel.RightMemalloc}, {"victim", kernel.RightVictim}}
)

func choiceOf[T any](key, value string, table []word[T]) (T, error) {
	var names []string
	for _, w := range table {
		if w.name == value {
			return w.value, nil
		}
		names = append(names, w.name)
	}
	var none T
	return none, fmt.Errorf("%s %s: there are %s", key, value, strings.Join(names, ", "))
}

// allocator reads the line of an allocator.
func (r *reader) allocator(words []string) error {
	if len(words) < 2 {
		return fmt.Errorf("allocator: write it as: allocator a mempool:mainline items 1")
	}
	a := Allocator{Name: words[0], Variant: words[1]}
	if err := r.name(a.Name); err != nil {
		return err
	}
	err := pairs("allocator", words[2:], []string{"timeout"}, func(key, value string) (known bool, err error) {
		switch key {
		case "items":
			a.Items, err = numeral(key, value, 1, maxItems)
		case "room":
			a.Room, err = numeral(key, value, 0, maxItems)
		case "bytes":
			a.Bytes, err = numeral(key, value, 0, maxItems)
		case "over":
			if a.Over = value == zoneName; !a.Over {
				err = fmt.Errorf("over %s: an allocator can be over the zone only: over zone", value)
			}
		case "timeout":
			a.Timeout = true
		default:
			name, number, is := strings.Cut(key, "=")
			if !is {
				return false, nil
			}
			k := Knob{Name: name}
			if slices.ContainsFunc(a.Knobs, func(other Knob) bool { return other.Name == name }) {
				return true, fmt.Errorf("allocator %s: a second %s=: leave one out", a.Name, name)
			}
			k.Value, err = numeral(name+"=", number, 0, 1<<31-1)
			a.Knobs = append(a.Knobs, k)
		}
		return true, err
	})
	if err == nil && a.Items == 0 {
		err = fmt.Errorf("allocator %s: items is missing; write it as: allocator %s %s items 1", a.Name, a.Name, a.Variant)
	}
	r.file.Allocators = append(r.file.Allocators, a)
	return err
}

// actor reads the line of a task, an interrupt or work.
func (r *reader) actor(kind ActorKind, words []string) error {
	if len(words) < 1 {
		return fmt.Errorf("%s: write it as: %s A cpu 0", kind, kind)
	}
	a := Actor{Kind: kind, Name: words[0], CPU: -1}
	if err := r.name(a.Name); err != nil {
		return err
	}
	err := pairs(string(kind), words[1:], nil, func(key, value string) (known bool, err error) {
		switch key {
		case "cpu":
			a.CPU, err = numeral(key, value, 0, maxCPUs-1)
		case "rights":
			var right kernel.Rights
			right, err = choiceOf(key, value, rights)
			a.Rights |= right
		default:
			return false, nil
		}
		return true, err
	})
	switch {
	case err != nil:
		return err
	case a.CPU < 0:
		return fmt.Errorf("%s %s: on which CPU? write it as: %s %s cpu 0", kind, a.Name, kind, a.Name)
	case a.Rights != 0 && kind != Task:
		return fmt.Errorf("%s %s: only a task has rights", kind, a.Name)
	case len(r.file.Actors) == maxActors:
		return fmt.Errorf("more than %d tasks, interrupts and works: make the scenario smaller", maxActors)
	}
	r.file.Actors = append(r.file.Actors, a)
	return nil
}

// operation reads a line of the latest actor.
func (r *reader) operation(words []string) error {
	op, err := parseOp(words, r.line)
	if err != nil {
		return err
	}
	last := len(r.file.Actors) - 1
	if last < 0 {
		return fmt.Errorf("%s before any task: a line such as task A cpu 0 comes first", words[0])
	}
	if r.ops++; r.ops > maxOps {
		return fmt.Errorf("more than %d operations: make the scenario smaller", maxOps)
	}
	a := &r.file.Actors[last]
	a.Ops = append(a.Ops, op)
	return nil
}

// expect reads what is expected.
func (r *reader) expect(words []string) error {
	if len(words) == 0 {
		return fmt.Errorf("expect what? write expect nothing, or some of: %s", classList())
	}
	if len(words) == 1 && words[0] == "nothing" {
		return nil
	}
	for _, w := range words {
		c := Class(w)
		if !knownClass(c) {
			return fmt.Errorf("expect %s: there are nothing, or some of: %s", w, classList())
		}
		if !slices.Contains(r.file.Expect, c) {
			r.file.Expect = append(r.file.Expect, c)
		}
	}
	slices.Sort(r.file.Expect)
	return nil
}

// reach reads points that have to be reached.
func (r *reader) reach(words []string) error {
	if len(words) == 0 {
		return fmt.Errorf("reach what? name slow paths, such as reach wait steal")
	}
	for _, w := range words {
		if !slices.Contains(r.file.Reach, w) {
			r.file.Reach = append(r.file.Reach, w)
			r.lines["reach "+w] = r.line
		}
	}
	return nil
}
