// Package record records the block requests and page allocations of the running kernel.
//
// The idea: the kernel already has the events and a ring buffer that costs little. An instance of tracefs is a ring buffer
// with settings of its own, so a recording disturbs no other tracer and no other tracer disturbs it. The buffers are read in
// the kernel's binary form while the recording runs, which takes no formatting on either side, and decoded by package trace.
//
// Events are those of the whole system. A block request completes in an interrupt, on whatever task happens to run, and a
// page is often freed by another task than the one that allocated it; a recording of one process's events would lose the
// ends. What else runs meanwhile is therefore in the recording; each lifetime says who allocated it. The page allocations of
// the recorder's own threads are left out.
//
// Invariants:
//
//	I1  however Record returns, its instance is removed, and a tracefs that it mounted unmounted; what the kernel will not let go
//	    it names, with the remedy. What a killed recorder left is removed by the next
//	I2  an error comes with no recording, an interruption with what there is
//	I3  every event that the kernel says it dropped is counted in the recording
package record

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"headroom/harness/trace"
)

// Options say what to record.
type Options struct {
	Groups   []string       // of Groups
	BufferKB int            // of the ring buffer of each CPU
	Limit    time.Duration  // the longest it lasts; 0 for as long as the command runs
	Command  []string       // runs meanwhile; empty to record for Limit
	Output   io.Writer      // of the command: what it prints
	Progress func(Progress) // called now and then; may be nil
}

// Progress is how far a recording is.
type Progress struct {
	Elapsed time.Duration
	Events  int // taken in so far
}

// Result is a recording and how it came to its end.
type Result struct {
	Recording   *trace.Recording
	Interrupted bool     // the context ended it
	Stopped     bool     // the command was still running and was told to end
	Full        bool     // it ended because it reached the largest size
	Command     error    // how the command failed; nil if it did not, or was told to end
	Warnings    []string // a line each: what is doubtful about the recording, and what stays behind, with the remedy
}

// Groups are the groups of events that can be asked for, with the events of each.
func Groups() map[string][]string {
	return map[string][]string{
		"block": {"block/block_rq_issue", "block/block_rq_complete", "block/block_rq_requeue"},
		"kmem":  {"kmem/mm_page_alloc", "kmem/mm_page_free"},
	}
}

// naming are the events at which tasks get their names.
var naming = []string{"task/task_newtask", "task/task_rename"}

// The limits of the buffer: below a page nothing works, above 1 GiB a CPU it is a mistake.
const (
	minBufferKB = 64
	maxBufferKB = 1 << 20
)

// Check refuses options that make no sense.
func (o *Options) Check() error {
	if len(o.Command) == 0 && o.Limit <= 0 {
		return errors.New("nothing says how long to record: give --seconds N, or a command behind --")
	}
	if o.Limit < 0 {
		return fmt.Errorf("recording for %v: give a positive time", o.Limit)
	}
	if o.BufferKB < minBufferKB || o.BufferKB > maxBufferKB {
		return fmt.Errorf("a buffer of %d KiB a CPU: give %d to %d", o.BufferKB, minBufferKB, maxBufferKB)
	}
	known := Groups()
	if len(o.Groups) == 0 {
		return errors.New("no events: give block, kmem or both")
	}
	for _, group := range o.Groups {
		if known[group] == nil {
			return fmt.Errorf("no events are called %q: give block, kmem or both", group)
		}
	}
	return nil
}

// Record records until the command ends, the time is up or ctx ends, whichever is first. A command still running then is told
// to end, with all of its process group. It fails with ErrNoTracefs, ErrNotAllowed or ErrRefused when recording is
// impossible here, and with trace.ErrNoLifetimes when nothing was allocated and freed meanwhile.
func Record(ctx context.Context, o Options) (*Result, error) {
	return record(ctx, kernelTracefs(), o)
}

func record(ctx context.Context, t tracefs, o Options) (result *Result, err error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	defer func() {
		for _, line := range t.leave() {
			if result != nil {
				result.Warnings = append(result.Warnings, line)
			} else {
				err = fmt.Errorf("%w; %s", err, line)
			}
		}
	}()
	if err := t.ready(); err != nil {
		return nil, err
	}
	in, err := t.newInstance(o.BufferKB)
	if err != nil {
		return nil, err
	}
	ring, err := in.prepare(o.Groups)
	if err != nil {
		return nil, err
	}
	s := &session{options: &o, in: in, ring: ring, page: make([]byte, readBytes)}
	return s.run(ctx)
}

// prepare switches the events on and opens the buffers.
func (in *instance) prepare(groups []string) (*trace.Ring, error) {
	formats := map[string]string{}
	for _, event := range eventsOf(groups) {
		format, err := in.enable(event)
		if err != nil {
			return nil, err
		}
		formats[filepath.Base(event)] = format
	}
	header, err := in.get("events/header_page")
	if err != nil {
		return nil, fmt.Errorf("%w: %v; this kernel is too old", ErrRefused, err)
	}
	ring, err := trace.NewRing(header, formats)
	if err != nil {
		return nil, err
	}
	return ring, in.openPipes()
}

