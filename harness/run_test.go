package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"headroom/harness/result"
	"headroom/harness/workload"
)

// The test program is its own sample program: started with the word sample and this variable it does what the variable says.
const (
	actVariable  = "HEADROOM_TEST_SAMPLE"
	fileVariable = "HEADROOM_TEST_FILE"
)

func TestMain(m *testing.M) {
	if act := os.Getenv(actVariable); act != "" && len(os.Args) == 2 && os.Args[1] == "sample" {
		os.Exit(actSample(act, os.Getenv(fileVariable)))
	}
	os.Exit(m.Run())
}

// actSample plays the process of a sample, and returns its exit status.
func actSample(act, file string) int {
	var spec workload.Spec
	if err := json.NewDecoder(os.Stdin).Decode(&spec); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	taken := Taken{Sample: result.Sample{Ops: 100, NsPerOp: 20 + spec.SlowerPct, CASNs: 5}, Realtime: "not here", Skipped: 3}
	if spec.CPUs > 1 {
		taken.Sample.RTTNs = [2]float64{50, 50}
	}
	switch act {
	case "good":
	case "named": // the program's own name says how much slower it is
		if filepath.Base(os.Args[0]) == "slower" {
			taken.Sample.NsPerOp *= 1.1
		}
	case "ruler": // the same name: how much quicker its compare-and-swap is
		if filepath.Base(os.Args[0]) == "slower" {
			taken.Sample.CASNs /= 1.1
		}
	case "alternate": // every other process finds its CPUs far apart: there is a file in one of two
		if os.Remove(file) != nil {
			if err := os.WriteFile(file, nil, 0o644); err != nil {
				return 2
			}
			taken.Sample.RTTNs = [2]float64{330, 330}
		}
	case "fussy": // two CPUs are too many from the fourth sample of them on: the file grows by a byte with each
		before, err := os.ReadFile(file)
		if spec.CPUs == 2 && len(before) == 3 {
			fmt.Fprintln(os.Stderr, "headroom: the sample broke\n\ngoroutine 1 [running]:")
			return 2
		}
		if spec.CPUs == 2 && (os.WriteFile(file, append(before, 'x'), 0o644) != nil || err != nil && len(before) > 0) {
			return 2
		}
	case "junk":
		fmt.Println("all is well")
		return 0
	case "complain":
		fmt.Fprintln(os.Stderr, "headroom: the sample broke")
		return 2
	case "die":
		return 3
	case "block": // say so through the pipe, and wait to be killed
		pipe, err := os.OpenFile(file, os.O_WRONLY, 0)
		if err != nil {
			return 2
		}
		_, _ = pipe.Write([]byte("x"))
		never, end, err := os.Pipe()
		if err != nil {
			return 2
		}
		defer end.Close()
		_, _ = never.Read(make([]byte, 1))
	}
	if json.NewEncoder(os.Stdout).Encode(taken) != nil {
		return 2
	}
	return 0
}

// waitForKill returns never: no signal that the process handles is sent to it.
func waitForKill() {
	for {
		_ = syscall.Pause()
	}
}

// tally is a Reporter that notes what it is told, and calls at before the sample of that number, from 1.
type tally struct {
	samples int
	cells   []string
	warned  []string
	done    int
	at      int
	call    func()
}

func (y *tally) Start(samples int) { y.samples = samples }

func (y *tally) Step(cell string) {
	y.cells = append(y.cells, cell)
	if len(y.cells) == y.at {
		y.call()
	}
}

func (y *tally) Warn(text string) { y.warned = append(y.warned, text) }

func (y *tally) Done() { y.done++ }

// acting makes a runner whose sample program acts as told.
func acting(t *testing.T, act string, seed uint64) (*Runner, *tally) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(actVariable, act)
	t.Setenv("GORACE", "atexit_sleep_ms=0") // the race detector holds up every process for a second at its end
	progress := &tally{}
	return &Runner{Program: program, Seed: seed, Progress: progress}, progress
}

// twoCells plans two cells, on one CPU and on two.
func twoCells(samples, most int) Plan {
	spec := workload.Spec{Workload: workload.Fastpath, Design: "mutex", CPUs: 1, DurationNs: 1}
	two := spec
	two.CPUs = 2
	return Plan{Cells: []workload.Spec{spec, two}, Samples: samples, Most: most}
}

