//go:build !sim && !race

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// programs is the folder that the two builds of this program are in while the tests run.
var programs string

// TestMain builds the program in both forms, as make build does. These tests run what users run.
func TestMain(m *testing.M) {
	os.Exit(withPrograms(m.Run))
}

func withPrograms(run func() int) int {
	dir, err := os.MkdirTemp("", "headroom-programs")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	defer os.RemoveAll(dir)
	for _, arguments := range [][]string{
		{"build", "-o", filepath.Join(dir, "headroom"), "."},
		{"build", "-tags", "sim", "-o", filepath.Join(dir, "headroom-sim"), "."},
	} {
		if out, err := exec.Command("go", arguments...).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go %s: %v\n%s", strings.Join(arguments, " "), err, out)
			return 2
		}
	}
	programs = dir
	return run()
}

// ended is how a run of the program ended.
type ended struct {
	status         int
	stdout, stderr string
}

// start makes a command that runs the program in the given folder.
func start(dir string, arguments ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(programs, "headroom"), arguments...)
	c.Dir = dir
	return c
}

// headroom runs the program to its end.
func headroom(t *testing.T, dir string, arguments ...string) ended {
	t.Helper()
	var out, problem bytes.Buffer
	c := start(dir, arguments...)
	c.Stdout, c.Stderr = &out, &problem
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return ended{c.ProcessState.ExitCode(), out.String(), problem.String()}
}

