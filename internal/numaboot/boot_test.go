//go:build !numa

package numaboot

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cavaliergopher/cpio"
)

// guest describes a boot by a stand-in for the emulator: a shell script, which sees the arguments the emulator would. $console is its kernel's file.
func guest(t *testing.T, script string) (Guest, *bytes.Buffer) {
	t.Helper()
	folder := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const arguments = "#!/bin/sh\nfor a; do case \"$a\" in file:*) console=${a#file:};; esac; done\n"
	var out bytes.Buffer
	return Guest{
		Layout: Layout{Nodes: 2, Cores: 2, Threads: 1}, Emulator: write("emulator", arguments+script, 0o755), Kernel: write("vmlinuz", "kernel", 0o644),
		Init: write("starter", "init itself", 0o755), Program: write("tests", "the program", 0o755), Args: []string{"-test.v", "a b"},
		Limit: time.Minute, Out: &out,
	}, &out
}

// left lists what a boot left beside the kernel.
func left(t *testing.T, g Guest) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(filepath.Dir(g.Kernel), "boot-*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// What the program prints is passed on with ordinary line ends, and its exit status is Boot's, while the line that tells it is taken out.
func TestProgramsOutputAndStatus(t *testing.T) {
	for _, status := range []string{"0", "1", "2"} {
		g, out := guest(t, `printf 'ok 1\r\nnumaboot: exit `+status+`\r\n'; echo booting > "$console"`)
		got, err := Boot(context.Background(), g)
		if err != nil || got != int(status[0]-'0') || out.String() != "ok 1\n" {
			t.Errorf("status %s: got %d, %v, output %q", status, got, err, out)
		}
		if found := left(t, g); len(found) > 0 {
			t.Errorf("left behind: %v", found)
		}
	}
}

// A guest that ends without telling a status, an emulator that fails, and a guest that hangs are errors that hold what the guest's kernel said.
func TestBrokenGuestsAreErrors(t *testing.T) {
	for _, c := range []struct {
		script string
		limit  time.Duration
		says   []string
	}{
		{`printf 'PASS\r\n'; printf 'panic: no init\r\n' > "$console"`, time.Minute, []string{"ended before the program did", "its kernel said:\npanic: no init"}},
		{`printf 'numaboot: exit what\r\n'`, time.Minute, []string{"ended before the program did"}},
		{`printf 'numaboot: exit 0\r\n'; echo no such option >&2; exit 1`, time.Minute, []string{"exit status 1: no such option"}},
		{`echo stuck > "$console"; exec tail -f "$console"`, 200 * time.Millisecond, []string{"was killed (200ms)"}},
	} {
		g, _ := guest(t, c.script)
		g.Limit = c.limit
		status, err := Boot(context.Background(), g)
		for _, says := range c.says {
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: status %d, %v, want %q", c.script, status, err, says)
			}
		}
		if hung := errors.Is(err, ErrHung); hung != (c.limit != time.Minute) {
			t.Errorf("%s: hung %v: %v", c.script, hung, err)
		}
		if found := left(t, g); len(found) > 0 {
			t.Errorf("left behind: %v", found)
		}
	}
}

// What is not installed is said in one line with the remedy.
func TestMissingToolsNameTheTarget(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "absent")
	noEmulator, _ := guest(t, "")
	noEmulator.Emulator = absent
	noKernel, _ := guest(t, "")
	noKernel.Kernel = absent
	for _, g := range []Guest{noEmulator, noKernel} {
		_, err := Boot(context.Background(), g)
		if err == nil || strings.Contains(err.Error(), "\n") || !strings.HasSuffix(err.Error(), "run make numa-tools") || !strings.Contains(err.Error(), absent) {
			t.Errorf("got %v", err)
		}
	}
}

// Once the caller gives up, the emulator ends, and the error is the caller's own.
func TestBootEndsWithItsCaller(t *testing.T) {
	g, _ := guest(t, `exec tail -f "$0"`)
	ctx, cancel := context.WithCancel(context.Background())
	g.Out = writerFunc(func(b []byte) (int, error) {
		cancel()
		return len(b), nil
	})
	if _, err := Boot(ctx, g); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

type writerFunc func(b []byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// The initial file system has init, the program and its order, executable where they must be.
func TestInitramfsHoldsTheProgram(t *testing.T) {
	g, _ := guest(t, "")
	path := filepath.Join(t.TempDir(), "initramfs")
	if err := writeInitramfs(path, g); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	found := map[string]string{}
	reader := cpio.NewReader(file)
	for {
		h, err := reader.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		found[h.Name] = h.Mode.String() + " " + string(text)
	}
	for name, want := range map[string]string{
		"init": "0100755 init itself", "program": "0100755 the program", "order.json": `0100644 {"Layout":"2x2","Args":["-test.v","a b"]}`,
		"dev": "040755 ", "proc": "040755 ", "sys": "040755 ", "tmp": "040777 ",
	} {
		if found[name] != want {
			t.Errorf("%s is %q, want %q", name, found[name], want)
		}
	}
}

// The emulator is told of every node, socket and distance.
func TestEmulatorIsToldTheLayout(t *testing.T) {
	got := strings.Join(arguments(Guest{Layout: Layout{Nodes: 2, Cores: 3, Threads: 2}, Kernel: "K"}, "I", "C"), " ")
	for _, want := range []string{
		"-accel tcg", "-m 512 -smp 12,sockets=2,cores=3,threads=2", "-kernel K -initrd I", "-serial file:C -serial stdio",
		"-numa node,nodeid=1,memdev=m1 -numa cpu,node-id=1,socket-id=1", "dist,src=0,dst=0,val=10", "dist,src=0,dst=1,val=41", "dist,src=1,dst=0,val=41",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %q", want, got)
		}
	}
}