// A run takes every cell as often as planned, interleaved, in an order that is a function of the seed, and keeps what each process printed.
func TestRunInterleavesCellsInSeededOrder(t *testing.T) {
	var orders [][]string
	for _, seed := range []uint64{7, 7, 8} {
		runner, progress := acting(t, "good", seed)
		run, err := runner.Run(context.Background(), twoCells(6, 12))
		if err != nil {
			t.Fatal(err)
		}
		orders = append(orders, progress.cells)
		if progress.samples != 12 || len(progress.cells) != 12 || progress.done != 1 || run.Interrupted {
			t.Errorf("told of %d samples, then %d times, done %d times; interrupted: %v", progress.samples, len(progress.cells), progress.done, run.Interrupted)
		}
		for i := range run.Cells {
			c := &run.Cells[i]
			if len(c.Kept) != 6 || c.Kept[0].NsPerOp != 20 || len(c.Warnings) != 0 {
				t.Errorf("%s: %d samples kept, warnings %q", c.Name(), len(c.Kept), c.Warnings)
			}
		}
		for i := 0; i < len(progress.cells); i += 2 {
			if progress.cells[i] == progress.cells[i+1] {
				t.Errorf("a round takes %s twice", progress.cells[i])
			}
		}
		if len(run.Warnings) != 1 || !strings.HasPrefix(run.Warnings[0], "3 recorded page lifetimes") {
			t.Errorf("the run says %q", run.Warnings)
		}
	}
	if !slices.Equal(orders[0], orders[1]) || slices.Equal(orders[0], orders[2]) {
		t.Errorf("seed 7 gives %v and %v, seed 8 %v", orders[0], orders[1], orders[2])
	}
}

// When the CPUs' distance flips between samples, a run goes on until it has six of one class of every cell, and no longer.
func TestRunSamplesOnUntilOneClassHasEnough(t *testing.T) {
	runner, progress := acting(t, "alternate", 1)
	t.Setenv(fileVariable, filepath.Join(t.TempDir(), "far"))
	plan := twoCells(6, 20)
	plan.Cells = plan.Cells[1:]
	run, err := runner.Run(context.Background(), plan)
	if err != nil {
		t.Fatal(err)
	}
	c := &run.Cells[0]
	if len(c.Kept) != minSamples || len(progress.cells) < 11 || len(progress.cells) > 12 || len(c.Kept)+len(c.Dropped) != len(progress.cells) {
		t.Errorf("%d samples were taken, %d kept, %d dropped", len(progress.cells), len(c.Kept), len(c.Dropped))
	}
	plan.Most = 8
	runner, progress = acting(t, "alternate", 1)
	if run, err = runner.Run(context.Background(), plan); err != nil || len(progress.cells) != 8 {
		t.Fatalf("of at most 8 samples %d were taken, %v", len(progress.cells), err)
	}
	if w := run.Cells[0].Warnings; len(w) != 1 || w[0] != "not comparable: 4 samples of at least 6" {
		t.Errorf("a cell with four samples of its class is warned of with %q", w)
	}
}

// An interruption between two samples keeps those that are complete, and the run says that it was interrupted.
func TestInterruptionKeepsCompletedSamples(t *testing.T) {
	for _, at := range []int{1, 2, 6, 12} {
		runner, progress := acting(t, "good", 1)
		ctx, cancel := context.WithCancel(context.Background())
		progress.at, progress.call = at, cancel
		run, err := runner.Run(ctx, twoCells(6, 6))
		if err != nil {
			t.Fatal(err)
		}
		kept := len(run.Cells[0].Kept) + len(run.Cells[1].Kept)
		if !run.Interrupted || kept != at-1 || len(progress.cells) != at || progress.done != 1 {
			t.Errorf("interrupted before sample %d: marked %v, %d kept, told of %d, done %d times", at, run.Interrupted, kept, len(progress.cells), progress.done)
		}
		if !slices.Contains(run.Warnings, "the run was interrupted: it holds the samples completed until then") {
			t.Errorf("the run says %q", run.Warnings)
		}
	}
}

