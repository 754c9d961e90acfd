package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"headroom/harness/record"
	"headroom/harness/result"
	"headroom/harness/trace"
)

// recordOptions are the flags of headroom record.
type recordOptions struct {
	out      string
	seconds  float64
	events   []string
	bufferKB int
	from     string
	show     string
	asJSON   bool
}

func recordCommand() *cobra.Command {
	var o recordOptions
	c := &cobra.Command{
		Use:   "record --out FILE [--seconds N] [-- COMMAND ...]",
		Short: "Record the block requests and page allocations of this machine's kernel",
		Args:  cobra.ArbitraryArgs,
		Long: `Record writes a stream file, which bench --trace replays: who allocates, on which CPU and in which context, when, for how long,
and where it is freed. It needs root. It uses a ring buffer (tracefs instance) of its own, which is gone afterwards, as is a tracefs that
it had to mount; if the kernel does not let go of them, or the recording is doubtful, a line on standard error says so.

With a command it lasts until the command ends, at most --seconds if given: a command still running then is told to end (SIGTERM, after 2 s
SIGKILL, to all of its process group). The command reads nothing; what it prints goes to standard error. Without a command it lasts --seconds.
Ctrl-C ends the recording and keeps it, with status 130. A command that fails is reported with status 1, and the recording kept.

Events of the whole system are recorded, so what else runs is in it: --print names who allocated. The recorder's own pages are left out.
Inside a PID namespace (a container) they cannot be told apart and tasks of before have no name; a line on standard error says so then.
Groups of events: block (requests from issue to completion) and kmem (pages from mm_page_alloc to mm_page_free). Slab objects are not recorded.`,
		Example: `  headroom record --seconds 10 --out build/x.stream
  headroom record --out build/x.stream --events block -- dd if=/dev/zero of=build/x.bin bs=64k count=4000 oflag=direct
  headroom record --print build/x.stream
  headroom record --from my.ftrace.gz --out build/x.stream
  headroom bench --quick --trace build/x.stream`,
		RunE: func(c *cobra.Command, words []string) error { return recordOrShow(o, words) },
	}
	f := c.Flags()
	f.SetInterspersed(false) // the flags behind the command are the command's
	f.StringVar(&o.out, "out", "", "the stream file to write")
	f.Float64Var(&o.seconds, "seconds", 0, "how long to record at most; 0 is as long as the command runs")
	f.StringSliceVar(&o.events, "events", []string{"block", "kmem"}, "groups of events: block, kmem or both")
	f.IntVar(&o.bufferKB, "buffer-kb", 8192, "size of the kernel's buffer for each CPU, KiB")
	f.StringVar(&o.from, "from", "", "convert this recording (ftrace, trace-cmd report or perf script text) instead of recording")
	f.StringVar(&o.show, "print", "", "print this recording as JSON lines instead of recording: one of the whole, then one a lifetime")
	f.BoolVar(&o.asJSON, "json", false, "print the summary as JSON")
	return c
}

func recordOrShow(o recordOptions, words []string) error {
	switch {
	case o.show != "" && (o.from != "" || o.out != "" || len(words) > 0):
		return errors.New("--print takes no other flag and no command; see headroom record --help")
	case o.show != "":
		return printRecording(os.Stdout, o.show)
	case o.out == "":
		return errors.New("name the file to write with --out FILE; see headroom record --help")
	case o.from != "" && (len(words) > 0 || o.seconds != 0):
		return errors.New("--from converts what was recorded before: leave out --seconds and the command")
	}
	if err := record.Writable(o.out); err != nil {
		return err
	}
	if o.from != "" {
		r, err := trace.Open(o.from)
		if err != nil {
			return err
		}
		return o.keep(r)
	}
	return o.record(words)
}

// maxSeconds keeps the time within what a duration holds; a day of events fits no file anyway.
const maxSeconds = 86400

// record records, keeps the recording, and says how it ended.
func (o *recordOptions) record(words []string) error {
	if !(o.seconds >= 0 && o.seconds <= maxSeconds) { // a NaN is neither
		return fmt.Errorf("--seconds %g: give a time above 0 and up to %d", o.seconds, maxSeconds)
	}
	limit := time.Duration(o.seconds * float64(time.Second))
	ctx, stop := interruptible()
	defer stop()
	display := newRecordDisplay(limit)
	got, err := record.Record(ctx, record.Options{
		Groups: o.events, BufferKB: o.bufferKB, Limit: limit, Command: words, Output: os.Stderr, Progress: display.show,
	})
	display.end()
	if err != nil && ctx.Err() != nil {
		fmt.Fprintf(os.Stderr, "headroom: interrupted: there is nothing to keep (%v)\n", err)
		return status(exitInterrupted)
	}
	if err != nil {
		return err
	}
	for _, warning := range got.Warnings {
		fmt.Fprintln(os.Stderr, "headroom: "+warning)
	}
	if err := o.keep(got.Recording); err != nil {
		return err
	}
	if got.Full {
		fmt.Fprintln(os.Stderr, "headroom: the recording ended early: it has reached the largest size")
	}
	if got.Stopped && !got.Interrupted {
		fmt.Fprintln(os.Stderr, "headroom: the command was still running and was told to end")
	}
	if got.Interrupted {
		fmt.Fprintf(os.Stderr, "headroom: interrupted: what was recorded until then is in %s\n", o.out)
		return status(exitInterrupted)
	}
	if got.Command != nil {
		fmt.Fprintf(os.Stderr, "headroom: the command failed: %v; the recording is kept\n", got.Command)
		return status(exitFound)
	}
	return nil
}

