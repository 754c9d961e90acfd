package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"headroom/harness"
	"headroom/harness/measure"
	"headroom/harness/result"
	"headroom/kernel/machine"
)

// environment is what headroom env --json prints.
type environment struct {
	Environment   result.Env       `json:"environment"`
	Topology      machine.Topology `json:"topology"`
	harness.Ruler                  // its fields stand beside the others
	Warnings      []string         `json:"warnings"`
}

func envCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "env",
		Short:   "Show the machine as a measurement sees it: topology, compare-and-swap, warnings",
		Example: "  headroom env\n  headroom env --json",
		Args:    arguments(0),
		RunE: func(*cobra.Command, []string) error {
			e, err := readEnvironment()
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(os.Stdout, e)
			}
			e.print()
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func readEnvironment() (*environment, error) {
	if err := nativeOnly(); err != nil {
		return nil, err
	}
	ids, err := machine.Allowed()
	if err != nil {
		return nil, err
	}
	t, err := machine.ReadTopology("/sys", ids)
	if err != nil {
		return nil, err
	}
	ruler, err := harness.TakeRuler(t.CPUs[:min(2, len(t.CPUs))])
	if err != nil {
		return nil, err
	}
	env := measure.Environment("headroom env")
	return &environment{Environment: env, Topology: t, Ruler: *ruler, Warnings: measure.Doubts(env, ruler.RealtimeError())}, nil
}

func (e *environment) print() {
	for _, p := range e.Environment {
		fmt.Printf("%-16s %s\n", p.Key, p.Value)
	}
	fmt.Printf("%-16s %.3f ns\n", "cas", e.CASNs)
	fmt.Printf("%-16s %.3f ns an operation\n", "empty loop", e.LoopNs)
	if e.RoundTripNs > 0 {
		fmt.Printf("%-16s %.0f ns between CPU %d and CPU %d\n", "line round trip", e.RoundTripNs, e.Topology.CPUs[0].ID, e.Topology.CPUs[1].ID)
	}
	for _, c := range e.Topology.CPUs {
		fmt.Printf("cpu %d: node %d, package %d, core %d, thread %d, last-level cache of CPU %d\n", c.ID, c.Node, c.Package, c.Core, c.Thread, c.L3)
	}
	for _, w := range e.Warnings {
		fmt.Println("warning:", w)
	}
}
