package record

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"headroom/kernel/machine"
)

// Root is where tracefs is mounted on every current system.
const Root = "/sys/kernel/tracing"

// Errors that a caller must expect, matched with errors.Is. Each is wrapped in one line that says what to do.
var (
	ErrNoTracefs  = errors.New("no tracefs")
	ErrNotAllowed = errors.New("not allowed")
	ErrRefused    = errors.New("the kernel refused")
)

// prefix begins the names of this program's instances; the rest is the number of the process.
const prefix = "headroom-"

// tracefs is a mounted tracefs, or what a test puts in its place.
type tracefs struct {
	root    string
	proc    string // where /proc is
	sys     string // where sysfs is
	pid     int
	mount   func(root string) error
	unmount func(root string) error
	mkdir   func(path string) error
	rmdir   func(path string) error
	read    func(fd int, page []byte) (int, error)
	alive   func(pid int) bool

	mounted  bool      // by us
	instance *instance // to be removed; nil if there is none
}

// kernelTracefs is the real one.
func kernelTracefs() tracefs {
	return tracefs{
		root:    Root,
		proc:    "/proc",
		sys:     "/sys",
		pid:     os.Getpid(),
		mount:   func(root string) error { return unix.Mount("nodev", root, "tracefs", 0, "") },
		unmount: func(root string) error { return unix.Unmount(root, 0) },
		mkdir:   func(path string) error { return unix.Mkdir(path, 0o700) },
		rmdir:   unix.Rmdir,
		read:    unix.Read,
		alive:   func(pid int) bool { return !errors.Is(unix.Kill(pid, 0), unix.ESRCH) },
	}
}

// ready mounts tracefs if it is not; leave undoes that.
func (t *tracefs) ready() error {
	_, err := os.Stat(filepath.Join(t.root, "instances"))
	if errors.Is(err, fs.ErrNotExist) {
		if mountErr := t.mount(t.root); mountErr != nil {
			return fmt.Errorf("%w at %s, and mounting it failed: %v; as root: mount -t tracefs nodev %s", ErrNoTracefs, t.root, mountErr, t.root)
		}
		t.mounted = true
		_, err = os.Stat(filepath.Join(t.root, "instances"))
	}
	if errors.Is(err, fs.ErrPermission) {
		return notAllowed(t.root)
	}
	if err != nil {
		return fmt.Errorf("%w: %v; as root: mount -t tracefs nodev %s", ErrNoTracefs, err, t.root)
	}
	return nil
}

func notAllowed(path string) error {
	return fmt.Errorf("%s: %w: only root may record the kernel's events; run it with sudo", path, ErrNotAllowed)
}

// sweep removes the instances of processes that are no more. One that another recorder still reads, perhaps of another
// pid namespace, cannot be removed, and is left alone.
func (t *tracefs) sweep() {
	entries, err := os.ReadDir(filepath.Join(t.root, "instances"))
	if err != nil {
		return // making an instance will say why
	}
	for _, entry := range entries {
		pid, isOurs := strings.CutPrefix(entry.Name(), prefix)
		if n, err := strconv.Atoi(pid); isOurs && err == nil && (n == t.pid || !t.alive(n)) {
			_ = t.rmdir(filepath.Join(t.root, "instances", entry.Name()))
		}
	}
}

// instance is a ring buffer of our own, in the folder dir.
type instance struct {
	fs   *tracefs
	dir  string
	cpus []int
	fds  []int // of per_cpu/cpuN/trace_pipe_raw, as cpus
}

// newInstance makes one that records nothing yet.
func (t *tracefs) newInstance(bufferKB int) (*instance, error) {
	t.sweep()
	in := &instance{fs: t, dir: filepath.Join(t.root, "instances", prefix+strconv.Itoa(t.pid))}
	if err := t.mkdir(in.dir); err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return nil, notAllowed(in.dir)
		}
		if errors.Is(err, fs.ErrExist) { // sweep could not remove it
			return nil, fmt.Errorf("%s: %w a ring buffer: %v; a recorder of another container may hold it: run it again", in.dir, ErrRefused, err)
		}
		return nil, fmt.Errorf("%s: %w a ring buffer: %v; this kernel may be built without CONFIG_TRACING, or be locked down", in.dir, ErrRefused, err)
	}
	t.instance = in
	for _, setting := range []struct{ file, value, remedy string }{
		{"tracing_on", "0", "another tracer may hold it"},
		{"trace_clock", clock, "this kernel is too old"},
		{"buffer_size_kb", strconv.Itoa(bufferKB), "give a smaller --buffer-kb"},
	} {
		if err := in.set(setting.file, setting.value); err != nil {
			return nil, fmt.Errorf("%s: %w %s: %v; %s", filepath.Join(in.dir, setting.file), ErrRefused, setting.value, err, setting.remedy)
		}
	}
	return in, nil
}

