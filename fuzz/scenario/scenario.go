// Package scenario reads, writes and runs scenarios: small programs that somebody wrote down to ask one question, such as whether the three tasks of a
// debate can bring each other to a stop. A file says what there is (CPUs, memory, allocators, locks), what tasks and interrupts do, and what some
// schedule is expected to lead to:
//
//	headroom scenario 1
//	# B and A take two locks the other way round.
//	title two locks
//	cpus 2
//	mutex a
//	mutex b
//	task A cpu 0
//	  lock a
//	  lock b
//	  unlock b
//	  unlock a
//	task B cpu 1
//	  lock b
//	  lock a
//	  unlock a
//	  unlock b
//	expect deadlock lockdep
//
// A line is a keyword and words; the order of lines is free but for the operations, which follow their task. Empty lines and lines that begin with # say
// nothing. Lines are
//
//	title TEXT                                  what is asked
//	cpus N                                      1 to 16
//	rt on                                       spin locks sleep
//	mutant ID                                   a planted mistake is switched on
//	memory tso|weak                             when stores are seen by other CPUs; sc if the line is left out
//	nested true                                 interrupts interrupt those that stand before them
//	faults N                                    backing allocations that may fail
//	migrations N                                times a task may change its CPU in mid-operation
//	hotplugs N                                  times a CPU may go offline, its tasks being moved, or come back
//	kills N                                     tasks that may be killed: they end with the operation they are in
//	zone pages N min N [low N] [high N] [rules 2001|2016|2024] [lists irqoff|trylock] [kill TASK]... [writes-take MUTEX] [writes-need ALLOCATOR]
//	allocator NAME VARIANT items N [room N] [bytes N] [over zone] [timeout] [KNOB=N]...
//	mutex NAME, spin NAME, raw NAME             a lock that sleeps; one that spins and with rt=on sleeps; one that spins always
//	event NAME                                  what a task waits for and another one signals
//	task NAME cpu N [rights memalloc|victim]...
//	interrupt NAME cpu N, nmi NAME cpu N        arrives at any moment, once
//	work NAME cpu N                             what is done by a worker when somebody queues it
//	expect nothing | CLASS...                   every class has to be met by some schedule, or none of them; see Classes
//	reach POINT...                              slow paths that some schedule has to take
//
// What the machine does by itself, from memory to kills, is chosen by the schedule, at any step; the words are those of replay files.
//
// zone is the page allocator, one zone, and at the same time the name of an allocator that hands out its pages. kill names tasks that the out-of-memory
// killer may choose, the first that lives first. Dirty pages are written under the mutex of writes-take, and with an item of writes-need. over zone makes an
// allocator draw on the zone, which others use as well. timeout says that those who sleep in the allocator come back by themselves when nobody else gets
// on, as mempool's sleepers do every five seconds.
//
// Operations are
//
//	alloc NAME [FLAGS] [xN]     allocate an item; FLAGS as the kernel has them, joined by |, KERNEL if there are none; a refusal is no failure
//	fill NAME [FLAGS]           allocate until refused; NOWAIT if there are no FLAGS
//	nolocks NAME [xN]           allocate by the entry that takes no locks
//	free NAME [xN|all]          free the items held longest, those that are held
//	hand NAME CPU               hand the item held longest to an interrupt on a CPU, which frees it
//	dirty zone [xN|all]         give the pages held longest to the page cache as dirty ones
//	reserve NAME N [FLAGS], draw NAME, cancel NAME N
//	                            be promised items, draw one, give promises back; while the promise asked for last was refused,
//	                            draws and cancels are left out
//	lock NAME, unlock NAME      take and release a lock
//	trylock NAME                take a lock if it is free; if not, what follows up to its unlock is left out
//	irqoff, irqon               mask interrupts, and no longer
//	wait EVENT, signal EVENT    sleep until an event was signalled as often as it was waited for
//	queue WORK, flush WORK      have work done, unless it is being done; sleep until it is
//	yield                       let others run
//	unplug N, plug N            take a CPU offline, bring it back
//
// A task that was killed allocates, locks and waits no more, and ends. Whoever ends frees the items it holds.
package scenario

import (
	"fmt"

	"headroom/fuzz"
	"headroom/kernel"
	"headroom/kernel/mutant"
	"headroom/kernel/page"
)

