package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"headroom/kernel/choice"
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

// nativeOnly refuses to measure with the simulator's build: its words carry checks that would be part of every figure.
func nativeOnly() error {
	if choice.Enabled {
		return errors.New("this program was built with the simulator, whose words are slower: measure with bin/headroom (make build)")
	}
	return nil
}
