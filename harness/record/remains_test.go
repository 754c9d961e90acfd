package record

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"headroom/harness/trace"
)

// A possible CPU that is not online has a folder and no buffer: its reads fail until it comes online, and then they count.
func TestCPUsMayComeOnlineLate(t *testing.T) {
	for name, late := range map[string]bool{"never": false, "late": true} {
		fake := fakeTracefs(t, buffer(1000, 3))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		asked := 0
		fake.read = func(fd int, page []byte) (int, error) {
			path, err := os.Readlink(filepath.Join("/proc/self/fd", strconv.Itoa(fd)))
			if err != nil || !strings.HasSuffix(path, "/cpu1/trace_pipe_raw") {
				return unix.Read(fd, page)
			}
			asked++
			if asked == 4 {
				cancel() // it was asked often enough
				if late {
					return copy(page, buffer(90000, 2)), nil
				}
			}
			return -1, unix.ENODEV
		}
		o := options()
		o.Command, o.Limit = nil, time.Hour
		got, err := record(ctx, fake, o)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		lifetimes, cpus := 3, 1
		if late {
			lifetimes, cpus = 5, 2
		}
		if len(got.Recording.Lifetimes) != lifetimes || got.Recording.CPUs != cpus || !got.Interrupted || asked < 4 {
			t.Errorf("%s: %d lifetimes of %d CPUs, asked %d times", name, len(got.Recording.Lifetimes), got.Recording.CPUs, asked)
		}
	}
}

// A kernel that does not say which CPUs are online gives a recording that does not either.
func TestOnlineCPUsMayBeUnknown(t *testing.T) {
	for _, text := range []string{"", "what\n"} {
		fake := fakeTracefs(t, buffer(1000, 1))
		write(t, filepath.Join(fake.sys, "devices/system/cpu/online"), text)
		if got, err := record(t.Context(), fake, options()); err != nil || got.Recording.Source.OnlineCPUs != 0 {
			t.Errorf("%q: got %+v, %v", text, got, err)
		}
	}
}

// Inside a PID namespace the numbers of /proc mean other tasks: they name nobody and take nobody's pages out.
func TestForeignPIDsAreNotBelieved(t *testing.T) {
	fake := fakeTracefs(t, buffer(1000, 2))
	write(t, filepath.Join(fake.proc, "self", "task", strconv.Itoa(nobody), "comm"), "headroom\n")
	if got, err := record(t.Context(), fake, options()); !errors.Is(err, trace.ErrNoLifetimes) {
		t.Fatalf("its own pages stay in: %+v, %v", got, err)
	}
	namespace := filepath.Join(fake.proc, "self", "ns", "pid")
	if err := errors.Join(os.Remove(namespace), os.Symlink("pid:[4026532201]", namespace)); err != nil {
		t.Fatal(err)
	}
	got, err := record(t.Context(), fake, options())
	if err != nil {
		t.Fatal(err)
	}
	if r := got.Recording; len(r.Lifetimes) != 2 || r.Source.OwnEvents != 0 || r.Tasks[0] != (trace.Task{PID: nobody}) || !slices.Equal(got.Warnings, []string{foreignWarning}) {
		t.Errorf("got %+v with %+v", got, r)
	}
}

