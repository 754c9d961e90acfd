package scenario

import (
	"fmt"
	"strconv"
	"strings"

	"headroom/fuzz"
	"headroom/fuzz/explore"
	"headroom/fuzz/lockdep"
	"headroom/kernel/sim"
)

// ReplayHeader is the first line of a replay file of a scenario; the number is the version of the format.
const ReplayHeader = "headroom scenario-replay 1"

// Replay is a finding in a scenario as a file: the scenario itself, and the schedule of the execution that failed. A report of the lock checker may rest
// on several executions, which show a part of it each.
type Replay struct {
	File     *File
	Without  bool // the lock checker leaves completions out
	Strategy string
	Seed     uint64
	Class    sim.Class // of the failure; Lockdep and the rule, for a report
	Message  string    // of the failure, or the summary of the report
	Minimal  bool      // every execution of the scenario with fewer preemptions was made, and none fails so
	Execution
	Earlier []Execution // for a report: those before, in their order
}

// Execution is one execution of a scenario.
type Execution struct {
	Preemptions int
	Steps       int
	Hash        uint64
	Schedule    []explore.Segment

	Short     []Stretch // who did which operation in turn; not in the file
	Situation []string  // who was where at the end; likewise
}

// Stretch is some steps of one operation.
type Stretch struct {
	Name  string `json:"name"` // of the task, or of what else ran
	Op    string `json:"op"`   // with its place in the scenario, "" where it is none of the scenario's
	Steps int    `json:"steps"`
}

// note adds a step of an operation to the short form of the schedule.
func (e *Execution) note(name, op string) {
	if last := len(e.Short) - 1; last >= 0 && e.Short[last].Name == name && e.Short[last].Op == op {
		e.Short[last].Steps++
		return
	}
	e.Short = append(e.Short, Stretch{Name: name, Op: op, Steps: 1})
}

// rule is the rule of a report, "" for a failure.
func (r *Replay) rule() lockdep.Rule {
	rule, _ := lockdep.RuleOf(r.Class) // what cannot be was refused when it was read
	return rule
}

// ID tells one replay from others; see lockdep.ReplayID.
func (r *Replay) ID() uint64 { return lockdep.ReplayID(r.Class, r.Message, r.Hash) }

// executions lists all of them in their order.
func (r *Replay) executions() []*Execution {
	var list []*Execution
	for i := range r.Earlier {
		list = append(list, &r.Earlier[i])
	}
	return append(list, &r.Execution)
}

// String is the replay as a file.
func (r *Replay) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nname %s\n", ReplayHeader, r.File.Name)
	source := r.File.Source
	if source == "" {
		source = r.File.String()
	}
	for line := range strings.Lines(source) {
		fmt.Fprintf(&b, "| %s\n", strings.TrimRight(line, "\r\n"))
	}
	if r.Without {
		b.WriteString("without completions\n")
	}
	fmt.Fprintf(&b, "strategy %s\nseed %d\nclass %s\nmessage %s\n", r.Strategy, r.Seed, r.Class, r.Message)
	if r.Minimal {
		b.WriteString("minimal true\n")
	}
	for i, e := range r.executions() {
		if len(r.Earlier) > 0 {
			fmt.Fprintf(&b, "execution %d\n", i+1)
		}
		fmt.Fprintf(&b, "preemptions %d\nsteps %d\nhash %#016x\n", e.Preemptions, e.Steps, e.Hash)
		for i := range e.Schedule {
			fmt.Fprintf(&b, "schedule %s\n", fuzz.SegmentText(&e.Schedule[i]))
		}
	}
	return b.String()
}

// IsReplay reports whether a file is a replay file of a scenario, by its first line.
func IsReplay(data []byte) bool { return strings.HasPrefix(string(data), ReplayHeader+"\n") }

// ReadReplay reads a replay file of a scenario from disk.
func ReadReplay(path string) (*Replay, error) { return fuzz.FromFile(path, ParseReplay) }

