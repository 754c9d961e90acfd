package main

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"headroom/fuzz/corpus"
	"headroom/fuzz/target"
)

// The folders of a target: Go's fuzzer runs in the first and leaves failures there, and keeps its inputs in the second; go-fuzz has the third.
func (c *campaign) nativeDir(t target.Target) string { return filepath.Join(c.dir, "native", t.Name) }
func (c *campaign) nativeInputs(t target.Target) string {
	return filepath.Join(c.dir, "native-corpus", t.Function)
}
func (c *campaign) goFuzzDir(t target.Target) string {
	return filepath.Join(c.dir, "go-fuzz-work", t.Name)
}

// native runs a target under Go's fuzzer. It starts with the kept corpus, which the target adds itself, with its own earlier inputs, and with go-fuzz's.
func (c *campaign) native(ctx context.Context, s *session) error {
	dir, failures := c.nativeDir(s.target), filepath.Join(c.nativeDir(s.target), "testdata")
	if err := os.RemoveAll(failures); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := convert(filepath.Join(c.goFuzzDir(s.target), "corpus"), c.nativeInputs(s.target), func(data []byte) ([]byte, error) { return corpus.Native(data), nil }); err != nil {
		return err
	}
	binary, err := filepath.Abs(c.testBinary())
	if err != nil {
		return err
	}
	cache, err := filepath.Abs(filepath.Dir(c.nativeInputs(s.target)))
	if err != nil {
		return err
	}
	crash, late := "", false
	p := process{dir: dir, log: c.log(s), temp: c.temp(), line: func(line string) {
		s.nativeLine(line, time.Now())
		if _, says, ok := strings.Cut(line, "panic: "); ok && crash == "" {
			crash = says
		}
		late = late || strings.TrimSpace(line) == endOfTime
	}}
	p.args = []string{binary, "-test.run=^$", "-test.fuzz=^" + s.target.Function + "$", "-test.fuzzcachedir=" + cache,
		"-test.fuzztime=" + c.each.String(), "-test.fuzzminimizetime=1x", "-test.parallel=" + c.procsFlag()}
	defer c.sweep()
	status, err := p.run(ctx)
	if err != nil || status == 0 || ctx.Err() != nil {
		return err
	}
	inputs, err := read(filepath.Join(failures, "fuzz", s.target.Function))
	if err != nil {
		return err
	}
	for _, input := range inputs {
		data, err := corpus.Raw(input.Data)
		if err != nil {
			return err
		}
		s.findings = append(s.findings, finding{data: data, says: crash})
	}
	if len(inputs) > 0 || late && crash == "" {
		return nil
	}
	return c.failingSeed(s, crash)
}

// endOfTime is what Go's fuzzer says when it takes the end of its own time for a failure of the target, as it does on a busy machine.
const endOfTime = "context deadline exceeded"

// failingSeed finds the inputs of the kept corpus that fail: of those Go's fuzzer leaves no file.
func (c *campaign) failingSeed(s *session, crash string) error {
	files, err := corpus.Files(s.target.Name)
	if err != nil {
		return err
	}
	for _, f := range files {
		if says := panics(s.target.Run, f.Data); says != "" {
			s.findings = append(s.findings, finding{data: f.Data, says: says})
		}
	}
	if len(s.findings) == 0 {
		return fmt.Errorf("%w: %s says %q; see %s", errNoInput, s.engine, crash, c.log(s))
	}
	return nil
}

// startTime is the most that go-fuzz may take until it counts executions; ordinarily six seconds.
const startTime = 60 * time.Second

// goFuzz runs a target under go-fuzz, for the campaign's time from its first report on. A canary ends with the first finding.
func (c *campaign) goFuzz(ctx context.Context, s *session) error {
	if err := c.prepare(s.target); err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, startTime+c.each)
	defer stop()
	p := process{log: c.log(s), temp: c.temp(), line: func(line string) {
		now := time.Now()
		s.goFuzzLine(line, now)
		if !s.first.at.IsZero() && now.Sub(s.first.at) >= c.each {
			stop()
		}
		if inputs, err := crashers(c.goFuzzDir(s.target), false); err == nil && s.target.Canary && len(inputs) > 0 {
			stop()
		}
	}}
	p.args = append(c.goFuzzArgs(s.target), "-workdir="+c.goFuzzDir(s.target), "-procs="+c.procsFlag())
	defer c.sweep()
	status, err := p.run(ctx)
	if err == nil && status != 0 && ctx.Err() == nil {
		err = fmt.Errorf("go-fuzz ended with status %d: see %s", status, c.log(s))
	}
	if err == nil {
		s.findings, err = crashers(c.goFuzzDir(s.target), true)
	}
	return err
}

// goFuzzArgs are what every go-fuzz with the target's function is started with. Its search for comparisons is of no use where data is a schedule.
func (c *campaign) goFuzzArgs(t target.Target) []string {
	return []string{c.goFuzzBinary(), "-bin=" + c.archive(), "-func=" + t.Function, "-minimize=1s", fmt.Sprintf("-sonar=%v", !t.Simulated)}
}

// prepare puts the kept corpus and the inputs of Go's fuzzer into go-fuzz's folder, and takes out what earlier sessions found.
func (c *campaign) prepare(t target.Target) error {
	for _, sub := range []string{"crashers", "suppressions"} {
		if err := os.RemoveAll(filepath.Join(c.goFuzzDir(t), sub)); err != nil {
			return err
		}
	}
	to := filepath.Join(c.goFuzzDir(t), "corpus")
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	files, err := corpus.Files(t.Name)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(to, inputName(f.Data)), f.Data, 0o644); err != nil {
			return err
		}
	}
	return convert(c.nativeInputs(t), to, corpus.Raw)
}

// crashers are go-fuzz's findings. Once it has ended, an input without its words counts as well: it was interrupted while it wrote them.
func crashers(dir string, ended bool) ([]finding, error) {
	files, err := read(filepath.Join(dir, "crashers"))
	var list []finding
	for _, f := range files {
		if strings.Contains(f.Name, ".") {
			continue // the words beside an input
		}
		says, err := os.ReadFile(filepath.Join(dir, "crashers", f.Name+".output"))
		if errors.Is(err, fs.ErrNotExist) && !ended {
			continue // go-fuzz has not written it yet
		}
		if errors.Is(err, fs.ErrNotExist) {
			says, err = []byte("go-fuzz ended before it said why"), nil
		}
		if err != nil {
			return nil, err
		}
		line, _, _ := strings.Cut(strings.TrimPrefix(string(says), "panic: "), "\n")
		list = append(list, finding{data: f.Data, says: line})
	}
	return list, err
}

// read reads the files of a folder, none when it is not there.
func read(dir string) ([]corpus.File, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var list []corpus.File
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		list = append(list, corpus.File{Name: e.Name(), Data: data})
	}
	return list, nil
}

// convert puts the inputs of one folder into another, in the other's form and under names of their own.
func convert(from, to string, form func([]byte) ([]byte, error)) error {
	files, err := read(from)
	if err != nil || len(files) == 0 {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, f := range files {
		data, err := form(f.Data)
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Join(from, f.Name), err)
		}
		if err := os.WriteFile(filepath.Join(to, inputName(data)), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// inputName names a file by its content, as go-fuzz does: inputs of such names it takes for its own and does not try to make smaller.
func inputName(data []byte) string {
	sum := sha1.Sum(data)
	return hex.EncodeToString(sum[:])
}