// keep writes the recording and says what is in it.
func (o *recordOptions) keep(r *trace.Recording) error {
	r.Name = o.out
	if err := record.Save(o.out, r); err != nil {
		return err
	}
	info, err := os.Stat(o.out)
	if err != nil {
		return err
	}
	whole := wholeOf(r)
	whole.Bytes = info.Size()
	if o.asJSON {
		return json.NewEncoder(os.Stdout).Encode(whole)
	}
	for i := range whole.Kinds {
		printTrace(os.Stdout, &whole.Kinds[i])
	}
	fmt.Printf("  allocated by: %s\n", whole.mostly())
	fmt.Printf("%s: %d bytes, %.1f a lifetime; %d events lost\n", o.out, whole.Bytes, float64(whole.Bytes)/float64(len(r.Lifetimes)), r.Lost)
	return nil
}

// wholeRecording is a recording as JSON, without its lifetimes.
type wholeRecording struct {
	File    string         `json:"file"`
	Bytes   int64          `json:"bytes,omitempty"`
	Source  trace.Source   `json:"source"`
	Events  int            `json:"events"`
	Lost    int            `json:"lost"`
	Kinds   []result.Trace `json:"kinds"`
	TakenBy []taker        `json:"taken_by"`
}

// taker is who allocated how many lifetimes; "" in interrupts, and where a recording does not tell.
type taker struct {
	Comm      string `json:"comm"`
	Lifetimes int    `json:"lifetimes"`
}

func wholeOf(r *trace.Recording) *wholeRecording {
	w := &wholeRecording{File: r.Name, Source: r.Source, Events: r.Events, Lost: r.Lost}
	for _, part := range r.Split() {
		w.Kinds = append(w.Kinds, part.Summary())
	}
	count := map[string]int{}
	for _, l := range r.Lifetimes {
		comm := ""
		if l.Task > 0 {
			comm = r.Tasks[l.Task-1].Comm
		}
		count[comm]++
	}
	for comm, n := range count {
		w.TakenBy = append(w.TakenBy, taker{comm, n})
	}
	slices.SortFunc(w.TakenBy, func(a, b taker) int {
		return cmp.Or(cmp.Compare(b.Lifetimes, a.Lifetimes), strings.Compare(a.Comm, b.Comm))
	})
	return w
}

// mostly names the few that allocated most.
func (w *wholeRecording) mostly() string {
	const most = 5
	var names []string
	for _, t := range w.TakenBy[:min(most, len(w.TakenBy))] {
		comm := t.Comm
		if comm == "" {
			comm = "interrupts or unknown"
		}
		names = append(names, fmt.Sprintf("%q %d", comm, t.Lifetimes))
	}
	if rest := len(w.TakenBy) - most; rest > 0 {
		names = append(names, fmt.Sprintf("%d others", rest))
	}
	return strings.Join(names, ", ")
}

// printedLifetime is a lifetime as a line of JSON.
type printedLifetime struct {
	Kind         string `json:"kind"`
	Order        uint8  `json:"order"`
	PID          uint32 `json:"pid"`
	Comm         string `json:"comm"`
	AllocNs      int64  `json:"alloc_ns"`
	AllocCPU     uint16 `json:"alloc_cpu"`
	AllocContext string `json:"alloc_context"`
	HeldNs       int64  `json:"held_ns"`
	FreeCPU      uint16 `json:"free_cpu"`
	FreeContext  string `json:"free_context"`
}

// printRecording prints a recording of any form as JSON, one line of the whole, then one a lifetime.
func printRecording(w io.Writer, file string) error {
	r, err := trace.Open(file)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriter(w)
	e := json.NewEncoder(buffered)
	if err := e.Encode(wholeOf(r)); err != nil {
		return err
	}
	for _, l := range r.Lifetimes {
		p := printedLifetime{
			Kind: l.Kind.String(), Order: l.Order, AllocNs: l.AllocNs, AllocCPU: l.AllocCPU, AllocContext: l.AllocContext.String(),
			HeldNs: l.FreeNs - l.AllocNs, FreeCPU: l.FreeCPU, FreeContext: l.FreeContext.String(),
		}
		if l.Task > 0 {
			p.PID, p.Comm = r.Tasks[l.Task-1].PID, r.Tasks[l.Task-1].Comm
		}
		if err := e.Encode(&p); err != nil {
			return err
		}
	}
	return buffered.Flush()
}

// recordDisplay shows how far a recording is: one line that changes on a terminal, a line now and then elsewhere.
type recordDisplay struct {
	limit    time.Duration
	terminal bool
	shown    int
}

func newRecordDisplay(limit time.Duration) *recordDisplay {
	_, err := unix.IoctlGetTermios(int(os.Stderr.Fd()), unix.TCGETS)
	return &recordDisplay{limit: limit, terminal: err == nil}
}

func (d *recordDisplay) show(p record.Progress) {
	line := fmt.Sprintf("recording: %.0f s", p.Elapsed.Seconds())
	if d.limit > 0 {
		line += fmt.Sprintf(" of %g", d.limit.Seconds())
	}
	line += fmt.Sprintf(", %d events", p.Events)
	d.shown++
	if d.terminal {
		fmt.Fprintf(os.Stderr, "\r%-60s", line)
		return
	}
	fmt.Fprintln(os.Stderr, line)
}

// end leaves the line that changes.
func (d *recordDisplay) end() {
	if d.terminal && d.shown > 0 {
		fmt.Fprintln(os.Stderr)
	}
}
