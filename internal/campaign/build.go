package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// notInstrumented are the packages that the fuzzers' instrumentation leaves alone: the first cannot be built with go-fuzz's, the others are the
// simulator's machinery, whose coverage says nothing about a design, and which take thousands of steps for each input.
var notInstrumented = []string{
	"crypto/internal/fips140/bigmod",
	"headroom/fuzz/explore", "headroom/fuzz/lockdep", "headroom/internal/coro", "headroom/internal/rng", "headroom/kernel/atomic", "headroom/kernel/choice", "headroom/kernel/mem",
	"headroom/kernel/sim",
}

// The programs that a campaign builds.
func (c *campaign) testBinary() string   { return filepath.Join(c.programs, "target.test") }
func (c *campaign) archive() string      { return filepath.Join(c.programs, "target.zip") }
func (c *campaign) goFuzzBinary() string { return filepath.Join(c.programs, "go-fuzz") }

// build builds what the fuzzers need. All targets are in one test binary, and in one archive of go-fuzz.
func (c *campaign) build(ctx context.Context, engines []string) error {
	if slices.Contains(engines, native) {
		through, err := toolexec()
		if err != nil {
			return err
		}
		if err := c.tool(ctx, "build-native", "go", "test", "-c", "-tags", "sim", "-fuzz", ".", "-toolexec", through, "-o", c.testBinary(), "./fuzz/target"); err != nil {
			return err
		}
	}
	if slices.Contains(engines, goFuzz) {
		if err := c.tool(ctx, "build-go-fuzz", "go", "build", "-o", c.goFuzzBinary(), "github.com/dvyukov/go-fuzz/go-fuzz"); err != nil {
			return err
		}
		if err := c.tool(ctx, "build-archive", "go", "tool", "go-fuzz-build", "-tags", "sim", "-preserve", strings.Join(notInstrumented, ","), "-o", c.archive(), "./fuzz/target"); err != nil {
			return err
		}
	}
	return nil
}

// tool runs a program that has to succeed.
func (c *campaign) tool(ctx context.Context, name string, args ...string) error {
	log := filepath.Join(c.dir, "log", name+".txt")
	status, err := process{args: args, log: log, temp: c.temp()}.run(ctx)
	if err == nil && ctx.Err() == nil && status != 0 {
		err = fmt.Errorf("%s failed: see %s", strings.Join(args, " "), log)
	}
	c.sweep()
	return err
}

// temp is the folder for temporary files of the programs that a campaign starts.
func (c *campaign) temp() string { return filepath.Join(c.dir, "tmp") }

// sweep removes what they left there: a program that is interrupted leaves a good deal.
func (c *campaign) sweep() { _ = os.RemoveAll(c.temp()) }
