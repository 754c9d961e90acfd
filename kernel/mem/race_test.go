//go:build race

package mem_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"headroom/kernel/atomic"
	"headroom/kernel/mem"
)

// canary names the part of a child process that TestMain starts instead of the tests.
const canary = "HEADROOM_RACE_CANARY"

// raceExit is the exit status of a process in which the race detector found something.
const raceExit = 66

func TestMain(m *testing.M) {
	play, ok := plays[os.Getenv(canary)]
	if !ok {
		os.Exit(m.Run())
	}
	memory, err := mem.Make(1, 4096, nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	play(memory)
}

// plays are what the child processes do: two goroutines on words of one arena.
var plays = map[string]func(m *mem.Memory){
	"unordered32": func(m *mem.Memory) {
		w, _ := mem.New[mem.Plain32](m, 0)
		both(func() { w.Store(1) }, func() { w.Store(2) })
	},
	"unordered64": func(m *mem.Memory) {
		w, _ := mem.New[mem.Plain64](m, 0)
		both(func() { w.Store(1) }, func() { w.Load() })
	},
	"released": func(m *mem.Memory) {
		w, _ := mem.New[mem.Plain32](m, 0)
		flag, _ := mem.New[atomic.Uint32](m, 0)
		both(func() {
			w.Store(1)
			flag.StoreRelease(1)
		}, func() {
			for flag.LoadAcquire() == 0 {
				runtime.Gosched()
			}
			w.Store(w.Load() + 1)
		})
	},
}

// both runs two functions on goroutines of their own and waits for both.
func both(one, other func()) {
	done := make(chan struct{})
	for _, f := range []func(){one, other} {
		go func() {
			f()
			done <- struct{}{}
		}()
	}
	<-done
	<-done
}

// The race detector sees words in an arena: it reports two unordered accesses, and nothing when a release and an acquire order them.
func TestRaceDetectorSeesTheArena(t *testing.T) {
	for _, c := range []struct {
		play string
		race bool
	}{{"unordered32", true}, {"unordered64", true}, {"released", false}} {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), canary+"="+c.play, fmt.Sprintf("GORACE=exitcode=%d atexit_sleep_ms=0", raceExit))
		out, err := child.CombinedOutput()
		status := 0
		if exit := new(exec.ExitError); errors.As(err, &exit) {
			status = exit.ExitCode()
		} else if err != nil {
			t.Fatal(err)
		}
		reported := strings.Contains(string(out), "DATA RACE")
		if c.race != (status == raceExit) || c.race != reported {
			t.Errorf("%s: exit status %d, want a race: %v\n%s", c.play, status, c.race, out)
		}
	}
}