// clock is the trace clock: the same on all CPUs, in ns, and it does not jump.
const clock = "mono"

// set writes a file of the instance.
func (in *instance) set(file, value string) error {
	f, err := os.OpenFile(filepath.Join(in.dir, file), os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value + "\n")
	return errors.Join(err, f.Close())
}

// get reads a file of the instance.
func (in *instance) get(file string) (string, error) {
	text, err := os.ReadFile(filepath.Join(in.dir, file))
	return string(text), err
}

// enable switches an event on and returns its format. The event is "subsystem/name".
func (in *instance) enable(event string) (format string, err error) {
	if format, err = in.get(filepath.Join("events", event, "format")); err == nil {
		err = in.set(filepath.Join("events", event, "enable"), "1")
	}
	if err != nil {
		return "", fmt.Errorf("%w the event %s: %v; this kernel may be built without it", ErrRefused, event, err)
	}
	return format, nil
}

// openPipes opens every CPU's buffer.
func (in *instance) openPipes() error {
	paths, err := filepath.Glob(filepath.Join(in.dir, "per_cpu", "cpu[0-9]*"))
	if err != nil || len(paths) == 0 {
		return fmt.Errorf("%s: %w: no per_cpu folder in it; this kernel is too old", in.dir, ErrRefused)
	}
	for _, path := range paths {
		n, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(path), "cpu"))
		if err != nil {
			continue
		}
		in.cpus = append(in.cpus, n)
	}
	slices.Sort(in.cpus) // all possible CPUs, also those that were never online
	for _, cpu := range in.cpus {
		path := in.perCPU(cpu, "trace_pipe_raw")
		// Not os.Open, which would wait in the runtime for more where this has to come back empty-handed.
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("%s: %w: %v", path, ErrRefused, err)
		}
		in.fds = append(in.fds, fd)
	}
	return nil
}

func (in *instance) perCPU(cpu int, file string) string {
	return filepath.Join(in.dir, "per_cpu", "cpu"+strconv.Itoa(cpu), file)
}

// lost is how many events the kernel had no room for. Missing statistics count as none.
func (in *instance) lost() (n int) {
	for _, cpu := range in.cpus {
		text, err := os.ReadFile(in.perCPU(cpu, "stats"))
		if err != nil {
			continue
		}
		for _, line := range strings.Split(string(text), "\n") {
			name, value, _ := strings.Cut(line, ":")
			switch name {
			case "overrun", "commit overrun", "dropped events":
				if count, err := strconv.Atoi(strings.TrimSpace(value)); err == nil && count > 0 {
					n += count
				}
			}
		}
	}
	return n
}

// onlineCPUs is how many CPUs are online, 0 if the kernel does not say. The folders of per_cpu are those of all possible ones.
func (t *tracefs) onlineCPUs() int {
	text, err := os.ReadFile(filepath.Join(t.sys, "devices/system/cpu/online"))
	if err != nil {
		return 0
	}
	list, err := machine.ParseCPUList(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return len(list)
}

// A ring buffer is busy while a reader of it, ours or a curious one's, is about to leave.
const (
	removals    = 10
	removeEvery = 20 * time.Millisecond
)

// leave removes the instance, and with it all its settings, and then a tracefs that ready mounted. It returns a line for each
// that stays behind; a tracefs is kept while the instance is in it, or nobody could remove that.
func (t *tracefs) leave() (left []string) {
	if in := t.instance; in != nil {
		t.instance = nil
		if err := in.close(); err != nil {
			left = append(left, fmt.Sprintf("the ring buffer %s is left behind, switched off: %v; as root: rmdir %s", in.dir, err, in.dir))
		}
	}
	if t.mounted {
		t.mounted = false
		err := errors.New("the ring buffer is in it")
		if len(left) == 0 {
			err = t.unmount(t.root)
		}
		if err != nil {
			left = append(left, fmt.Sprintf("tracefs, which was not mounted before, stays mounted: %v; as root: umount %s", err, t.root))
		}
	}
	return left
}

// close removes the instance. Should that fail, it has no event on and records nothing.
func (in *instance) close() error {
	for _, fd := range in.fds {
		_ = unix.Close(fd)
	}
	in.fds = nil
	_ = in.set("tracing_on", "0") // these two matter only if it cannot be removed
	_ = in.set("events/enable", "0")
	err := in.fs.rmdir(in.dir)
	for n := 1; n < removals && errors.Is(err, unix.EBUSY); n++ {
		<-time.After(removeEvery)
		err = in.fs.rmdir(in.dir)
	}
	return err
}
