//go:build !sim && !race

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"headroom/harness/result"
)

// standIn is a program that answers as headroom does, at once: an operation takes so many ns.
const standIn = `package main

import (
	"encoding/json"
	"fmt"
	"os"
)

const costNs = COST

func main() {
	if os.Args[1] == "list" {
		fmt.Println(` + "`" + `{"designs": [{"design": "mutex", "variant": ""}], "workloads": [{"name": "fastpath", "operation": "one"}]}` + "`" + `)
		return
	}
	var spec struct{ SlowerPct float64 }
	if err := json.NewDecoder(os.Stdin).Decode(&spec); err != nil {
		os.Exit(2)
	}
	jitter := 1 + float64(os.Getpid()%16)/10000
	fmt.Printf(` + "`" + `{"sample": {"ops": 1, "wallNs": 1, "nsPerOp": %g, "casNs": 5, "opsPerSec": 1}}` + "`" + `+"\n", costNs*jitter*(1+spec.SlowerPct/100))
}
`

// checkout is a git checkout whose commits hold stand-ins of the given costs; "" does not build. Tag v1 is the first, v2 the second, and so on.
func checkout(t *testing.T, costs ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	git(t, dir, "init", "--quiet")
	write := func(path, text string) {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module headroom\n\ngo 1.26\n")
	for i, cost := range costs {
		write(filepath.Join("cmd", "headroom", "main.go"), strings.Replace(standIn, "COST", cost, 1))
		write("number", strings.Repeat("x", i))
		git(t, dir, "add", ".")
		git(t, dir, "commit", "--quiet", "--message", "a stand-in")
		git(t, dir, "tag", "v"+string(rune('1'+i)))
	}
	return dir
}

func git(t *testing.T, dir string, arguments ...string) string {
	t.Helper()
	c := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false"}, arguments...)...)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(arguments, " "), err, out)
	}
	return string(out)
}

// few keeps a comparison short: one cell and its control.
var few = []string{"--quick", "--cpus", "1", "--workload", "fastpath", "--design", "mutex"}

// noneLeft checks that nothing is left in the folder for temporary files, nor in the checkout and git's own folder.
func noneLeft(t *testing.T, temporary, dir string) {
	t.Helper()
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("left behind are %v, %v", left, err)
	}
	if s := git(t, dir, "status", "--porcelain"); s != "" {
		t.Errorf("the checkout is changed: %s", s)
	}
	if s := git(t, dir, "worktree", "list"); strings.Count(s, "\n") != 1 {
		t.Errorf("there are worktrees left: %s", s)
	}
}

// Two revisions are built and measured: a slower second is a regression, the same twice no difference. Cells that only one has are listed, and both
// results are kept in the usual form.
func TestABFindsTheSlowerRevision(t *testing.T) {
	dir, temporary, kept := checkout(t, "20", "22"), t.TempDir(), filepath.Join(t.TempDir(), "kept")
	t.Setenv("TMPDIR", temporary)
	e := headroom(t, dir, append([]string{"ab", "v1", "v2", "--out", kept}, few...)...)
	if e.status != exitFound || !strings.Contains(e.stdout, "REGRESSION\n") || !strings.Contains(e.stdout, "\nregression: v2 (") {
		t.Errorf("a slower revision: status %d: %s%s", e.status, e.stdout, e.stderr)
	}
	for k, cost := range []float64{20, 22} {
		folder := filepath.Join(kept, sideFolders[k])
		env, run, err := result.Read(folder)
		if err != nil {
			t.Fatal(err)
		}
		hash := strings.TrimSpace(git(t, dir, "rev-parse", "--short=10", "v"+string(rune('1'+k))))
		if ns := run.Cells[0].Kept[0].NsPerOp; ns < cost || ns > cost*1.01 || env.Get(result.KeyCommit) != hash || run.Control.Cell == "" {
			t.Errorf("%s holds %g ns of %s, want %g of %s; control %+v", folder, ns, env.Get(result.KeyCommit), cost, hash, run.Control)
		}
		if _, err := os.Stat(filepath.Join(folder, result.ReportFile)); err != nil {
			t.Error(err)
		}
	}
	same := headroom(t, dir, append([]string{"ab", "v2", ".", "--json", "--workload", "window"}, few...)...)
	var d struct {
		Cells   []struct{ Verdict string }
		Missing []struct{ Cell, Reason string }
	}
	if err := json.Unmarshal([]byte(same.stdout), &d); err != nil || same.status != 0 {
		t.Fatalf("the same twice: status %d, %v: %s%s", same.status, err, same.stdout, same.stderr)
	}
	if len(d.Cells) != 1 || d.Cells[0].Verdict != "no difference" || len(d.Missing) != 1 || d.Missing[0].Reason != "it has no workload window" {
		t.Errorf("the same twice: %s", same.stdout)
	}
	noneLeft(t, temporary, dir)
}

