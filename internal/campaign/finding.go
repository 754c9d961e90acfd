package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"headroom/fuzz"
	"headroom/fuzz/target"
)

// finding is an input that fails.
type finding struct {
	data []byte
	says string // what the target panicked with
}

// artifacts is where findings are kept.
var artifacts = filepath.Join("build", "fuzz", "artifacts")

// print keeps the finding and prints the line about it.
func (f finding) print(s *session) error {
	path, err := keep(artifacts, s.target.Name, f.data)
	if err == nil {
		fmt.Printf("found: %s by %s: %s; repeat: %s\n", path, s.engine, strings.TrimSpace(f.says), repeatCommand(path))
	}
	return err
}

func repeatCommand(path string) string { return "go run -tags sim ./internal/campaign repeat " + path }

// keep writes an input under the name of its target and a digest.
func keep(dir, name string, data []byte) (path string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	path = filepath.Join(dir, name+"-"+hex.EncodeToString(sum[:6]))
	return path, os.WriteFile(path, data, 0o644)
}

// panics runs a target and returns what it panics with, in one line; "" if it does not.
func panics(run func([]byte) int, data []byte) (says string) {
	defer func() {
		if r := recover(); r != nil {
			says = strings.ReplaceAll(fmt.Sprint(r), "\n", " ")
		}
	}()
	run(data)
	return ""
}

// repeat runs the target that a kept file is named for on the file. Of a program that fails it leaves a replay file as well.
func repeat(path string) error {
	name, _, _ := strings.Cut(filepath.Base(path), "-")
	t, ok := target.Find(name)
	if !ok {
		return fmt.Errorf("%s: no target is called %q: the name of the file must begin with that of a target and a hyphen", path, name)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	says := panics(t.Run, data)
	if says == "" {
		fmt.Printf("%s: %s does not fail\n", path, t.Function)
		return nil
	}
	fmt.Printf("%s: %s fails: %s\n", path, t.Function, says)
	if name == "program" {
		if err := leaveReplay(path, data); err != nil {
			return err
		}
	}
	return errFound
}

// leaveReplay makes the failure of a program as small as it goes and keeps it beside the file.
func leaveReplay(path string, data []byte) error {
	v, failure, err := target.Failure(data)
	if errors.Is(err, fuzz.ErrLocks) {
		return nil // all executions together show it, so there is no one run to keep
	}
	if err != nil || failure == nil {
		return err
	}
	shrinker := &fuzz.Shrinker{Variant: v, Stop: func() bool { return false }}
	small, _, err := shrinker.Run(failure)
	if err != nil {
		return err
	}
	to := path + ".replay"
	if err := os.WriteFile(to, []byte(small.String()), 0o644); err != nil {
		return err
	}
	fmt.Printf("the smallest run that fails so: bin/headroom replay %s\n", to)
	return nil
}
