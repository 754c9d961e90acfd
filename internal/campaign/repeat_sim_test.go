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

// showing is an input for a program on percpu_tags:lock that fails, with a message that begins so.
func showing(t *testing.T, says string) []byte {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, 300)
	for range 500 {
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		data[0] = 0 // the first of the catalog
		if said := panics(target.FuzzProgram, data); said != "" && strings.HasPrefix(said, says) {
			return data
		}
	}
	t.Fatal("500 inputs do not show the planted mistake")
	return nil
}

// A program that fails is repeated from its file, and leaves a replay file that fails in the same class.
func TestRepeatedProgramsLeaveReplays(t *testing.T) {
	defer fuzz.SetMutant("")
	fuzz.SetMutant("PI-01")
	data := showing(t, "")
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
	fuzz.SetMutant("PT-14")
	data := showing(t, "the locks of percpu_tags:lock: order: ")
	path, err := keep(t.TempDir(), "program", data)
	if err != nil {
		t.Fatal(err)
	}
	if err := repeat(path); !errors.Is(err, errFound) {
		t.Errorf("repeated: %v", err)
	}
}