// eventsOf lists the events of the groups, and those that name tasks.
func eventsOf(groups []string) []string {
	events := slices.Clone(naming)
	for _, group := range groups {
		events = append(events, Groups()[group]...)
	}
	return events
}

// session is a recording under way.
type session struct {
	options *Options
	in      *instance
	ring    *trace.Ring
	page    []byte
	result  Result
	process *process
	started time.Time
}

const (
	readBytes    = 64 << 10             // the largest sub-buffer there is; a read returns one
	pollEvery    = 5 * time.Millisecond // the smallest buffer lasts that long at a million events a second and CPU
	pagesAtOnce  = 512                  // of a CPU, before the next one's turn
	progressLine = time.Second
)

// run records from the first event to the last.
func (s *session) run(ctx context.Context) (*Result, error) {
	foreign := s.in.fs.foreignPIDs()
	if foreign {
		s.result.Warnings = append(s.result.Warnings, foreignWarning)
	} else {
		s.nameTasks() // takes a while on a busy machine, so before the clock runs
	}
	s.started = time.Now()
	if err := s.in.set("tracing_on", "1"); err != nil {
		return nil, fmt.Errorf("%w to record: %v", ErrRefused, err)
	}
	if len(s.options.Command) > 0 {
		var err error
		if s.process, err = start(s.options.Command, s.options.Output); err != nil {
			return nil, err
		}
	}
	err := s.watch(ctx)
	if offErr := s.in.set("tracing_on", "0"); err == nil && offErr != nil {
		err = fmt.Errorf("%w to stop recording: %v", ErrRefused, offErr)
	}
	var own []uint32
	if !foreign {
		s.nameTasks() // those that started before the events did, or whose naming was lost
		own = s.ownThreads()
	}
	if s.result.Stopped {
		s.process.stop()
	}
	for more := true; more && err == nil && !s.result.Full; {
		more, err = s.read()
	}
	if err != nil {
		return nil, err
	}
	s.result.Recording, err = s.ring.Recording("the recording", s.source(), s.in.lost(), own)
	if err != nil {
		return nil, err
	}
	return &s.result, nil
}

// watch reads the buffers until the recording ends, and says by what. A command that still runs is marked to be stopped.
func (s *session) watch(ctx context.Context) error {
	var ended chan error // never, without a command
	if s.process != nil {
		ended = s.process.ended
		s.result.Stopped = true // unless it ends first
	}
	var limit <-chan time.Time // never, without a limit
	if s.options.Limit > 0 {
		timer := time.NewTimer(s.options.Limit)
		defer timer.Stop()
		limit = timer.C
	}
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	shown := time.Duration(0)
	for !s.result.Full {
		select {
		case <-ctx.Done():
			s.result.Interrupted = true
			return nil
		case s.result.Command = <-ended:
			s.result.Stopped = false
			return nil
		case <-limit:
			return nil
		case <-poll.C:
		}
		if _, err := s.read(); err != nil {
			return err
		}
		if elapsed := time.Since(s.started); s.options.Progress != nil && elapsed-shown >= progressLine {
			shown = elapsed
			s.options.Progress(Progress{elapsed, s.ring.Events()})
		}
	}
	return nil
}

// read takes what the buffers hold, some of each CPU's. It reports whether there may be more.
func (s *session) read() (more bool, err error) {
	for i, fd := range s.in.fds {
		pages := 0
		for ; pages < pagesAtOnce; pages++ {
			n, err := s.in.fs.read(fd, s.page)
			if err == unix.EINTR {
				continue
			}
			if err == unix.EAGAIN || err == unix.ENODEV || err == nil && n == 0 {
				break // ENODEV: a CPU that was never online has no buffer, but may get one while the recording runs
			}
			if err != nil {
				return false, fmt.Errorf("%s: %w", s.in.perCPU(s.in.cpus[i], "trace_pipe_raw"), err)
			}
			err = s.ring.Take(s.in.cpus[i], s.page[:n])
			if errors.Is(err, trace.ErrTooLarge) {
				s.result.Full = true
				return false, nil
			}
			if err != nil {
				return false, fmt.Errorf("%w; record text instead, see README.md", err)
			}
		}
		more = more || pages == pagesAtOnce
	}
	return more, nil
}

// source is what the file will say of where it comes from.
func (s *session) source() trace.Source {
	return trace.Source{
		Recorder: "headroom record", Kernel: kernelRelease(), Clock: clock, Command: strings.Join(s.options.Command, " "),
		StartedUnix: s.started.Unix(), OnlineCPUs: s.in.fs.onlineCPUs(),
	}
}

func kernelRelease() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:])
}
