//go:build sim

package scenario

import (
	"fmt"
	"os"
	"testing"
)

func TestTry(t *testing.T) {
	path := os.Getenv("SCN")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Read(path, data)
	if err != nil {
		t.Fatal(err)
	}
	s := &Search{File: f, Seed: 1, Executions: 3000, Stop: func() bool { return false }}
	found, err := s.Run()
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(found.Executions, found.Steps, found.Unmet, found.Edges)
	for _, r := range found.Failures {
		fmt.Println(r.Class, r.Message, r.Preemptions)
		for _, s := range r.Situation {
			fmt.Println("  ", s)
		}
		for _, s := range r.Short {
			fmt.Println("    ", s)
		}
	}
	for _, r := range found.Reports {
		fmt.Print(r.Text)
	}
}
