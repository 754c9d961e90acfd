package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"headroom/kernel/choice"
	"headroom/kernel/mutant"
)

// startSibling hands the command to the build with the simulator: bin/headroom-sim beside this program, or, where the sources are,
// go run -tags sim of the same package. It does not return when the sibling starts.
func startSibling() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	sibling := filepath.Join(filepath.Dir(self), "headroom-sim")
	if _, err := os.Stat(sibling); err == nil {
		return fmt.Errorf("start %s: %w", sibling, syscall.Exec(sibling, append([]string{sibling}, os.Args[1:]...), os.Environ()))
	}
	tool, err := exec.LookPath("go")
	if _, missing := os.Stat(filepath.Join("cmd", "headroom", "main.go")); err != nil || missing != nil {
		return errors.New("this command needs the simulator, and headroom-sim is not beside this program: run make build, or start it from the sources")
	}
	arguments := append([]string{tool, "run", "-tags", "sim", "./cmd/headroom"}, os.Args[1:]...)
	return fmt.Errorf("start %s: %w", tool, syscall.Exec(tool, arguments, os.Environ()))
}

// simulated is the body of a command that needs the simulator: this build hands it to the one that has it, or runs it until it ends or is interrupted.
func simulated(run func(ctx context.Context) error) error {
	if !choice.Enabled {
		return startSibling()
	}
	ctx, stop := interruptible()
	defer stop()
	return run(ctx)
}

// findMutant refuses the name of a planted mistake that there is none of; name is where it was given.
func findMutant(name string, id mutant.ID) error {
	if _, ok := mutant.Find(id); id != "" && !ok {
		return fmt.Errorf("%s %s: there is none of that name; see headroom list", name, id)
	}
	return nil
}

// nativeOnly refuses to measure with the simulator's build: its words carry checks that would be part of every figure.
func nativeOnly() error {
	if choice.Enabled {
		return errors.New("this program was built with the simulator, whose words are slower: measure with bin/headroom (make build)")
	}
	return nil
}