// ParseReplay reads the text of a replay file; name is what errors call it. An error is one line that names the file, the line and the remedy.
func ParseReplay(name, text string) (*Replay, error) {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if lines[0] != ReplayHeader {
		return nil, fmt.Errorf("%s:1: not a replay file of a scenario: the first line must be %q; headroom explore --scenario writes such files", name, ReplayHeader)
	}
	const remedy = "find the failure again with headroom explore --scenario"
	r, source, scenarioName := &Replay{}, "", name
	seen := map[string]bool{}
	for i, line := range lines[1:] {
		if rest, ok := strings.CutPrefix(line, "|"); ok {
			source += strings.TrimPrefix(rest, " ") + "\n"
			continue
		}
		key, value, _ := strings.Cut(line, " ")
		if seen[key] && key != "schedule" && key != "execution" {
			return nil, fmt.Errorf("%s:%d: a second line %q; %s", name, i+2, key, remedy)
		}
		seen[key] = true
		if key == "execution" {
			for _, again := range []string{"preemptions", "steps", "hash", "schedule"} {
				delete(seen, again)
			}
		}
		if key == "name" {
			scenarioName = value
			continue
		}
		if err := r.parseLine(key, value); err != nil {
			return nil, fmt.Errorf("%s:%d: %w; %s", name, i+2, err, remedy)
		}
	}
	for _, key := range []string{"class", "hash", "schedule"} {
		if !seen[key] {
			return nil, fmt.Errorf("%s:%d: the line %q is missing: the file was cut short; %s", name, len(lines), key+" ...", remedy)
		}
	}
	var err error
	if r.File, err = Read(scenarioName, []byte(source)); err != nil {
		return nil, fmt.Errorf("%s:1: the scenario in it: %w", name, err)
	}
	return r, nil
}

// maxSteps bounds the numbers of a replay, far above any step limit.
const maxSteps = 10_000_000

func (r *Replay) parseLine(key, value string) (err error) {
	switch key {
	case "strategy":
		r.Strategy = value
	case "seed":
		if r.Seed, err = strconv.ParseUint(value, 10, 64); err != nil {
			err = fmt.Errorf("seed %q: want a number of 64 bits", value)
		}
	case "without":
		if r.Without = value == "completions"; !r.Without {
			return fmt.Errorf("without %s: what can be left out is completions", value)
		}
	case "class":
		r.Class = sim.Class(value)
		_, err = lockdep.RuleOf(r.Class)
	case "message":
		r.Message = value
	case "minimal":
		if r.Minimal = value == "true"; !r.Minimal {
			return fmt.Errorf("minimal %q: want true, or no such line", value)
		}
	case "execution":
		return r.nextExecution(value)
	case "preemptions":
		r.Preemptions, err = numeral(key, value, 0, maxSteps)
	case "steps":
		r.Steps, err = numeral(key, value, 0, maxSteps)
	case "hash":
		if r.Hash, err = strconv.ParseUint(value, 0, 64); err != nil {
			err = fmt.Errorf("hash %q: want a number of 64 bits", value)
		}
	case "schedule":
		var s explore.Segment
		s, err = fuzz.ParseSegment(value)
		r.Schedule = append(r.Schedule, s)
	default:
		return fmt.Errorf("unknown line %q", key)
	}
	return err
}

// nextExecution begins another of several executions.
func (r *Replay) nextExecution(value string) error {
	n, err := numeral("execution", value, 1, maxCount)
	switch {
	case err != nil:
		return err
	case n == 1 && len(r.Schedule) == 0 && len(r.Earlier) == 0:
		return nil
	case n != len(r.Earlier)+2 || len(r.Schedule) == 0:
		return fmt.Errorf("execution %d: want them counted from 1, each with its schedule", n)
	}
	r.Earlier, r.Execution = append(r.Earlier, r.Execution), Execution{}
	return nil
}