// Git bisect finds the commit that made it slow, past one that does not build, and the checkout is where git left it.
func TestABAnswersGitBisect(t *testing.T) {
	dir, temporary := checkout(t, "20", "", "30", "30"), t.TempDir()
	t.Setenv("TMPDIR", temporary)
	git(t, dir, "bisect", "start", "v4", "v1")
	run := append([]string{"bisect", "run", filepath.Join(programs, "headroom"), "ab", "v1", "HEAD"}, few...)
	out, err := exec.Command("git", append([]string{"-C", dir}, run...)...).CombinedOutput() // it fails: two commits are left that may be the first
	if _, failed := err.(*exec.ExitError); err != nil && !failed {
		t.Fatal(err)
	}
	log := git(t, dir, "bisect", "log")
	for _, want := range []string{"# skip: [" + hashOf(t, dir, "v2"), "# bad: [" + hashOf(t, dir, "v3")} {
		if !strings.Contains(log, want) {
			t.Errorf("the bisection says\n%s\nwant %q in\n%s", out, want, log)
		}
	}
	git(t, dir, "bisect", "reset")
	noneLeft(t, temporary, dir)
}

func hashOf(t *testing.T, dir, revision string) string {
	t.Helper()
	return strings.TrimSpace(git(t, dir, "rev-parse", revision))
}

// What is about one revision ends with 125, which git bisect skips; what is about none of them with 128, which stops it; never with 2. Either way it
// is one line, beside those of the progress.
func TestABSaysWhatIsAboutARevision(t *testing.T) {
	dir, temporary := checkout(t, "20", ""), t.TempDir()
	t.Setenv("TMPDIR", temporary)
	for _, c := range []struct {
		dir, line string
		status    int
		says      string
	}{
		{dir, "ab v1 v2", exitSkip, "cannot be built: cmd/headroom/main.go:11:6: syntax error"},
		{dir, "ab v1 v1 --workload window", exitSkip, "nothing to measure in both revisions: Window/"},
		{dir, "ab v1 nowhere", exitStop, `there is no revision "nowhere" here: give a commit, a branch, a tag, or . for the working tree`},
		{dir, "ab v1 --version", exitStop, "unknown flag: --version; see headroom ab --help"},
		{dir, "ab v1", exitStop, "headroom ab takes 2 arguments, and 1 were given; see headroom ab --help"},
		{dir, "ab v1 v2 --gate NaN", exitStop, "--gate NaN: give a percentage of at least 0"},
		{dir, "ab v1 v2 --design sixth", exitStop, `--design: no design is called "sixth"`},
		{dir, "ab v1 v2 --design mutex --workload tag-exhaust", exitSkip, "cannot be built"},
		{temporary, "ab v1 v2", exitStop, "no git checkout here to take v1 from: start this inside one"},
	} {
		e := headroom(t, c.dir, strings.Fields(c.line)...)
		lines := strings.Split(strings.TrimSpace(e.stderr), "\n")
		last := lines[len(lines)-1]
		if e.status != c.status || e.stdout != "" || !strings.HasPrefix(last, "headroom: ") || !strings.Contains(last, c.says) {
			t.Errorf("headroom %s: status %d, printed %q and %q; want %d, %q", c.line, e.status, e.stdout, e.stderr, c.status, c.says)
		}
		for _, line := range lines[:len(lines)-1] {
			if !strings.HasPrefix(line, "building ") {
				t.Errorf("headroom %s also says %q", c.line, line)
			}
		}
	}
	noneLeft(t, temporary, dir)
}

// An interrupted comparison ends with 130, which stops git bisect too, and leaves nothing.
func TestInterruptedABLeavesNothing(t *testing.T) {
	dir, temporary := checkout(t, "20"), t.TempDir()
	t.Setenv("TMPDIR", temporary)
	for _, mark := range []string{"building v1", "10 of 100 samples"} {
		e := interrupted(t, dir, mark, syscall.SIGINT, append([]string{"ab", "v1", "v1", "--out", "kept"}, few...)...)
		if e.status != exitInterrupted || !strings.HasSuffix(e.stderr, "headroom: interrupted: nothing is kept\n") || e.stdout != "" {
			t.Errorf("interrupted at %q: status %d: %s%s", mark, e.status, e.stdout, e.stderr)
		}
		noneLeft(t, temporary, dir)
	}
}