// files lists what is in a folder, by relative path.
func files(t *testing.T, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			path, err = filepath.Rel(dir, path)
			list = append(list, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// List names what there is, for people and for programs.
func TestListNamesDesignsWorkloadsAndMutants(t *testing.T) {
	e := headroom(t, t.TempDir(), "list", "--json")
	var l struct {
		Designs []struct {
			Design, Variant, Summary string
			Lacks                    map[string]string
		}
		Workloads []struct{ Name string }
		Mutants   []struct{ ID, Host, Story string }
	}
	if err := json.Unmarshal([]byte(e.stdout), &l); err != nil || e.status != 0 || e.stderr != "" {
		t.Fatalf("status %d, %v: %s", e.status, err, e.stderr)
	}
	text := headroom(t, t.TempDir(), "list").stdout
	found := map[string]bool{}
	for _, d := range l.Designs {
		found[d.Design+":"+d.Variant] = true
		if d.Summary == "" || !strings.Contains(text, d.Summary) {
			t.Errorf("%s:%s has the summary %q, which the table lacks", d.Design, d.Variant, d.Summary)
		}
	}
	for _, w := range l.Workloads {
		found[w.Name] = true
	}
	for _, m := range l.Mutants {
		found[m.ID] = m.Host != "" && strings.Contains(text, m.Story)
	}
	for _, want := range []string{"percpu_tags:lock", "mutex:", "fastpath", "window", "bulk-keep", "cross-cpu", "start-storm", "tag-exhaust", "exhaust-recover", "bio-inflight", "irq-alloc-fails", "hotplug", "phase-shift", "preempted-holder", "false-share", "trace", "PT-03", "KT-01"} {
		if !found[want] {
			t.Errorf("%s is missing in %s", want, e.stdout)
		}
	}
}

// Env measures the machine's compare-and-swap and names its processors.
func TestEnvMeasuresTheMachine(t *testing.T) {
	e := headroom(t, t.TempDir(), "env", "--json")
	var env struct {
		CASNs       float64 `json:"cas_ns"`
		LoopNs      float64 `json:"loop_ns"`
		Environment []struct{ Key, Value string }
		Topology    struct{ CPUs []struct{ ID int } }
	}
	if err := json.Unmarshal([]byte(e.stdout), &env); err != nil || e.status != 0 {
		t.Fatalf("status %d, %v: %s%s", e.status, err, e.stdout, e.stderr)
	}
	if env.CASNs <= 0 || env.LoopNs <= 0 || len(env.Environment) == 0 || len(env.Topology.CPUs) == 0 {
		t.Errorf("the machine is %+v", env)
	}
	if text := headroom(t, t.TempDir(), "env"); text.status != 0 || !strings.Contains(text.stdout, "\ncas  ") {
		t.Errorf("status %d: %s", text.status, text.stdout)
	}
}

// What cannot be used ends with status 2 and one line that says what to do, and leaves nothing behind.
func TestUnusableInputIsOneLine(t *testing.T) {
	dir := t.TempDir()
	notes := filepath.Join(dir, "README.md")
	if err := os.WriteFile(notes, []byte("# Notes\n\nNo recording.\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ line, says string }{
		{"lsit", `unknown command "lsit"; see headroom --help`},
		{"--lsit", "unknown flag: --lsit; see headroom --help"},
		{"list all", "headroom list takes 0 arguments, and 1 were given; see headroom list --help"},
		{"bench --fast", "unknown flag: --fast; see headroom bench --help"},
		{"bench --pace -1", "--pace -1: give 0 for flat out, or 0.001 to 1e+06 times the recorded speed"},
		{"bench --cpus 0", "--cpus 0: this process may use "},
		{"bench --cpus 100000", "or widen the affinity mask"},
		{"bench --pace NaN", "--pace NaN: give 0 for flat out"},
		{"bench --plant-slower -1", "--plant-slower -1: give 0 to 1000 per cent"},
		{"bench --workload trace", "--workload trace needs a recording: name it with --trace FILE"},
		{"bench --out .", "--out .: the folder holds something else than a result: name an empty or a new one"},
		{"bench --touch 63", "--touch 63: give 0, or a multiple of 64 bytes"},
		{"bench --workload none", `--workload: unknown workload "none": there are [fastpath window bulk-keep cross-cpu start-storm tag-exhaust exhaust-recover bio-inflight irq-alloc-fails hotplug phase-shift preempted-holder false-share trace stacked-pools swap-squeeze reserve-cancel rcu-flood resize-waiters blkcg-first-io]`},
		{"bench --placement middle", `--placement: no placement is called "middle"; there are smt-last, compact, scatter, one-node`},
		{"bench --latency often", `--latency "often": give every, sampled, off`},
		{"bench --workload bulk-keep --keep 8", "bulk-keep of 8 items in bulks of 16: give a bulk of 1 to as many as are kept"},
		{"bench --workload irq-alloc-fails --fail-every 1", "irq-alloc-fails with every allocation numbered 1 failing: give 2 to 1073741824"},
		{"bench --workload bio-inflight --rate 1e9", "bio-inflight at 1e+09 requests a second: give 1 to 5e+07"},
		{"bench --workload bio-inflight --arrival never", `bio-inflight with arrivals "never": give poisson or fixed`},
		{"bench --design sixth", `--design: no design is called "sixth"; there are percpu_tags`},
		{"bench --design mutex --workload tag-exhaust", "nothing to measure: no design named can run a workload named; see headroom list"},
		{"bench --trace README.md", "README.md"},
		{"bench --trace none", "none"},
		{"explore", "--design is missing: name one, such as percpu_tags; see headroom list"},
		{"explore --design mutex", "mutex uses Go's own primitives, which the simulator cannot see: explore designs built on kernel words"},
		{"explore --design percpu_tags --variant none", `design percpu_tags has no variant "none"; there is percpu_tags:lock`},
		{"explore --design percpu_tags --mutant XX-99", "--mutant XX-99: there is none of that name; see headroom list"},
		{"explore --design percpu_tags --seconds -1", "--seconds -1 --executions 0 --programs 0: a budget cannot be negative"},
		{"explore --design percpu_tags --memory psc", "--memory: memory \"psc\": the models are sc, tso and weak"},
		{"explore --design percpu_tags --memory tso --vary", "--vary draws the model: give one of them"},
		{"explore --design percpu_tags --seed many", "see headroom explore --help"},
		{"explore --design percpu_tags --out README.md/x", "not a directory: give a folder for replay files"},
		{"explore --design percpu_tags --strategy pct --preemptions 9", "--strategy: pct with 9 changes of priority: give 1 to 8"},
		{"explore --design percpu_tags --strategy pct --preemptions 0", "--strategy: pct with 0 changes of priority: give 1 to 8"},
		{"soak --out README.md", "--out README.md: README.md is no folder"},
		{"explore --bench --design percpu_tags", "--bench: leave --design out: what goes with it is --seconds"},
		{"explore --bench --seconds -1", "a budget cannot be negative"},
		{"explore --bench --seconds NaN", "a budget cannot be negative"},
		{"explore --design percpu_tags --seconds NaN", "a budget cannot be negative"},
		{"replay", "headroom replay takes 1 arguments, and 0 were given; see headroom replay --help"},
		{"replay none", "give the path of a file that headroom explore wrote"},
		{"replay README.md", "README.md:1: not a replay file: the first line must be "},
		{"compare none none", "none"},
		{"report", "headroom report takes 1 arguments, and 0 were given; see headroom report --help"},
		{"report none", "none: no such run folder; give a folder that has env.txt, raw.txt and cells.json"},
		{"report .", "env.txt: missing"},
	} {
		e := headroom(t, dir, strings.Fields(c.line)...)
		if e.status != exitUnusable || e.stdout != "" || strings.Count(e.stderr, "\n") != 1 || !strings.HasPrefix(e.stderr, "headroom: ") || !strings.Contains(e.stderr, c.says) {
			t.Errorf("headroom %s: status %d, printed %q and %q; want %q", c.line, e.status, e.stdout, e.stderr, c.says)
		}
	}
	if left := files(t, dir); len(left) != 1 {
		t.Errorf("left behind are %v", left)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind are %v, %v", entries, err)
	}
}

// Without the build that has the simulator the program says how to get it.
func TestExploreWithoutTheSimulatorSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	alone, err := os.ReadFile(filepath.Join(programs, "headroom"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "headroom"), alone, 0o755); err != nil {
		t.Fatal(err)
	}
	var problem bytes.Buffer
	c := exec.Command(filepath.Join(dir, "headroom"), "explore", "--design", "percpu_tags")
	c.Dir, c.Stderr = dir, &problem
	err = c.Run()
	const says = "headroom: this command needs the simulator, and headroom-sim is not beside this program: run make build, or start it from the sources\n"
	if c.ProcessState.ExitCode() != exitUnusable || problem.String() != says {
		t.Errorf("%v: %s", err, problem.String())
	}
}
