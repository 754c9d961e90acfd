package fuzz

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"headroom/designs"
	"headroom/fuzz/explore"
	"headroom/fuzz/lockdep"
	"headroom/kernel/mutant"
	"headroom/kernel/sim"
)

// replayHeader is the first line of a replay file; the number is the version of the format.
const replayHeader = "headroom replay 2"

// Replay is one failing run as a file: everything needed to run it again, step for step.
type Replay struct {
	Program     Program
	Mutant      mutant.ID
	Strategy    string
	Seed        uint64
	Bare        bool // the run was made without race checks
	Class       sim.Class
	Message     string
	Preemptions int  // choices against an entity that could have gone on, and answers other than 0
	Minimal     bool // every run of the program with fewer preemptions was tried, and none fails so
	Steps       int
	Hash        uint64
	Schedule    []explore.Segment
	// Earlier is for a report of the lock checker, whose class is lockdep: and the rule: other executions that it takes, made before this one.
	Earlier []Execution
}

// String is the replay as a file. A file that it wrote reads back equal, and prints the same bytes.
func (r *Replay) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", replayHeader)
	r.Program.write(&b)
	if r.Mutant != "" {
		fmt.Fprintf(&b, "mutant %s\n", r.Mutant)
	}
	fmt.Fprintf(&b, "strategy %s\nseed %d\nbare %v\n", r.Strategy, r.Seed, r.Bare)
	fmt.Fprintf(&b, "class %s\nmessage %s\n", r.Class, r.Message)
	if len(r.Earlier) == 0 {
		fmt.Fprintf(&b, "preemptions %d\n", r.Preemptions)
	}
	fmt.Fprintf(&b, "minimal %v\n", r.Minimal)
	for i, e := range r.executions() {
		if len(r.Earlier) > 0 {
			fmt.Fprintf(&b, "execution %d\npreemptions %d\n", i+1, e.Preemptions)
		}
		fmt.Fprintf(&b, "steps %d\nhash %#016x\n", e.Steps, e.Hash)
		for i := range e.Schedule {
			b.WriteString("schedule " + SegmentText(&e.Schedule[i]) + "\n")
		}
	}
	return b.String()
}

// ReadReplay reads a replay file from disk. A file that cannot be used is an error that names the file, the line and the remedy.
func ReadReplay(path string) (*Replay, error) { return FromFile(path, ParseReplay) }

// FromFile hands the text of a replay file of any kind to what parses it, with the file's name.
func FromFile[R any](path string, parse func(name, text string) (*R, error)) (*R, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: give the path of a file that headroom explore wrote", err)
	}
	return parse(path, string(data))
}

// ParseReplay reads the text of a replay file; name is what errors call it.
func ParseReplay(name, text string) (*Replay, error) {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if lines[0] != replayHeader {
		return nil, fmt.Errorf("%s:1: not a replay file: the first line must be %q; headroom explore writes such files", name, replayHeader)
	}
	r := &Replay{}
	r.Program.Config.Knobs = map[string]int{}
	seen := map[string]bool{}
	for i, line := range lines[1:] {
		key, value, _ := strings.Cut(line, " ")
		if err := r.parseLine(key, value, seen); err != nil {
			return nil, fmt.Errorf("%s:%d: %w; find the failure again with headroom explore", name, i+2, err)
		}
		seen[key] = true
	}
	for _, key := range []string{"design", "cpus", "items", "class", "hash", "schedule"} {
		if !seen[key] {
			return nil, fmt.Errorf("%s:%d: the line %q is missing: the file was cut short; find the failure again with headroom explore", name, len(lines), key+" ...")
		}
	}
	if err := r.Program.check(); err != nil {
		return nil, fmt.Errorf("%s:1: %w", name, err)
	}
	return r, nil
}

// repeated are the keys that may stand on more than one line.
var repeated = map[string]bool{"task": true, "knob": true, "schedule": true, "execution": true}

func (r *Replay) parseLine(key, value string, seen map[string]bool) (err error) {
	if seen[key] && !repeated[key] {
		return fmt.Errorf("a second line %q", key)
	}
	switch key {
	case "design":
		r.Program.Design = value
	case "variant":
		r.Program.Variant = value
	case "cpus":
		r.Program.CPUs, err = number(key, value, maxCPUs)
	case "items":
		r.Program.Config.Items, err = number(key, value, maxItems)
	case "bytes":
		r.Program.Config.Bytes, err = number(key, value, maxBytes)
	case "room":
		r.Program.Config.Room, err = number(key, value, maxItems)
	case "knob":
		err = r.parseKnob(value)
	case "task":
		err = r.parseTask(value)
	case "mutant":
		r.Mutant = mutant.ID(value)
	case "strategy":
		r.Strategy = value
	case "seed":
		r.Seed, err = unsigned(key, value)
	case "bare":
		r.Bare, err = truth(key, value)
	case "class":
		r.Class = sim.Class(value)
		_, err = lockdep.RuleOf(r.Class)
	case "message":
		r.Message = value
	case "execution":
		err = r.nextExecution(value, seen)
	case "preemptions":
		r.Preemptions, err = number(key, value, maxSteps)
	case "minimal":
		r.Minimal, err = truth(key, value)
	case "steps":
		r.Steps, err = number(key, value, maxSteps)
	case "hash":
		r.Hash, err = unsigned(key, value)
	case "schedule":
		err = r.parseSegment(value)
	default:
		known := false
		if known, err = r.Program.Traits.ParseLine(key, value); !known {
			return fmt.Errorf("unknown line %q", key)
		}
	}
	return err
}

// maxSteps bounds the numbers of a schedule, far above any step limit.
const maxSteps = 10_000_000

func number(key, value string, high int) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 || n > high {
		return 0, fmt.Errorf("%s %q: want a number from 0 to %d", key, value, high)
	}
	return n, nil
}

func unsigned(key, value string) (uint64, error) {
	n, err := strconv.ParseUint(value, 0, 64)
	if err != nil {
		return 0, fmt.Errorf("%s %q: want a number of 64 bits", key, value)
	}
	return n, nil
}

func truth(key, value string) (bool, error) {
	if value != "true" && value != "false" {
		return false, fmt.Errorf("%s %q: want true or false", key, value)
	}
	return value == "true", nil
}

func (r *Replay) parseKnob(value string) error {
	name, v, _ := strings.Cut(value, " ")
	n, err := number("knob "+name, v, 1<<31-1)
	r.Program.Config.Knobs[name] = n
	return err
}

func (r *Replay) parseTask(value string) error {
	words := strings.Fields(value)
	if len(words) == 0 {
		return fmt.Errorf("task without a CPU")
	}
	cpu, err := number("task", words[0], maxCPUs)
	if err != nil {
		return err
	}
	t := Task{CPU: cpu}
	for _, w := range words[1:] {
		op, err := parseOp(w, r.Program.CPUs)
		if err != nil {
			return err
		}
		t.Ops = append(t.Ops, op)
	}
	r.Program.Tasks = append(r.Program.Tasks, t)
	return nil
}

// variantOf names the design and variant of a replay, for messages.
func (r *Replay) variantOf() string {
	return designs.Variant{Design: r.Program.Design, Name: r.Program.Variant}.FullName()
}
