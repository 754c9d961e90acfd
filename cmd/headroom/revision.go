package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// revision is a state of the sources.
type revision struct {
	name   string // as the user gave it
	hash   string // of its commit; "" for the working tree as it is
	folder string // top of the checkout it was found in
}

// workingTree is the name of the working tree as it is, with what is not committed.
const workingTree = "."

func (r *revision) String() string {
	if r.hash == "" {
		return "the working tree"
	}
	if strings.HasPrefix(r.hash, r.name) {
		return r.short()
	}
	return r.name + " (" + r.short() + ")"
}

// short is the commit as results have it.
func (r *revision) short() string {
	const digits = 10
	return r.hash[:min(digits, len(r.hash))]
}

// findRevision looks a revision up in the git checkout around the current folder.
func findRevision(ctx context.Context, name string) (*revision, error) {
	top, err := output(ctx, nil, "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, fmt.Errorf("no git checkout here to take %s from: start this inside one (%w)", name, err)
	}
	r := &revision{name: name, folder: top}
	if name == workingTree {
		return r, nil
	}
	if r.hash, err = output(ctx, nil, "git", "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}"); err != nil {
		return nil, fmt.Errorf("there is no revision %q here: give a commit, a branch, a tag, or %s for the working tree", name, workingTree)
	}
	return r, nil
}

// build makes the program of the revision in the folder, under the given name, and returns its path. The sources of a commit are laid out in a
// folder of their own by way of an index of their own: the checkout, its index and its list of worktrees stay as they are, in the middle of a bisection too.
func (r *revision) build(ctx context.Context, folder, name string) (program string, err error) {
	source := r.folder
	if r.hash != "" {
		source = filepath.Join(folder, name+"-source")
		index := []string{"GIT_INDEX_FILE=" + filepath.Join(folder, name+"-index")}
		for _, command := range [][]string{
			{"git", "-C", r.folder, "read-tree", r.hash},
			{"git", "-C", r.folder, "checkout-index", "--all", "--prefix=" + source + string(filepath.Separator)},
		} {
			if _, err := output(ctx, index, command...); err != nil {
				return "", fmt.Errorf("%v: lay its sources out: %w", r, err)
			}
		}
	}
	program = filepath.Join(folder, name)
	// Without paths and versions in them, equal sources give equal programs: their addresses, and with them the figures, do not differ for nothing.
	work := []string{"GOTMPDIR=" + folder} // where it goes with the rest when the build is cut short
	_, err = output(ctx, work, "go", "build", "-C", source, "-trimpath", "-buildvcs=false", "-o", program, "./cmd/headroom")
	if err != nil {
		return "", fmt.Errorf("%v cannot be built: %w", r, err)
	}
	return program, nil
}

// output runs a command to its end, or to that of ctx, and returns what it printed. The error holds the first line of its complaint.
func output(ctx context.Context, environment []string, command ...string) (string, error) {
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	var out, problem bytes.Buffer
	c.Stdout, c.Stderr, c.Env = &out, &problem, append(os.Environ(), environment...)
	// Its own children, such as a compiler, end with it.
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = time.Second
	if err := c.Run(); err != nil {
		for line := range strings.Lines(problem.String()) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") { // go build names the package on a line of its own
				return "", errors.New(line)
			}
		}
		return "", err
	}
	return strings.TrimSpace(out.String()), nil
}
