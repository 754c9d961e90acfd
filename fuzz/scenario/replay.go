package scenario

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"headroom/fuzz"
	"headroom/fuzz/explore"
	"headroom/kernel/sim"
)

// ReplayHeader is the first line of a replay file of a scenario; the number is the version of the format.
const ReplayHeader = "headroom scenario-replay 1"

// Replay is one failing run of a scenario as a file: the scenario itself, and the schedule.
type Replay struct {
	File        *File
	Strategy    string
	Seed        uint64
	Class       sim.Class
	Message     string
	Preemptions int
	Steps       int
	Hash        uint64
	Schedule    []explore.Segment

	Short     []Stretch // who did which operation in turn; not in the file
	Situation []string  // who was where at the end; likewise
}

// Stretch is some steps of one operation.
type Stretch struct {
	Name  string // of the task, or of what else ran
	Op    string // with its place in the scenario, "" where it is none of the scenario's
	Steps int
}

// note adds a step to the short form of the schedule.
func (r *Replay) note(run *runner, s sim.Step) {
	op := ""
	for _, a := range run.actors {
		if a.task != nil && a.task.Index() == s.Entity && (a.task.Name() == s.Name) {
			op = a.where()
		}
	}
	if last := len(r.Short) - 1; last >= 0 && r.Short[last].Name == s.Name && r.Short[last].Op == op {
		r.Short[last].Steps++
		return
	}
	r.Short = append(r.Short, Stretch{Name: s.Name, Op: op, Steps: 1})
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
	fmt.Fprintf(&b, "strategy %s\nseed %d\nclass %s\nmessage %s\npreemptions %d\nsteps %d\nhash %#016x\n", r.Strategy, r.Seed, r.Class, r.Message,
		r.Preemptions, r.Steps, r.Hash)
	for i := range r.Schedule {
		fmt.Fprintf(&b, "schedule %s\n", fuzz.SegmentText(&r.Schedule[i]))
	}
	return b.String()
}

// IsReplay reports whether a file is a replay file of a scenario, by its first line.
func IsReplay(data []byte) bool { return strings.HasPrefix(string(data), ReplayHeader+"\n") }

// ReadReplay reads a replay file of a scenario from disk.
func ReadReplay(path string) (*Replay, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: give the path of a file that headroom explore wrote", err)
	}
	return ParseReplay(path, string(data))
}

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
		if seen[key] && key != "schedule" {
			return nil, fmt.Errorf("%s:%d: a second line %q; %s", name, i+2, key, remedy)
		}
		seen[key] = true
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
	case "class":
		r.Class = sim.Class(value)
	case "message":
		r.Message = value
	case "preemptions":
		r.Preemptions, err = numeral(key, value+"", 0, maxSteps)
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

// Played is a run made from a replay file.
type Played struct {
	Replay  *Replay
	Again   *Replay // the run as it went now; nil when it did not fail
	Reports int     // of the lock checker, in this run alone
	Text    string  // of those
}

// Play makes the run again under its schedule. The error beside a result says that it took another way: the code has changed since, or the file has.
// Without a result it is for what cannot be run.
func (r *Replay) Play() (*Played, error) {
	fuzz.SetMutant(r.File.Mutant)
	defer fuzz.SetMutant("")
	run, err := newRunner(r.File, false)
	if err != nil {
		return nil, err
	}
	defer run.close()
	strategy := &explore.Replay{Segments: r.Schedule}
	again, _, err := run.record(strategy)
	if err != nil {
		return nil, err
	}
	played := &Played{Replay: r, Again: again}
	for _, report := range run.graph.Reports() {
		played.Reports++
		played.Text += report.Text
	}
	const remedy = "the code, or the file, has changed since it was recorded; find the failure again with headroom explore --scenario"
	switch {
	case strategy.Diverged != "":
		err = errors.New("the run left the recorded schedule: " + strategy.Diverged + ": " + remedy)
	case again == nil:
		err = fmt.Errorf("the run did not fail; recorded was %s: %s: %s", r.Class, r.Message, remedy)
	case again.Class != r.Class:
		err = fmt.Errorf("the run failed otherwise (%s: %s); recorded was %s: %s", again.Class, again.Message, r.Class, remedy)
	case again.Hash != r.Hash || strategy.Unused():
		err = fmt.Errorf("the run fails as recorded, but by other steps (hash %#016x, recorded %#016x): %s", again.Hash, r.Hash, remedy)
	}
	return played, err
}
