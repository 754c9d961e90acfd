package main

import (
	"fmt"

	"headroom/fuzz/scenario"
)

// scenarioOutcome is what headroom explore --scenario --json prints.
type scenarioOutcome struct {
	Scenario   string            `json:"scenario"`
	Title      string            `json:"title"`
	Mutant     string            `json:"mutant"`
	Strategy   string            `json:"strategy"`
	Seed       uint64            `json:"seed"`
	Executions int               `json:"executions"`
	Steps      int64             `json:"steps"`
	Edges      int               `json:"edges"` // pairs of lock classes nested
	Exhausted  bool              `json:"exhausted"`
	Expect     []scenario.Class  `json:"expect"` // empty for nothing
	Reached    []string          `json:"reached"`
	Met        bool              `json:"met"`
	Unmet      []string          `json:"unmet"`
	Failures   []scenarioFailure `json:"failures"`
	Locks      []lockOutcome     `json:"locks"`
	Finished   bool              `json:"finished"` // false when interrupted
}

// scenarioFailure is a failing run of a scenario.
type scenarioFailure struct {
	Class       string             `json:"class"`
	Message     string             `json:"message"`
	Preemptions int                `json:"preemptions"`
	Steps       int                `json:"steps"`
	Situation   []string           `json:"situation"` // who was where at the end
	Schedule    []scenario.Stretch `json:"schedule"`  // in short
	Replay      string             `json:"replay"`
	Repeat      string             `json:"repeat"`
	Shrunk      *shrunkScenario    `json:"shrunk,omitempty"`
}

// shrunkScenario says how small a failure of a scenario became. The last two are empty when nothing could go.
type shrunkScenario struct {
	shrunkOutcome
	Scenario string `json:"scenario,omitempty"` // the file of what is left
	Repeat   string `json:"repeat,omitempty"`
}

func scenarioOutcomeOf(s *scenario.Search, found *scenario.Found, paths map[*scenario.Replay]string, finished bool) *scenarioOutcome {
	f := found.File
	out := &scenarioOutcome{Scenario: f.Name, Title: f.Title, Mutant: string(f.Mutant), Strategy: s.Strategy, Seed: s.Seed, Executions: found.Executions,
		Steps: found.Steps, Edges: found.Edges, Exhausted: found.Exhausted, Expect: listed(f.Expect), Reached: listed(found.Reached), Met: found.Met(),
		Unmet: listed(found.Unmet), Failures: []scenarioFailure{}, Locks: []lockOutcome{}, Finished: finished}
	for i, r := range found.Failures {
		failure := scenarioFailure{Class: string(r.Class), Message: r.Message, Preemptions: r.Preemptions, Steps: r.Steps,
			Situation: listed(r.Situation), Schedule: r.Short, Replay: paths[r], Repeat: repeatCommand(paths[r])}
		if i < len(found.Small) {
			small := found.Small[i]
			s := small.Shrunk
			failure.Shrunk = &shrunkScenario{shrunkOutcome: shrunkOutcome{Executions: s.Executions, Finished: s.Finished, Minimal: small.Replay.Minimal,
				Before: s.Before, After: s.After}}
			if path := paths[small.Replay]; path != "" {
				failure.Shrunk.Scenario, failure.Shrunk.Repeat = small.Replay.File.Name, repeatCommand(path)
			}
		}
		out.Failures = append(out.Failures, failure)
	}
	for i, r := range found.Reports {
		path := paths[found.Chains[i]]
		out.Locks = append(out.Locks, lockOutcome{Rule: string(r.Rule), Summary: r.Summary, Text: r.Text, Replay: path, Repeat: repeatCommand(path)})
	}
	return out
}

// listed is a list that JSON has as one, also when it is empty.
func listed[T any](list []T) []T { return append([]T{}, list...) }

// replayedScenario is what headroom replay --json prints of a scenario's replay.
type replayedScenario struct {
	Scenario    string        `json:"scenario"`
	Title       string        `json:"title"`
	Mutant      string        `json:"mutant"`
	Class       string        `json:"class"`
	Message     string        `json:"message"`
	Preemptions int           `json:"preemptions"`
	Minimal     bool          `json:"minimal"`
	Executions  int           `json:"executions"` // more than one where a report of the lock checker rests on several
	Hash        string        `json:"hash"`       // of the last
	Repeated    bool          `json:"repeated"`
	Differs     string        `json:"differs,omitempty"` // how it differs from what was recorded
	Situation   []string      `json:"situation"`         // who was where at the end
	Locks       []lockOutcome `json:"locks"`             // what the lock checker says of these executions alone
	Steps       []playedStep  `json:"steps"`
}

func replayedScenarioOf(p *scenario.Played, differs error) *replayedScenario {
	r := p.Replay
	out := &replayedScenario{Scenario: r.File.Name, Title: r.File.Title, Mutant: string(r.File.Mutant), Class: string(r.Class), Message: r.Message,
		Preemptions: r.Preemptions, Minimal: r.Minimal, Executions: len(p.Again), Hash: fmt.Sprintf("%#016x", p.Hash), Repeated: differs == nil,
		Situation: listed(p.Again[len(p.Again)-1].Situation), Locks: []lockOutcome{}, Steps: stepsOf(&p.Trace)}
	if differs != nil {
		out.Differs = differs.Error()
	}
	for _, report := range p.Reports {
		out.Locks = append(out.Locks, lockOutcome{Rule: string(report.Rule), Summary: report.Summary, Text: report.Text})
	}
	return out
}