// A buffer that is busy for a moment is removed all the same. One that stays is switched off and named, with the remedy.
func TestBusyBuffersAreRetriedThenNamed(t *testing.T) {
	for _, busy := range []int{2, 1000} {
		fake := fakeTracefs(t, buffer(1000, 1))
		rmdir, calls := fake.rmdir, 0
		fake.rmdir = func(path string) error {
			if calls++; calls <= busy {
				return unix.EBUSY
			}
			return rmdir(path)
		}
		got, err := record(t.Context(), fake, options())
		if err != nil {
			t.Fatal(err)
		}
		paths := left(t, fake)
		if busy == 2 {
			if len(got.Warnings) > 0 || len(paths) > 0 {
				t.Errorf("left behind: %v, %q", paths, got.Warnings)
			}
			continue
		}
		if len(paths) != 1 || len(got.Warnings) != 1 || !strings.HasSuffix(got.Warnings[0], "device or resource busy; as root: rmdir "+paths[0]) {
			t.Fatalf("left behind: %v, %q", paths, got.Warnings)
		}
		for _, file := range []string{"tracing_on", "events/enable"} {
			if text, err := os.ReadFile(filepath.Join(paths[0], file)); err != nil || string(text) != "0\n" {
				t.Errorf("%s: %q, %v", file, text, err)
			}
		}
	}
}

// With an error, too, what stays behind is named, in the one line.
func TestErrorsNameWhatStaysBehind(t *testing.T) {
	fake := fakeTracefs(t)
	fake.rmdir = func(string) error { return unix.EPERM }
	spoil(&fake, "events/header_page")
	got, err := record(t.Context(), fake, options())
	if got != nil || !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "header_page") ||
		!strings.HasSuffix(err.Error(), "operation not permitted; as root: rmdir "+filepath.Join(fake.root, "instances", "headroom-41")) || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v, %v", got, err)
	}
}

// A tracefs that record mounted stays while its buffer is in it, and both are named.
func TestBothThatStayAreNamed(t *testing.T) {
	fake := fakeTracefs(t, buffer(1000, 1))
	fake.root = filepath.Join(fake.root, "absent")
	fake.mount = func(root string) error { return os.MkdirAll(filepath.Join(root, "instances"), 0o700) }
	fake.rmdir = func(string) error { return unix.EPERM }
	fake.unmount = func(string) error { return errors.New("unmounted with the buffer in it") }
	got, err := record(t.Context(), fake, options())
	if err != nil {
		t.Fatal(err)
	}
	if w := got.Warnings; len(w) != 2 || !strings.HasSuffix(w[0], "as root: rmdir "+filepath.Join(fake.root, "instances", "headroom-41")) ||
		!strings.HasSuffix(w[1], "stays mounted: the ring buffer is in it; as root: umount "+fake.root) {
		t.Errorf("it says %q", w)
	}
}

// A tracefs that record mounts, it unmounts, also when it cannot record; if that fails it says so.
func TestWhatWasMountedIsUnmounted(t *testing.T) {
	for _, c := range []struct {
		unmount error
		spoilt  string
		says    string
	}{
		{nil, "", ""}, {nil, "per_cpu", ""}, {unix.EBUSY, "", "stays mounted: device or resource busy; as root: umount "},
		{unix.EBUSY, "per_cpu", "stays mounted: device or resource busy; as root: umount "},
	} {
		fake := fakeTracefs(t, buffer(1000, 1))
		fake.root = filepath.Join(fake.root, "absent")
		fake.mount = func(root string) error { return os.MkdirAll(filepath.Join(root, "instances"), 0o700) }
		unmounted := 0
		fake.unmount = func(root string) error {
			if unmounted++; root != fake.root || len(left(t, fake)) > 0 {
				t.Errorf("unmounting %s with %v in it", root, left(t, fake))
			}
			return c.unmount
		}
		if c.spoilt != "" {
			spoil(&fake, c.spoilt)
		}
		got, err := record(t.Context(), fake, options())
		said := ""
		switch {
		case got != nil && c.spoilt == "":
			said = strings.Join(got.Warnings, "\n")
		case errors.Is(err, ErrRefused) && c.spoilt != "":
			_, said, _ = strings.Cut(err.Error(), "too old")
		default:
			t.Fatalf("%+v: got %v, %v", c, got, err)
		}
		if unmounted != 1 || !strings.Contains(said, c.says) || c.says == "" && said != "" {
			t.Errorf("%+v: unmounted %d times, it says %q", c, unmounted, said)
		}
	}
}