// An interruption in the middle of a sample ends its process, and the sample does not count.
func TestInterruptionEndsTheSampleUnderWay(t *testing.T) {
	runner, progress := acting(t, "block", 1)
	file := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(file, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(fileVariable, file)
	pipe, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	ctx, cancel := context.WithCancel(context.Background())
	started := make(chan error)
	go func() {
		_, err := io.ReadFull(pipe, make([]byte, 1)) // the sample's process has said that it waits
		cancel()
		started <- err
	}()
	run, err := runner.Run(ctx, twoCells(6, 6))
	if readErr := <-started; err != nil || readErr != nil {
		t.Fatal(err, readErr)
	}
	if !run.Interrupted || len(run.Cells[0].Kept)+len(run.Cells[1].Kept) != 0 || len(progress.cells) != 1 {
		t.Errorf("interrupted in sample 1: marked %v, told of %v, cells %+v", run.Interrupted, progress.cells, run.Cells)
	}
}

// A sample that fails costs its cell, and the run nothing else: what was taken of the cell before is set aside, and both the cell and the run say so.
func TestFailingSampleCostsItsCellOnly(t *testing.T) {
	runner, progress := acting(t, "fussy", 1)
	t.Setenv(fileVariable, filepath.Join(t.TempDir(), "count"))
	run, err := runner.Run(context.Background(), twoCells(8, 12))
	if err != nil {
		t.Fatal(err)
	}
	const broken = "Fastpath/design=mutex/cpus=2"
	whole, lost := &run.Cells[0], &run.Cells[1]
	if len(whole.Kept) != 8 || len(lost.Kept) != 0 || len(lost.Dropped) != 3 || len(progress.cells) != 8+4 || run.Interrupted || progress.done != 1 {
		t.Errorf("%d and %d samples kept, %d set aside of %q", len(whole.Kept), len(lost.Kept), len(lost.Dropped), progress.cells)
	}
	for _, s := range lost.Dropped {
		if s.Dropped != "a sample of this cell failed in round 4" {
			t.Errorf("set aside since %q", s.Dropped)
		}
	}
	want := []string{"not comparable: a sample failed in round 4: headroom: the sample broke"}
	if len(run.Cells[0].Warnings) != 0 || !slices.Equal(run.Cells[1].Warnings, want) {
		t.Errorf("the cells are warned of with %q and %q", run.Cells[0].Warnings, run.Cells[1].Warnings)
	}
	if failed := Failed(run); !slices.Equal(failed, []string{broken}) {
		t.Errorf("given up are %q", failed)
	}
	if says := broken + " was given up: its sample failed in round 4: headroom: the sample broke"; !slices.Contains(run.Warnings, says) {
		t.Errorf("the run says %q", run.Warnings)
	}
	if says := broken + " is given up: its sample failed in round 4: headroom: the sample broke"; !slices.Equal(progress.warned, []string{says}) {
		t.Errorf("told on the way is %q", progress.warned)
	}
}

// When no sample is completed and one failed, the run is an error that names the cell and says what the process said.
func TestFailingSampleNamesItsCell(t *testing.T) {
	const cell = "Fastpath/design=mutex/cpus=1: "
	for act, says := range map[string]string{
		"complain": cell + "headroom: the sample broke",
		"die":      cell + "exit status 3",
		"junk":     cell + "what the sample printed: invalid character 'a' looking for beginning of value",
	} {
		runner, progress := acting(t, act, 1)
		plan := twoCells(6, 6)
		plan.Cells = plan.Cells[:1]
		run, err := runner.Run(context.Background(), plan)
		if err == nil || err.Error() != says || run != nil || progress.done != 1 {
			t.Errorf("%s: %v, want %s", act, err, says)
		}
	}
	runner, _ := acting(t, "good", 1)
	runner.Program = filepath.Join(t.TempDir(), "none")
	if _, err := runner.Run(context.Background(), twoCells(1, 1)); err == nil || !strings.HasPrefix(err.Error(), "Fastpath/design=mutex/cpus=") {
		t.Errorf("a program that is not there: %v", err)
	}
}

// A Taken is the same after a trip through the pipe between the processes.
func TestTakenSurvivesThePipe(t *testing.T) {
	want := Taken{Sample: result.Sample{Ops: 1 << 40, WallNs: 1.5, NsPerOp: 2.25, RTTNs: [2]float64{50, 330.5}, PerCPU: []int64{1, 2},
		Counters: map[string]float64{"waits": 7}}, Realtime: "operation not permitted", Skipped: 9}
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Taken
	if err := json.Unmarshal(data, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v becomes %+v, %v", want, got, err)
	}
}

// When the time is up, a run takes no sample beyond the fewest, and none for the sake of a distance class.
func TestRunEndsWhenTheTimeIsUp(t *testing.T) {
	runner, progress := acting(t, "good", 1)
	plan := twoCells(10, 12)
	plan.LimitNs = 1
	run, err := runner.Run(context.Background(), plan)
	if err != nil {
		t.Fatal(err)
	}
	if len(progress.cells) != 2*minSamples || len(run.Cells[0].Kept) != minSamples || run.Interrupted {
		t.Errorf("%d samples were taken, %d kept", len(progress.cells), len(run.Cells[0].Kept))
	}
	runner, progress = acting(t, "alternate", 1)
	t.Setenv(fileVariable, filepath.Join(t.TempDir(), "far"))
	if _, err := runner.Run(context.Background(), plan); err != nil || len(progress.cells) != 2*minSamples {
		t.Errorf("%d samples were taken, %v", len(progress.cells), err)
	}
}