// Header is the first line of a scenario file; the number is the version of the language.
const Header = "headroom scenario 1"

// zoneName is the name of the page allocator among the allocators.
const zoneName = "zone"

// File is a scenario as it was read.
type File struct {
	Name       string // of the file, for messages; not part of the scenario
	Source     string // what it was read from; "" for a scenario that was made
	Title      string
	CPUs       int
	RT         bool
	Mutant     mutant.ID
	Traits     fuzz.Traits // what the machine does by itself
	Zone       *Zone       // nil for none
	Allocators []Allocator
	Locks      []Lock
	Events     []string
	Actors     []Actor
	Expect     []Class  // sorted; empty for nothing
	Reach      []string // in the order of the file

	lines map[string]int // by keyword, or by "name" and a name: the line it stands on
}

// Place is the file's name and the line of a keyword that stands once, such as mutant, for messages; the name alone where there is no such line.
func (f *File) Place(keyword string) string {
	if line := f.lines[keyword]; line > 0 {
		return fmt.Sprintf("%s:%d", f.Name, line)
	}
	return f.Name
}

// Zone is the scenario's page allocator.
type Zone struct {
	Pages          int
	Min, Low, High int // marks, in pages; Low is at least Min, High at least Low
	Rules          page.Era
	Lists          page.ListEra
	Kill           []string // tasks, in the order in which they are chosen
	WritesTake     string   // a mutex, "" for none
	WritesNeed     string   // an allocator, "" for none
}

// Allocator is an allocator of a design.
type Allocator struct {
	Name    string
	Variant string // design:variant, or the design alone where it has one form
	Items   int
	Room    int
	Bytes   int
	Over    bool // it draws on the zone
	Timeout bool // who sleeps in it comes back by himself
	Knobs   []Knob
}

// Knob is a parameter of a variant and its value.
type Knob struct {
	Name  string
	Value int
}

// LockKind says how a lock waits.
type LockKind string

// The kinds of lock, as files name them.
const (
	Mutex LockKind = "mutex"
	Spin  LockKind = "spin"
	Raw   LockKind = "raw"
)

// Lock is a lock of the scenario.
type Lock struct {
	Kind LockKind
	Name string
}

// ActorKind says as what somebody runs.
type ActorKind string

// The kinds of actor, as files name them.
const (
	Task      ActorKind = "task"
	Interrupt ActorKind = "interrupt"
	NMI       ActorKind = "nmi"
	Work      ActorKind = "work"
)

// Actor is a task, an interrupt or work, and what it does.
type Actor struct {
	Kind   ActorKind
	Name   string
	CPU    int
	Rights kernel.Rights
	Ops    []Op
}

// Code says what an operation does.
type Code string

// The operations.
const (
	Alloc   Code = "alloc"
	Fill    Code = "fill"
	NoLocks Code = "nolocks"
	Free    Code = "free"
	Hand    Code = "hand"
	Dirty   Code = "dirty"
	Reserve Code = "reserve"
	Draw    Code = "draw"
	Cancel  Code = "cancel"
	Take    Code = "lock"
	Release Code = "unlock"
	TryTake Code = "trylock"
	IRQOff  Code = "irqoff"
	IRQOn   Code = "irqon"
	Wait    Code = "wait"
	Signal  Code = "signal"
	Queue   Code = "queue"
	Flush   Code = "flush"
	Yield   Code = "yield"
	Unplug  Code = "unplug"
	Plug    Code = "plug"
)

// All is the Count of an operation on everything that is held.
const All = -1

// Op is one operation.
type Op struct {
	Code   Code
	Target string     // an allocator, a lock, an event or work, as the code has it; "" for none
	GFP    kernel.GFP // for alloc, fill and reserve
	Count  int        // times or items, at least 1, or All
	CPU    int        // for hand, unplug and plug
	Line   int        // where it stands in its file; 0 for one that was made
}

// Class is what a schedule can lead to: a class of failure of the simulated machine, or Lockdep.
type Class string

// Lockdep is the class of what the lock checker reports. A file may name a rule behind a colon: lockdep:order.
const Lockdep Class = "lockdep"

// The limits of a scenario: what the simulated machine has room for, and what a reader of a report has patience for.
const (
	maxCPUs   = 16
	maxActors = 24
	maxOps    = 400
	maxItems  = 4096
	maxCount  = 64
	maxPages  = 64
	maxNames  = 64
)
