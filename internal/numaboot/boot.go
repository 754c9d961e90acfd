package numaboot

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Emulator is the program that emulates the guest, looked up in PATH.
const Emulator = "qemu-system-x86_64"

// remedy ends every error about something that is not installed.
const remedy = "run make numa-tools"

// Guest describes one boot.
type Guest struct {
	Layout   Layout
	Emulator string        // program or path; "" means Emulator
	Kernel   string        // path of a kernel image that has NUMA, serial ports and ELF programs built in
	Init     string        // path of a static program that calls Init
	Program  string        // path of a static program
	Args     []string      // its arguments
	Limit    time.Duration // the guest is killed after this time
	Out      io.Writer     // what the program prints, as it comes
}

// ErrHung says that a guest was killed.
var ErrHung = errors.New("the guest did not end in time and was killed")

// Boot runs g.Program in the guest and returns its exit status. An error says what the machine lacks, or that the guest hung (ErrHung) or died
// before the program ended; it then holds the messages of the guest's kernel. No process and no file is left.
func Boot(ctx context.Context, g Guest) (status int, err error) {
	if g.Emulator == "" {
		g.Emulator = Emulator
	}
	emulator, err := exec.LookPath(g.Emulator)
	if err != nil {
		return 0, fmt.Errorf("%s is not installed: %s", g.Emulator, remedy)
	}
	if _, err := os.Stat(g.Kernel); err != nil {
		return 0, fmt.Errorf("no kernel to boot at %q: %s", g.Kernel, remedy)
	}
	folder, err := os.MkdirTemp(filepath.Dir(g.Kernel), "boot-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(folder)
	initramfs, console := filepath.Join(folder, "initramfs"), filepath.Join(folder, "console")
	if err := writeInitramfs(initramfs, g); err != nil {
		return 0, err
	}
	limit, cancel := context.WithTimeout(ctx, g.Limit)
	defer cancel()
	status, ended, err := emulate(limit, g, emulator, initramfs, console)
	if ended && err == nil {
		return status, nil
	}
	messages, _ := os.ReadFile(console)
	switch {
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case limit.Err() != nil:
		err = fmt.Errorf("%w (%v)", ErrHung, g.Limit)
	case err == nil:
		err = errors.New("the guest ended before the program did")
	}
	return 0, fmt.Errorf("%w; its kernel said:\n%s", err, bytes.TrimSpace(bytes.ReplaceAll(messages, []byte("\r"), nil)))
}

// emulate starts the emulator and copies what the program prints. ended says that the program told its exit status.
func emulate(ctx context.Context, g Guest, emulator, initramfs, console string) (status int, ended bool, err error) {
	// Should this thread die, the emulator dies too.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, emulator, arguments(g, initramfs, console)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var problem bytes.Buffer
	cmd.Stderr = &problem
	cmd.WaitDelay = time.Second
	lines, err := cmd.StdoutPipe()
	if err != nil {
		return 0, false, err
	}
	if err := cmd.Start(); err != nil {
		return 0, false, err
	}
	status, ended = copyLines(g.Out, lines)
	if err := cmd.Wait(); err != nil && ctx.Err() == nil {
		return 0, false, fmt.Errorf("%s: %w: %s", g.Emulator, err, bytes.TrimSpace(problem.Bytes()))
	}
	return status, ended, nil
}

// exitMark begins the last line, written by init: the program's exit status follows.
const exitMark = "numaboot: exit "

// copyLines copies lines until in ends, and takes out the one that tells the exit status. The serial line ends lines with CR LF.
func copyLines(out io.Writer, in io.Reader) (status int, ended bool) {
	reader := bufio.NewReader(in)
	for {
		line, err := reader.ReadString('\n')
		line = strings.ReplaceAll(line, "\r", "")
		if text, found := strings.CutPrefix(line, exitMark); found {
			n, bad := strconv.Atoi(strings.TrimSpace(text))
			status, ended = n, bad == nil
		} else {
			io.WriteString(out, line)
		}
		if err != nil {
			return status, ended
		}
	}
}

// nodeMiB is the memory of a node: the kernel, the program, and regions of 64 MiB used in part.
const nodeMiB = 256

// arguments are the emulator's.
func arguments(g Guest, initramfs, console string) []string {
	l := g.Layout
	args := []string{
		"-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none", "-no-reboot", "-accel", "tcg,thread=multi", "-cpu", "max,vendor=GenuineIntel",
		"-m", strconv.Itoa(l.Nodes * nodeMiB), "-smp", fmt.Sprintf("%d,sockets=%d,cores=%d,threads=%d", l.CPUs(), l.Nodes, l.Cores, l.Threads),
		"-kernel", g.Kernel, "-initrd", initramfs, "-append", "console=ttyS0 panic=-1 mitigations=off",
		"-serial", "file:" + console, "-serial", "stdio",
	}
	for node := range l.Nodes {
		args = append(args,
			"-object", fmt.Sprintf("memory-backend-ram,id=m%d,size=%dM", node, nodeMiB),
			"-numa", fmt.Sprintf("node,nodeid=%d,memdev=m%d", node, node),
			"-numa", fmt.Sprintf("cpu,node-id=%d,socket-id=%d", node, node))
	}
	for from := range l.Nodes {
		for to := range l.Nodes {
			args = append(args, "-numa", fmt.Sprintf("dist,src=%d,dst=%d,val=%d", from, to, l.Distance(from, to)))
		}
	}
	return args
}
