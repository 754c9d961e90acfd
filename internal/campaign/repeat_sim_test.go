//go:build sim

package main

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"headroom/fuzz"
	"headroom/fuzz/target"
)

// A program that fails is repeated from its file, and leaves a replay file that fails in the same class.
func TestRepeatedProgramsLeaveReplays(t *testing.T) {
	defer fuzz.SetMutant("")
	random := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, 300)
	for n := 0; ; n++ {
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		data[0] = 0 // percpu_tags:lock, the first of the catalog
		fuzz.SetMutant("PI-01")
		if panics(target.FuzzProgram, data) != "" {
			break
		}
		if n == 500 {
			t.Fatal("500 inputs do not show the planted mistake")
		}
	}
	path, err := keep(t.TempDir(), "program", data)
	if err != nil {
		t.Fatal(err)
	}
	if err := repeat(path); !errors.Is(err, errFound) {
		t.Errorf("repeated: %v", err)
	}
	r, err := fuzz.ReadReplay(path + ".replay")
	if err != nil {
		t.Fatal(err)
	}
	if run, err := r.Play(); err != nil || run.Failure == nil || run.Failure.Class != r.Class || r.Mutant != "PI-01" {
		t.Errorf("the replay file of mutant %q plays as %+v, %v", r.Mutant, run, err)
	}
}

// What the lock checker says of all runs of a program together is repeated as well, and is no error.
func TestRepeatedProgramsOfWrongLocksFail(t *testing.T) {
	defer fuzz.SetMutant("")
	random := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, 300)
	fuzz.SetMutant("PT-14")
	for n := 0; ; n++ {
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		data[0] = 0
		if strings.HasPrefix(panics(target.FuzzProgram, data), "the locks of percpu_tags:lock: order: ") {
			break
		}
		if n == 500 {
			t.Fatal("500 inputs do not show the planted mistake")
		}
	}
	path, err := keep(t.TempDir(), "program", data)
	if err != nil {
		t.Fatal(err)
	}
	if err := repeat(path); !errors.Is(err, errFound) {
		t.Errorf("repeated: %v", err)
	}
}
