package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// patience is what a fuzzer gets to end after it was told to; go-fuzz takes two seconds.
const patience = 8 * time.Second

// process is a program in a process group of its own, whose lines are read as they come.
type process struct {
	args []string
	dir  string            // where it runs; "" is here
	log  string            // the file that gets all it says
	line func(line string) // told of each line; may be nil
	temp string            // where it may put temporary files
}

// run runs the process to its end; when ctx ends it is interrupted, and nothing of its group is left. It returns the exit status.
func (p process) run(ctx context.Context) (status int, err error) {
	for _, dir := range []string{filepath.Dir(p.log), p.temp} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return 0, err
		}
	}
	file, err := os.Create(p.log)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	temp, err := filepath.Abs(p.temp)
	if err != nil {
		return 0, err
	}
	lines := &lineReader{file: file, line: p.line}
	cmd := exec.CommandContext(ctx, p.args[0], p.args[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.dir, lines, lines
	cmd.Env = append(os.Environ(), "TMPDIR="+temp)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = patience
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("start %s: %w", p.args[0], err)
	}
	err = cmd.Wait()
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // ordinarily nobody is left
	lines.end()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return exit.ExitCode(), nil
	case ctx.Err() != nil:
		return 0, nil
	}
	return 0, err
}

// lineReader keeps what is written to it, and passes whole lines on.
type lineReader struct {
	file *os.File
	line func(string)
	rest []byte
}

func (r *lineReader) Write(b []byte) (int, error) {
	r.rest = append(r.rest, b...)
	for r.line != nil {
		line, rest, whole := bytes.Cut(r.rest, []byte("\n"))
		if !whole {
			break
		}
		r.line(string(line))
		r.rest = rest
	}
	return r.file.Write(b)
}

// end passes on what was left without the end of a line.
func (r *lineReader) end() {
	if r.line != nil && len(r.rest) > 0 {
		r.line(string(r.rest))
	}
}
