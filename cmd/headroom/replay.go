package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"headroom/fuzz"
	"headroom/fuzz/scenario"
	"headroom/kernel/choice"
	"headroom/kernel/mutant"
)

// replayOptions are the flags of headroom replay.
type replayOptions struct {
	svg      string
	tolerant bool
	asJSON   bool
}

func replayCommand() *cobra.Command {
	var o replayOptions
	c := &cobra.Command{
		Use:   "replay FILE",
		Short: "Repeat a failure from its replay file, step by step, a column a CPU",
		Long: `Replay runs the program of a replay file under its recorded schedule and prints every step. The same file prints the same bytes.
Of a scenario's failure it prints who was where at the end, and the schedule in short; of a lock checker's report, the report.

It stops at the first step at which the run differs from the recorded one, and says where: the code has changed there. With --tolerant it goes
on and follows the schedule as far as it can, to see whether changed code, or an edited file, still fails in that way.

--svg draws the run as a sequence diagram: CPUs and their tasks side by side, time downward, preemptions in red, words that several tasks access
in a colour each. Any browser shows it.

Exit status: 0 the failure came again, 1 the run took another way (the code has changed), 2 the file cannot be used.`,
		Example: `  headroom replay build/findings/percpu_tags-lock-PI-01-waiting-beside-free-item-0123456789abcdef.replay
  headroom replay --svg run.svg build/findings/percpu_tags-lock-PI-01-waiting-beside-free-item-0123456789abcdef.replay
  headroom replay --tolerant old.replay`,
		Args: arguments(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if !choice.Enabled {
				return startSibling()
			}
			return replay(args[0], o)
		},
	}
	c.Flags().StringVar(&o.svg, "svg", "", "draw the run into this file, instead of printing its steps")
	c.Flags().BoolVar(&o.tolerant, "tolerant", false, "follow the schedule as far as it fits, and ask only for the same class of failure")
	c.Flags().BoolVar(&o.asJSON, "json", false, "print JSON")
	return c
}

// replayed is what headroom replay --json prints.
type replayed struct {
	Design      string        `json:"design"`
	Mutant      string        `json:"mutant"`
	Class       string        `json:"class"`
	Message     string        `json:"message"`
	Preemptions int           `json:"preemptions"`
	Minimal     bool          `json:"minimal"`
	Hash        string        `json:"hash"`
	Repeated    bool          `json:"repeated"`
	Differs     string        `json:"differs,omitempty"` // how the run differs from the recorded one
	Locks       []lockOutcome `json:"locks,omitempty"`   // what the lock checker says, where the replay is that of a report
	Steps       []playedStep  `json:"steps"`
}

// playedStep is one step of it.
type playedStep struct {
	Execution int    `json:"execution,omitempty"` // from 1, where a scenario's report takes several
	Step      int    `json:"step"`
	CPU       int    `json:"cpu"`
	Task      string `json:"task"`
	Op        string `json:"op"`
	Access    string `json:"access"`
	Offset    uint64 `json:"offset"`
	Function  string `json:"function"`
	Line      string `json:"line"`
	Note      string `json:"note,omitempty"` // what the machine did, or answered, by itself
}

func replay(path string, o replayOptions) error {
	if data, err := os.ReadFile(path); err == nil && scenario.IsReplay(data) {
		return replayScenario(path, o)
	}
	r, err := fuzz.ReadReplay(path)
	if err != nil {
		return err
	}
	if r.Mutant != "" {
		if _, ok := mutant.Find(r.Mutant); !ok {
			return fmt.Errorf("%s: mutant %s is not in this build; see headroom list", path, r.Mutant)
		}
	}
	fuzz.SetMutant(r.Mutant)
	defer fuzz.SetMutant("")
	play := r.Play
	if o.tolerant {
		play = r.PlayTolerant
	}
	run, differs := play()
	if run == nil {
		return fmt.Errorf("%s: %w", path, differs)
	}
	if err := o.show(&run.Trace, replayedOf(run, differs), run.Print); err != nil {
		return err
	}
	if differs != nil {
		fmt.Fprintf(os.Stderr, "headroom: %s: %v\n", path, differs)
		return status(exitFound)
	}
	return nil
}

// show draws the run, or gives it as data, or prints it as print does.
func (o *replayOptions) show(run *fuzz.Trace, data any, print func(io.Writer) error) error {
	if o.svg != "" {
		var drawing bytes.Buffer
		if err := run.Draw(&drawing); err != nil {
			return err
		}
		if err := replaceFile(o.svg, drawing.Bytes()); err != nil {
			return err
		}
	}
	if o.asJSON {
		return printJSON(os.Stdout, data)
	}
	if o.svg != "" {
		part := ""
		if run.Drawn() < len(run.Steps) {
			part = fmt.Sprintf(" of %d", len(run.Steps))
		}
		fmt.Printf("%d%s steps drawn in %s\n", run.Drawn(), part, o.svg)
		return nil
	}
	var out bytes.Buffer
	if err := print(&out); err != nil {
		return err
	}
	_, err := os.Stdout.Write(out.Bytes())
	return err
}

func replayedOf(run *fuzz.Playback, differs error) *replayed {
	r := run.Replay
	out := &replayed{Design: r.Program.Design, Mutant: string(r.Mutant), Class: string(r.Class), Message: r.Message,
		Preemptions: r.Preemptions, Minimal: r.Minimal, Hash: fmt.Sprintf("%#016x", run.Hash), Repeated: differs == nil}
	if r.Program.Variant != "" {
		out.Design += ":" + r.Program.Variant
	}
	if differs != nil {
		out.Differs = differs.Error()
	}
	for _, report := range run.Reports {
		out.Locks = append(out.Locks, lockOutcome{Rule: string(report.Rule), Summary: report.Summary, Text: report.Text})
	}
	out.Steps = stepsOf(&run.Trace)
	return out
}

func stepsOf(run *fuzz.Trace) []playedStep {
	steps := []playedStep{}
	for i := range run.Steps {
		s := &run.Steps[i]
		steps = append(steps, playedStep{Execution: s.Execution, Step: s.Number, CPU: s.CPU, Task: s.Name, Op: s.Op, Access: s.Kind.String(),
			Offset: uint64(s.Offset), Function: s.Function, Line: s.Line, Note: s.Note})
	}
	return steps
}

// replaceFile writes a file as a whole, or leaves what was there.
func replaceFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	fresh := path + ".new"
	err := os.WriteFile(fresh, data, 0o644)
	if err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		_ = os.Remove(fresh) // the error worth telling is the first
	}
	return err
}

// checkFolder refuses a folder in which no file can be written, before hours are spent on what is to lie there. It makes nothing.
func checkFolder(folder string) error {
	at := filepath.Clean(folder)
	for {
		_, err := os.Stat(at)
		if !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at) {
			break
		}
		at = filepath.Dir(at)
	}
	switch info, err := os.Stat(at); {
	case err != nil:
		return fmt.Errorf("--out: %w: give a folder for replay files", err)
	case !info.IsDir():
		return fmt.Errorf("--out %s: %s is no folder: give one for replay files", folder, at)
	}
	if err := unix.Access(at, unix.W_OK); err != nil {
		return fmt.Errorf("--out %s: %s: %w: give a folder that can be written to", folder, at, err)
	}
	return nil
}
