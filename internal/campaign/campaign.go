package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"time"

	"headroom/fuzz/target"
)

// The fuzzers.
const (
	native = "native" // go test -fuzz
	goFuzz = "go-fuzz"
)

// ciTime is how long a target runs under a fuzzer in CI, go-fuzz's start not counted: eleven targets under both take three minutes, building them and
// the canary less than one.
const ciTime = 3 * time.Second

// canaryTime is the most that a fuzzer may take to find the canary's mistake, which takes them a second or so.
const canaryTime = 40 * time.Second

// campaign runs targets under fuzzers.
type campaign struct {
	dir      string        // of all its files
	programs string        // of what it builds
	each     time.Duration // of a target under a fuzzer
	procs    int           // processes of a fuzzer
}

func newCampaign(each time.Duration) *campaign {
	dir := filepath.Join("build", "fuzz")
	return &campaign{dir: dir, programs: dir, each: each, procs: runtime.NumCPU()}
}

// run is make fuzz: what earlier campaigns came by is gone on with.
func (c *campaign) run(ctx context.Context, names, engines []string) error {
	targets, err := pick(names)
	if err != nil {
		return err
	}
	for _, e := range engines {
		if e != native && e != goFuzz {
			return fmt.Errorf("no fuzzer is called %q: there are %s and %s", e, native, goFuzz)
		}
	}
	if err := c.long(); err != nil {
		return err
	}
	if err := c.build(ctx, engines); err != nil {
		return err
	}
	return c.all(ctx, targets, engines)
}

// long refuses a time in which a fuzzer does not come to anything.
func (c *campaign) long() error {
	if c.each < time.Second {
		return fmt.Errorf("%v for each target: give at least 1s", c.each)
	}
	return nil
}

// ci is make fuzz-ci: bounded, and from the kept corpus alone, so that it depends on nothing that an earlier campaign left.
func (c *campaign) ci(ctx context.Context) error {
	targets, err := pick(nil)
	if err != nil {
		return err
	}
	c.dir = filepath.Join(c.dir, "ci")
	if err := os.RemoveAll(c.dir); err != nil {
		return err
	}
	engines := []string{native, goFuzz}
	if err := c.build(ctx, engines); err != nil {
		return err
	}
	if err := c.canaries(ctx, engines); err != nil {
		return err
	}
	return c.all(ctx, targets, engines)
}

// canaries proves the alarm: each fuzzer has to find the planted mistake, and the file that is kept of it has to show it again.
func (c *campaign) canaries(ctx context.Context, engines []string) error {
	at := slices.IndexFunc(target.All, func(t target.Target) bool { return t.Canary })
	alarm := *c
	alarm.each = canaryTime
	alarm.dir = filepath.Join(c.dir, "canary")
	for _, engine := range engines {
		s, err := alarm.session(ctx, target.All[at], engine)
		if err != nil {
			return err
		}
		if len(s.findings) == 0 {
			fmt.Printf("found: the alarm does not work: %s ran the canary for %.0f s, %d executions, and did not find its planted mistake; repeat: go run -tags sim ./internal/campaign run --target %s --engine %s\n",
				engine, s.took.Seconds(), s.executions, target.All[at].Name, engine)
			return errFound
		}
		path, err := keep(filepath.Join(alarm.dir, "artifacts"), target.All[at].Name, s.findings[0].data)
		if err != nil {
			return err
		}
		if panics(target.All[at].Run, s.findings[0].data) == "" {
			fmt.Printf("found: the alarm does not work: what %s kept of the canary does not fail again; repeat: %s\n", engine, repeatCommand(path))
			return errFound
		}
		fmt.Printf("canary      %-8s found after %.1f s, and again from %s: the alarm works\n", engine, s.took.Seconds(), path)
	}
	return nil
}

// all runs each target under each fuzzer, prints a row of each, and keeps what they find.
func (c *campaign) all(ctx context.Context, targets []target.Target, engines []string) error {
	found := 0
	var rows []*session
	fmt.Println(heading)
	for _, t := range targets {
		for _, engine := range engines {
			s, err := c.session(ctx, t, engine)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				return err
			}
			fmt.Println(s.row())
			rows = append(rows, s)
			for _, f := range s.findings {
				if err := f.print(s); err != nil {
					return err
				}
				found++
			}
		}
	}
	for _, line := range bars(rows) {
		fmt.Println(line)
	}
	if found > 0 {
		return errFound
	}
	return nil
}

// session runs a target under a fuzzer.
func (c *campaign) session(ctx context.Context, t target.Target, engine string) (*session, error) {
	s := &session{target: t, engine: engine, started: time.Now()}
	var err error
	if engine == native {
		err = c.native(ctx, s)
	} else {
		err = c.goFuzz(ctx, s)
	}
	s.took = time.Since(s.started)
	if err == nil && ctx.Err() == nil && s.executions == 0 && len(s.findings) == 0 {
		err = fmt.Errorf("%s made no execution of %s in %.0f s: see %s, and give it more time", engine, t.Name, s.took.Seconds(), c.log(s))
	}
	return s, err
}

// log is the file with all that a fuzzer said in a session.
func (c *campaign) log(s *session) string {
	return filepath.Join(c.dir, "log", s.target.Name+"-"+s.engine+".txt")
}

// errNoInput: a fuzzer failed and left no input.
var errNoInput = errors.New("the fuzzer failed and left no input")

// procsFlag is the number of processes as an argument.
func (c *campaign) procsFlag() string { return strconv.Itoa(c.procs) }
