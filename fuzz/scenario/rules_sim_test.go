//go:build sim

package scenario

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"headroom/fuzz/lockdep"
)

// search runs a scenario for so many executions at most.
func search(t *testing.T, f *File, seed uint64, executions int, withoutCompletions bool) *Found {
	t.Helper()
	s := &Search{File: f, Seed: seed, Executions: executions, WithoutCompletions: withoutCompletions, Stop: func() bool { return false }}
	found, err := s.Run()
	if err != nil {
		t.Fatalf("%s: %v", f.Name, err)
	}
	return found
}

// read reads a scenario whose header is left out.
func read(t *testing.T, text string) *File {
	t.Helper()
	f, err := Read("test.scn", []byte(Header+"\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// pair is a program that breaks a rule, and one like it that does not.
type pair struct {
	name   string
	rule   lockdep.Rule
	breaks string
	keeps  string
	says   string // part of the report
}

var programs = []pair{
	{"two mutexes in both orders", lockdep.Order,
		"mutex a\nmutex b\nevent e\ntask A cpu 0\nlock a\nlock b\nunlock b\nunlock a\nsignal e\ntask B cpu 0\nwait e\nlock b\nlock a\nunlock a\nunlock b\n",
		"mutex a\nmutex b\nevent e\ntask A cpu 0\nlock a\nlock b\nunlock b\nunlock a\nsignal e\ntask B cpu 0\nwait e\nlock a\nlock b\nunlock b\nunlock a\n",
		"mutex a -> mutex b -> mutex a"},
	{"three in a circle, none twice by one task", lockdep.Order,
		"mutex a\nmutex b\nmutex c\nevent e\nevent f\ntask A cpu 0\nlock a\nlock b\nunlock b\nunlock a\nsignal e\n" +
			"task B cpu 0\nwait e\nlock b\nlock c\nunlock c\nunlock b\nsignal f\ntask C cpu 0\nwait f\nlock c\nlock a\nunlock a\nunlock c\n",
		"mutex a\nmutex b\nmutex c\nevent e\nevent f\ntask A cpu 0\nlock a\nlock b\nunlock b\nunlock a\nsignal e\n" +
			"task B cpu 0\nwait e\nlock b\nlock c\nunlock c\nunlock b\nsignal f\ntask C cpu 0\nwait f\nlock a\nlock c\nunlock c\nunlock a\n",
		"mutex a -> mutex b -> mutex c -> mutex a"},
	{"a lock that was tried waits for nothing", lockdep.Order,
		"mutex a\nmutex b\ntask A cpu 0\ntrylock b\nlock a\nunlock a\nunlock b\nlock a\nlock b\nunlock b\nunlock a\n",
		"mutex a\nmutex b\ntask A cpu 0\nlock b\ntrylock a\nunlock a\nunlock b\nlock a\nlock b\nunlock b\nunlock a\n",
		"mutex a -> mutex b -> mutex a"},
	{"a worker's completion", lockdep.Order,
		"mutex m\nwork w cpu 0\nlock m\nunlock m\ntask A cpu 0\nqueue w\nflush w\nlock m\nflush w\nunlock m\n",
		"mutex m\nwork w cpu 0\nlock m\nunlock m\ntask A cpu 0\nqueue w\nflush w\nlock m\nunlock m\nflush w\n",
		"mutex m -> work w -> mutex m"},
	{"an event that is signalled under the lock of who waits", lockdep.Order,
		"mutex m\nevent e\nevent f\ntask A cpu 0\nlock m\nsignal e\nunlock m\nsignal f\ntask B cpu 0\nwait f\nlock m\nwait e\nunlock m\n",
		"mutex m\nevent e\nevent f\ntask A cpu 0\nsignal e\nlock m\nunlock m\nsignal f\ntask B cpu 0\nwait f\nlock m\nunlock m\nwait e\n",
		"event e -> mutex m -> event e"},
	{"an element over a mutex under which memory is allocated", lockdep.Element,
		"zone pages 8 min 1\nallocator p mempool:mainline items 1\nmutex m\nevent e\n" +
			"task A cpu 0\nalloc p NOIO\nlock m\nunlock m\nfree p\nsignal e\ntask B cpu 0\nwait e\nlock m\nalloc zone\nunlock m\n",
		"zone pages 8 min 1\nallocator p mempool:mainline items 1\nmutex m\nevent e\n" +
			"task A cpu 0\nalloc p NOIO\nlock m\nunlock m\nfree p\nsignal e\ntask B cpu 0\nwait e\nlock m\nalloc zone NOWAIT\nunlock m\n",
		"blocking page allocation -> element of p -> mutex m -> blocking page allocation"},
	{"a lock asked for by its holder", lockdep.Recursion,
		"mutex m\ntask A cpu 0\nlock m\nlock m\nunlock m\nunlock m\n",
		"mutex m\ntask A cpu 0\nlock m\nunlock m\nlock m\nunlock m\n",
		"mutex m is asked for by its holder"},
	{"two elements of one pool", lockdep.Recursion,
		"allocator p mempool:mainline items 4\ntask A cpu 0\nalloc p NOIO x2\n",
		"allocator p mempool:mainline items 4\ntask A cpu 0\nalloc p NOIO\nalloc p NOWAIT\n",
		"an element of p is waited for by who holds one"},
	{"a mutex under a spin lock", lockdep.WaitType,
		"mutex m\nspin s\ntask A cpu 0\nlock s\nlock m\nunlock m\nunlock s\n",
		"mutex m\nspin s\ntask A cpu 0\nlock m\nlock s\nunlock s\nunlock m\n",
		"mutex m is waited for under spinlock s"},
	{"a spin lock under a raw one", lockdep.WaitType,
		"spin s\nraw r\ntask A cpu 0\nlock r\nlock s\nunlock s\nunlock r\n",
		"spin s\nraw r\ntask A cpu 0\nlock r\ntrylock s\nunlock s\nunlock r\n",
		"spinlock s is waited for under raw spinlock r"},
	{"a mutex with interrupts masked", lockdep.WaitType,
		"mutex m\ntask A cpu 0\nirqoff\nlock m\nunlock m\nirqon\n",
		"mutex m\ntask A cpu 0\nirqoff\ntrylock m\nunlock m\nirqon\n",
		"mutex m is waited for with interrupts masked"},
	{"a mutex in an interrupt", lockdep.WaitType,
		"mutex m\ntask A cpu 0\ninterrupt I cpu 0\nlock m\nunlock m\n",
		"raw r\ntask A cpu 0\ninterrupt I cpu 0\nlock r\nunlock r\n",
		"mutex m is waited for in hardirq context"},
	{"memory that may be waited for, with interrupts masked", lockdep.WaitType,
		"zone pages 8 min 1\ntask A cpu 0\nirqoff\nalloc zone\nirqon\n",
		"zone pages 8 min 1\ntask A cpu 0\nirqoff\nalloc zone NOWAIT\nirqon\n",
		"page reclaim is waited for with interrupts masked"},
	{"a spin lock with interrupts masked and rt=on", lockdep.WaitType,
		"rt on\nspin s\ntask A cpu 0\nirqoff\nlock s\nunlock s\nirqon\n",
		"spin s\ntask A cpu 0\nirqoff\nlock s\nunlock s\nirqon\n",
		"spinlock s is waited for with interrupts masked"},
	{"a lock of interrupts held with interrupts on", lockdep.IRQSafety,
		"spin s\ntask A cpu 0\nlock s\nunlock s\ninterrupt I cpu 0\nlock s\nunlock s\n",
		"spin s\ntask A cpu 0\nirqoff\nlock s\nunlock s\nirqon\ninterrupt I cpu 0\nlock s\nunlock s\n",
		"spinlock s is taken by interrupts, and held while they may arrive"},
	{"interrupts let in while such a lock is held", lockdep.IRQSafety,
		"spin s\ntask A cpu 0\nirqoff\nlock s\nirqon\nunlock s\ninterrupt I cpu 1\nlock s\nunlock s\n",
		"spin s\ntask A cpu 0\nirqoff\nlock s\nunlock s\nirqon\ninterrupt I cpu 1\nlock s\nunlock s\n",
		"spinlock s is taken by interrupts, and held while they may arrive"},
	{"a lock held with interrupts on, under one of interrupts", lockdep.IRQSafety,
		"spin s\nspin u\ntask A cpu 0\nirqoff\nlock s\nlock u\nunlock u\nunlock s\nirqon\ntask B cpu 1\nlock u\nunlock u\ninterrupt I cpu 0\nlock s\nunlock s\n",
		"spin s\nspin u\ntask A cpu 0\nirqoff\nlock s\nlock u\nunlock u\nunlock s\nirqon\ntask B cpu 1\nirqoff\nlock u\nunlock u\nirqon\ninterrupt I cpu 0\nlock s\nunlock s\n",
		"spinlock s, taken by interrupts, -> spinlock u, held while they may arrive"},
	{"a lock in a non-maskable interrupt", lockdep.NMI,
		"raw r\ntask A cpu 0\nnmi N cpu 1\nlock r\nunlock r\n",
		"raw r\ntask A cpu 0\nnmi N cpu 1\ntrylock r\nunlock r\n",
		"raw spinlock r is waited for in nmi context"},
	{"a lock that is kept", lockdep.Kept,
		"mutex m\ntask A cpu 0\nlock m\n",
		"mutex m\ntask A cpu 0\nlock m\nunlock m\n",
		"somebody ends and holds mutex m"},
}

const pairExecutions = 400

// Each rule is broken by one program, whether that comes to grief in the schedules tried or not, and not by another that is nearly the same.
func TestRulesFireAndStaySilent(t *testing.T) {
	var broken []lockdep.Rule
	for _, c := range programs {
		found := search(t, read(t, "cpus 2\n"+c.breaks+"expect lockdep:"+string(c.rule)+"\n"), 1, pairExecutions, false)
		at := slices.IndexFunc(found.Reports, func(r lockdep.Report) bool { return r.Rule == c.rule && strings.Contains(r.Summary, c.says) })
		if at < 0 {
			t.Errorf("%s: no report of the rule %s that says %q: %+v", c.name, c.rule, c.says, found.Reports)
			continue
		}
		if text := found.Reports[at].Text; !strings.Contains(text, "test.scn:") {
			t.Errorf("%s: the report names no line of the scenario:\n%s", c.name, text)
		}
		broken = append(broken, c.rule)
		if found := search(t, read(t, "cpus 2\n"+c.keeps+"expect nothing\n"), 1, pairExecutions, false); !found.Met() {
			t.Errorf("%s: the program that keeps the rule: %v\n%+v", c.name, found.Unmet, found.Reports)
		}
	}
	for _, rule := range lockdep.Rules {
		if !slices.Contains(broken, rule) {
			t.Errorf("no program breaks the rule %s", rule)
		}
	}
}

// The checker's own invariants are kept by its code: with one of its mistakes switched on some verdict turns. LD-03 is in package lockdep.
func TestVerdictsKillTheCheckersMutants(t *testing.T) {
	verdicts := func(id string) (list []bool) {
		for _, c := range programs {
			head := "mutant " + id + "\ncpus 2\n"
			rule := Class(string(Lockdep) + ":" + string(c.rule))
			list = append(list, search(t, read(t, head+c.breaks+"expect "+string(rule)+"\n"), 1, pairExecutions, false).has(rule),
				search(t, read(t, head+c.keeps+"expect nothing\n"), 1, pairExecutions, false).Met())
		}
		return append(list, search(t, read(t, "mutant "+id+"\n"+orderInTwoExecutions), 1, pairExecutions, false).Met())
	}
	for _, id := range []string{"LD-01", "LD-02"} {
		if list := verdicts(id); !slices.Contains(list, false) {
			t.Errorf("every verdict stays with %s", id)
		}
	}
}

// orderInTwoExecutions takes two locks in one order in some executions and in the other in others, never both: who comes second finds the first's lock taken.
const orderInTwoExecutions = `cpus 2
mutex first
mutex a
mutex b
task A cpu 0
  trylock first
  lock a
  lock b
  unlock b
  unlock a
  wait never
  unlock first
task B cpu 1
  trylock first
  lock b
  lock a
  unlock a
  unlock b
  wait never
  unlock first
event never
expect deadlock lockdep:order
`

// The order is kept over executions: a circle is found whose halves never are in the same one (I1).
func TestOrderIsKeptOverExecutions(t *testing.T) {
	if found := search(t, read(t, orderInTwoExecutions), 1, pairExecutions, false); !found.Met() {
		t.Errorf("%v", found.Unmet)
	}
}

// Whoever waits for a worker waits for what the worker does. Without that, the lock checker sees the deadlock of a direct call and not the same one behind a
// worker; the deadlocks are the same (Morton to Heo, 27 December 2011).
func TestHandingOverHidesADeadlockFromTheChecker(t *testing.T) {
	for _, c := range []struct {
		name    string
		without bool
		sees    string // the circle of the deadlock; "" for no report at all
	}{
		{"heo-direct", false, "mutex q is asked for by its holder"},
		{"heo-direct", true, "mutex q is asked for by its holder"},
		{"heo-refill-under-lock", false, "mempool's refilling by its worker -> mutex q -> mempool's refilling by its worker"},
		{"heo-refill-under-lock", true, ""},
	} {
		found := search(t, stored(t, c.name), 1, 1000, c.without)
		sees := slices.ContainsFunc(found.Reports, func(r lockdep.Report) bool { return r.Summary == c.sees })
		if !found.has("deadlock") || sees != (c.sees != "") || c.sees == "" && len(found.Reports) > 0 {
			t.Errorf("%s, without completions %v: deadlock %v, reports %+v; want a deadlock, and %q", c.name, c.without, found.has("deadlock"), found.Reports, c.sees)
		}
	}
}

// What was not expected is said, of the lock checker's rules too: a file that expects one does not stand for others.
func TestReportsThatAreNotExpectedAreSaid(t *testing.T) {
	const twice = "mutex m\ntask A cpu 0\nlock m\nlock m\nunlock m\nunlock m\n"
	for _, c := range []struct{ expect, says string }{
		{"deadlock", "lockdep:recursion was not expected"},
		{"deadlock lockdep:recursion", ""},
		{"deadlock lockdep", ""},
		{"lockdep:recursion", "deadlock was not expected"},
		{"nothing", "deadlock was not expected; lockdep:recursion was not expected"},
	} {
		found := search(t, read(t, twice+"expect "+c.expect+"\n"), 1, pairExecutions, false)
		if got := strings.Join(found.Unmet, "; "); got != c.says {
			t.Errorf("expect %s: %q; want %q", c.expect, got, c.says)
		}
	}
}

// A slow path is that of an allocator of the file. mempool's refill is not taken by an allocation that the pages below it refill their list for.
func TestSlowPathsAreThoseOfTheFile(t *testing.T) {
	const once = "allocator p mempool:mainline items 1 room 4\ntask A cpu 0\nalloc p\nfree p\nexpect nothing\nreach refill\n"
	found := search(t, read(t, once), 1, 20, false)
	if got, want := strings.Join(found.Unmet, "; "), `the slow path "refill" was never taken: of it this shows nothing`; got != want {
		t.Errorf("one allocation: %q; want %q", got, want)
	}
	if found := search(t, read(t, strings.Replace(once, "alloc p\nfree p", "alloc p NOIO\nfill p\nfree p all", 1)), 1, 20, false); !found.Met() {
		t.Errorf("all of them: %v", found.Unmet)
	}
	s := &Search{File: read(t, "task A cpu 0\nyield\nexpect nothing\nreach refill\n"), Executions: 1, Stop: func() bool { return false }}
	if _, err := s.Run(); err == nil || !strings.HasPrefix(err.Error(), "test.scn:5: reach refill: no allocator of this file") {
		t.Errorf("no allocator: %v", err)
	}
}

// To take all items of a large pool, at the end of a run, is no livelock, and more interrupts than the simulator has room for are no finding.
func TestLargeScenariosAreNoFindings(t *testing.T) {
	found := search(t, read(t, "allocator p percpu_tags:lock items 4096\ntask A cpu 0\nalloc p\nexpect nothing\n"), 1, 3, false)
	if !found.Met() {
		t.Errorf("a pool of 4096: %v", found.Unmet)
	}
	hands := "cpus 16\nallocator p percpu_tags:lock items 400\n"
	for i := range 24 {
		hands += fmt.Sprintf("task T%d cpu %d\nalloc p NOWAIT x10\n", i, i%16) + strings.Repeat("hand p 1\n", 10)
	}
	s := &Search{File: read(t, hands+"expect nothing\n"), Seed: 1, Executions: 200, Stop: func() bool { return false }}
	if _, err := s.Run(); err == nil || !strings.HasPrefix(err.Error(), "test.scn: the simulator has not room for it: more than 64 tasks and interrupts") {
		t.Errorf("240 interrupts: %v", err)
	}
}

// A promise that is refused leaves out what draws on it, and nothing else: the lock is released, so nobody waits for it and none is kept.
func TestRefusedPromisesLeaveOutTheirDraws(t *testing.T) {
	found := search(t, read(t, "mutex m\nallocator r reservation:page items 4\ntask A cpu 0\nlock m\nreserve r 60 NOWAIT\ndraw r\ncancel r 60\nunlock m\n"+
		"reserve r 1 NOWAIT\ndraw r\nfree r\ntask B cpu 0\nlock m\nunlock m\nexpect nothing\n"), 1, pairExecutions, false)
	if !found.Met() {
		t.Errorf("%v, %+v", found.Unmet, found.Reports)
	}
}

// The two deadlocks are those of the lock that writing takes: where writing takes none, nobody is stuck in any execution.
func TestHeoDeadlocksAreThoseOfTheLock(t *testing.T) {
	for _, name := range []string{"heo-direct", "heo-refill-under-lock"} {
		f := stored(t, name)
		f.Zone.WritesTake = ""
		if found := search(t, f, 1, 2000, false); len(found.Failures) > 0 {
			t.Errorf("%s without the lock: %+v", name, found.Failures[0].Situation)
		}
	}
}

// stored reads a scenario of testdata.
func stored(t *testing.T, name string) *File {
	t.Helper()
	path := filepath.Join("..", "testdata", name+".scn")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Read(path, data)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
