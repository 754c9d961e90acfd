package record

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"headroom/harness/trace"
)

var bothGroups = []string{"block", "kmem"}

// fakeTracefs is a folder that looks like tracefs: making an instance fills it with the files that the kernel would make.
func fakeTracefs(t *testing.T, pages ...[]byte) tracefs {
	t.Helper()
	root := t.TempDir()
	write(t, filepath.Join(root, "instances", "of-another", "tracing_on"), "1\n")
	proc, sys := t.TempDir(), t.TempDir()
	write(t, filepath.Join(proc, "self", "ns", "mnt"), "")
	if err := os.Symlink(initialPIDs, filepath.Join(proc, "self", "ns", "pid")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(proc, "77", "task", strconv.Itoa(nobody), "comm"), "nobody\n")
	write(t, filepath.Join(sys, "devices", "system", "cpu", "online"), "0,2-3\n")
	return tracefs{
		root:    root,
		proc:    proc,
		sys:     sys,
		pid:     41,
		mount:   func(string) error { return errors.New("nothing to mount") },
		unmount: func(string) error { return errors.New("mounted by another") },
		mkdir: func(path string) error {
			if err := os.Mkdir(path, 0o700); err != nil {
				return err
			}
			fill(t, path, pages)
			return nil
		},
		rmdir: os.RemoveAll,
		read:  unix.Read,
		alive: func(pid int) bool { return pid == 40 },
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// fill makes the files of an instance of two CPUs. CPU 1 has a pipe for a buffer, whose writer is not there: it comes back
// empty-handed, as the kernel's does. What was written to other files stays for the test to see.
func fill(t *testing.T, dir string, pages [][]byte) {
	t.Helper()
	for _, file := range []string{"tracing_on", "trace_clock", "buffer_size_kb", "events/enable"} {
		write(t, filepath.Join(dir, file), "")
	}
	write(t, filepath.Join(dir, "events", "header_page"), header)
	for id, event := range eventsOf(bothGroups) {
		write(t, filepath.Join(dir, "events", event, "enable"), "0\n")
		write(t, filepath.Join(dir, "events", event, "format"), format(event, id+1))
	}
	for cpu := range 2 {
		per := filepath.Join(dir, "per_cpu", fmt.Sprintf("cpu%d", cpu))
		write(t, filepath.Join(per, "stats"), "entries: 9\noverrun: 3\ncommit overrun: 1\nbytes: 5\ndropped events: 2\nread events: 9\n")
		if cpu == 1 {
			if err := syscall.Mkfifo(filepath.Join(per, "trace_pipe_raw"), 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		write(t, filepath.Join(per, "trace_pipe_raw"), string(bytes.Join(pages, nil)))
	}
}

const header = "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n" +
	"\tfield: char data;\toffset:16;\tsize:4080;\tsigned:0;\n"

// format is a format file in which every event has all fields that any has.
func format(event string, id int) string {
	text := fmt.Sprintf("name: %s\nID: %d\nformat:\n", filepath.Base(event), id)
	for i, field := range []string{"int common_flags", "int common_pid", "int pid", "int dev", "int nr_sector", "int order"} {
		text += fmt.Sprintf("\tfield:%s;\toffset:%d;\tsize:4;\tsigned:0;\n", field, 4+4*i)
	}
	for i, field := range []string{"u64 sector", "u64 pfn", "char comm[16]", "char newcomm[16]"} {
		text += fmt.Sprintf("\tfield:%s;\toffset:%d;\tsize:8;\tsigned:0;\n", field, 32+8*i)
	}
	return text
}

// nobody is the number of a task that no machine has.
const nobody = 1 << 30

// buffer is one sub-buffer, filled up to what a read takes, in which nobody allocates and frees a page, so many times.
func buffer(startNs uint64, times int) []byte {
	events := eventsOf(bothGroups)
	page := make([]byte, 16)
	binary.LittleEndian.PutUint64(page, startNs)
	for range times {
		for _, event := range Groups()["kmem"] {
			body := make([]byte, 64)
			binary.LittleEndian.PutUint32(body, uint32(slices.Index(events, event)+1))
			binary.LittleEndian.PutUint32(body[8:], nobody)
			binary.LittleEndian.PutUint64(body[40:], 1234)
			page = binary.LittleEndian.AppendUint32(page, 500<<5|uint32(len(body)/4))
			page = append(page, body...)
		}
	}
	binary.LittleEndian.PutUint64(page[8:], uint64(len(page)-16))
	return append(page, make([]byte, readBytes-len(page))...)
}

// options are those of a recording while a command runs that ends at once.
func options() Options {
	return Options{Groups: bothGroups, BufferKB: 512, Command: []string{"true"}, Output: new(bytes.Buffer)}
}

// left lists the instances of this program.
func left(t *testing.T, fake tracefs) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(fake.root, "instances", prefix+"*"))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// A recording holds what the buffers hold, counts what the kernel lost, and leaves nothing but the instances of others.
func TestRecordTakesWhatTheBuffersHold(t *testing.T) {
	fake := fakeTracefs(t, buffer(1000, 3), buffer(9000, 2))
	rmdir := fake.rmdir
	var settings []string
	fake.rmdir = func(path string) error {
		for _, file := range []string{"tracing_on", "trace_clock", "buffer_size_kb", "events/kmem/mm_page_free/enable", "events/task/task_rename/enable"} {
			text, err := os.ReadFile(filepath.Join(path, file))
			if err != nil {
				t.Error(err)
			}
			settings = append(settings, strings.TrimSpace(string(text)))
		}
		return rmdir(path)
	}
	got, err := record(t.Context(), fake, options())
	if err != nil {
		t.Fatal(err)
	}
	r := got.Recording
	if got.Interrupted || got.Stopped || got.Full || got.Command != nil || got.Warnings != nil || len(r.Lifetimes) != 5 || r.Lost != 12 || r.Events != 10 {
		t.Errorf("got %+v with %+v", got, r)
	}
	if r.Source.Recorder != "headroom record" || r.Source.Clock != "mono" || r.Source.Command != "true" || r.Source.OnlineCPUs != 3 ||
		!strings.HasPrefix(r.Source.Kernel, "Linux ") || r.Source.StartedUnix == 0 || r.Tasks[0] != (trace.Task{PID: nobody, Comm: "nobody"}) {
		t.Errorf("it comes from %+v, tasks %v", r.Source, r.Tasks)
	}
	if want := []string{"0", "mono", "512", "1", "1"}; !slices.Equal(settings, want) {
		t.Errorf("at the end the settings are %v, want %v", settings, want)
	}
	if paths := left(t, fake); len(paths) > 0 {
		t.Errorf("left behind: %v", paths)
	}
	if text, err := os.ReadFile(filepath.Join(fake.root, "instances", "of-another", "tracing_on")); err != nil || string(text) != "1\n" {
		t.Errorf("another's instance: %q, %v", text, err)
	}
}

// Instances of dead recorders go, and a former one of this very number; those of live ones stay.
func TestStaleInstancesAreSwept(t *testing.T) {
	fake := fakeTracefs(t, buffer(1000, 1))
	for _, name := range []string{"headroom-39", "headroom-40", "headroom-41", "headroom-x"} {
		write(t, filepath.Join(fake.root, "instances", name, "tracing_on"), "1\n")
	}
	if _, err := record(t.Context(), fake, options()); err != nil {
		t.Fatal(err)
	}
	paths := left(t, fake)
	if len(paths) != 2 || filepath.Base(paths[0]) != "headroom-40" || filepath.Base(paths[1]) != "headroom-x" {
		t.Errorf("left behind: %v", paths)
	}
}

// Every way in which recording is impossible gives one line that says what to do, no recording, and leaves no instance.
func TestRefusalsAreOneLineAndLeaveNothing(t *testing.T) {
	deny := func(string) error { return fs.ErrPermission }
	for _, c := range []struct {
		is     error
		says   string
		change func(fake *tracefs, o *Options)
	}{
		{ErrNoTracefs, "mounting it failed: nothing to mount; as root: mount -t tracefs nodev ", func(fake *tracefs, _ *Options) { fake.root += "/absent" }},
		{ErrNotAllowed, "only root may record the kernel's events; run it with sudo", func(fake *tracefs, _ *Options) { fake.mkdir = deny }},
		{ErrRefused, "a ring buffer: full; this kernel may be built without", func(fake *tracefs, _ *Options) {
			fake.mkdir = func(string) error { return errors.New("full") }
		}},
		{ErrRefused, "file exists; a recorder of another container may hold it: run it again", func(fake *tracefs, _ *Options) {
			fake.mkdir = func(string) error { return unix.EEXIST }
		}},
		{ErrRefused, "tracing_on", func(fake *tracefs, _ *Options) { fake.mkdir = func(path string) error { return os.Mkdir(path, 0o700) } }},
		{ErrRefused, "the event task/task_newtask", func(fake *tracefs, _ *Options) { spoil(fake, "events/task/task_newtask/format") }},
		{ErrRefused, "header_page", func(fake *tracefs, _ *Options) { spoil(fake, "events/header_page") }},
		{ErrRefused, "no per_cpu folder in it", func(fake *tracefs, _ *Options) { spoil(fake, "per_cpu") }},
		{ErrRefused, "trace_pipe_raw", func(fake *tracefs, _ *Options) { spoil(fake, "per_cpu/cpu1/trace_pipe_raw") }},
		{trace.ErrNoLifetimes, "nothing was allocated and freed meanwhile", func(fake *tracefs, _ *Options) { spoil(fake, "per_cpu/cpu0") }},
		{fs.ErrNotExist, "the command /absent/x -y cannot be started", func(_ *tracefs, o *Options) { o.Command = []string{"/absent/x", "-y"} }},
		{nil, "nothing says how long to record: give --seconds N, or a command behind --", func(_ *tracefs, o *Options) { o.Command = nil }},
		{nil, "give a positive time", func(_ *tracefs, o *Options) { o.Limit = -1 }},
		{nil, "a buffer of 1 KiB a CPU: give 64 to 1048576", func(_ *tracefs, o *Options) { o.BufferKB = 1 }},
		{nil, `no events are called "net": give block, kmem or both`, func(_ *tracefs, o *Options) { o.Groups = []string{"net"} }},
		{nil, "no events: give block, kmem or both", func(_ *tracefs, o *Options) { o.Groups = nil }},
	} {
		fake, o := fakeTracefs(t, buffer(1000, 1)), options()
		c.change(&fake, &o)
		got, err := record(t.Context(), fake, o)
		if got != nil || err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, %v, want %s", got, err, c.says)
		}
		if paths := left(t, fake); len(paths) > 0 {
			t.Errorf("%s: left behind: %v", c.says, paths)
		}
	}
}

// spoil takes a file out of the instance that will be made.
func spoil(fake *tracefs, file string) {
	mkdir := fake.mkdir
	fake.mkdir = func(path string) error { return errors.Join(mkdir(path), os.RemoveAll(filepath.Join(path, file))) }
}

// Bytes that are no sub-buffer end the recording with an error that says what else to do.
func TestOddBuffersAreRefused(t *testing.T) {
	bad := buffer(1000, 1)
	bad[9] = 0xff
	bad[10] = 0x0f
	fake := fakeTracefs(t, bad)
	if got, err := record(t.Context(), fake, options()); got != nil || !errors.Is(err, trace.ErrFormat) || !strings.Contains(err.Error(), "; record text instead, see README.md") {
		t.Errorf("got %v, %v", got, err)
	}
	if paths := left(t, fake); len(paths) > 0 {
		t.Errorf("left behind: %v", paths)
	}
}

// An interruption keeps what there is, ends the command and what it started, and removes the instance.
func TestInterruptionKeepsWhatThereIs(t *testing.T) {
	fake := fakeTracefs(t, buffer(1000, 4))
	o := options()
	o.Command = []string{"sh", "-c", "sleep 1000 & echo $!; wait"}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var child string
	o.Output = listener(func(text string) {
		child = strings.TrimSpace(text)
		cancel() // the command runs: interrupt
	})
	got, err := record(ctx, fake, o)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Interrupted || !got.Stopped || got.Command != nil || len(got.Recording.Lifetimes) != 4 || len(left(t, fake)) > 0 {
		t.Errorf("got %+v with %d lifetimes, left %v", got, len(got.Recording.Lifetimes), left(t, fake))
	}
	for range 100_000 { // it was told to end, and its end takes a moment
		if over(child) {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("process %s still runs", child)
}

// over reports whether a process is no more, or waits to be collected.
func over(pid string) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	_, state, _ := strings.Cut(string(stat), ") ")
	return err != nil || strings.HasPrefix(state, "Z") || strings.HasPrefix(state, "X")
}

// listener is called with what is written.
type listener func(text string)

func (l listener) Write(text []byte) (int, error) {
	l(string(text))
	return len(text), nil
}

// At the end of the time a command is told to end.
func TestTheLimitEndsTheCommand(t *testing.T) {
	fake := fakeTracefs(t, buffer(1000, 1))
	o := options()
	o.Command, o.Limit = []string{"sleep", "1000"}, time.Millisecond
	got, err := record(t.Context(), fake, o)
	if err != nil || !got.Stopped || got.Interrupted || got.Command != nil {
		t.Errorf("got %+v, %v", got, err)
	}
	o.Command = nil
	if got, err := record(t.Context(), fake, o); err != nil || got.Stopped {
		t.Errorf("without a command: got %+v, %v", got, err)
	}
}

// A command that fails is reported beside the recording; what it prints goes where it should.
func TestAFailingCommandKeepsTheRecording(t *testing.T) {
	fake := fakeTracefs(t, buffer(1000, 1))
	o := options()
	var out bytes.Buffer
	o.Command, o.Output = []string{"sh", "-c", "echo out; echo err >&2; exit 3"}, &out
	got, err := record(t.Context(), fake, o)
	if err != nil || got.Command == nil || got.Command.Error() != "exit status 3" || got.Recording == nil || out.String() != "out\nerr\n" {
		t.Errorf("got %+v, %v; it printed %q", got, err, out.String())
	}
}

// Save writes the file whole, replaces what was there, and leaves nothing else; Writable leaves nothing at all.
func TestSaveIsWholeOrNotAtAll(t *testing.T) {
	got, err := record(t.Context(), fakeTracefs(t, buffer(1000, 1)), options())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "x.stream")
	for range 2 {
		if err := errors.Join(Writable(path), Save(path, got.Recording)); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := trace.Open(path); err != nil || len(r.Lifetimes) != 1 {
		t.Errorf("read back: %+v, %v", r, err)
	}
	if err := Save(path, &trace.Recording{SpanNs: -1, Lifetimes: make([]trace.Lifetime, 1)}); err == nil {
		t.Error("a broken recording is written")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left in the folder: %v, %v", entries, err)
	}
	for _, bad := range []string{dir, filepath.Join(dir, "absent", "x")} {
		if err := Writable(bad); err == nil || !strings.Contains(err.Error(), "name another") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
