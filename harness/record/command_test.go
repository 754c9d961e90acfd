package record

import (
	"bufio"
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A command that does not listen is ended all the same.
func TestADeafCommandIsEnded(t *testing.T) {
	ready := make(chan bool, 1)
	p, err := start([]string{"sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"}, listener(func(string) { ready <- true }))
	if err != nil {
		t.Fatal(err)
	}
	<-ready
	p.grace = time.Millisecond
	p.stop()
	if state := p.command.ProcessState; state == nil || state.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("it ended with %v", state)
	}
}

// family starts a shell that obeys at once and whose child runs the given script; it returns once the child has printed its number.
func family(t *testing.T, script string) (p *process, child string, output *bufio.Reader) {
	t.Helper()
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close() })
	p, err = start([]string{"sh", "-c", `sh -c "$0" & wait`, script}, out)
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	output = bufio.NewReader(in)
	line, err := output.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return p, strings.TrimSpace(line), output
}

// A child that does not listen is ended, although the command itself obeyed.
func TestADeafChildIsEnded(t *testing.T) {
	p, child, _ := family(t, "trap '' TERM; echo $$; while :; do sleep 1; done")
	p.grace = 100 * time.Millisecond
	p.stop()
	if state := p.command.ProcessState; state == nil || state.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
		t.Fatalf("the command ended with %v, so this shows nothing", state)
	}
	for range 100_000 { // it was ended, and its end takes a moment
		if over(child) {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("process %s still runs", child)
}

// A child that listens has its time of grace, although the command itself has ended.
func TestAChildEndsInOrder(t *testing.T) {
	p, child, output := family(t, "trap 'sleep 0.05; echo in order; exit' TERM; echo $$; while :; do sleep 0.01; done")
	p.stop()
	// The shell may say before it that its sleep was ended: that got the signal as well.
	if text, err := io.ReadAll(output); err != nil || !strings.HasSuffix(string(text), "in order\n") || !over(child) {
		t.Errorf("it printed %q, %v", text, err)
	}
}
