package numaboot

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

// LayoutVariable is the environment variable that tells a program in the guest the layout it was booted with, as ParseLayout reads it.
const LayoutVariable = "NUMABOOT_LAYOUT"

// linePath is the guest's second serial line, which carries what the program prints.
const linePath = "/dev/ttyS1"

// Booted reports whether this process is the first of a guest.
func Booted() bool {
	_, err := os.Stat("/" + orderPath)
	return os.Getpid() == 1 && err == nil
}

// Init is the life of a guest's first process: it mounts what programs need, runs the one there is, tells its exit status, and turns the machine
// off. It returns only when turning off was refused.
func Init() error {
	line, err := prepare()
	if err != nil {
		fmt.Fprintln(os.Stderr, "numaboot:", err) // the kernel's console
	} else {
		status, err := runProgram(line)
		if err != nil {
			fmt.Fprintln(line, "numaboot:", err)
		}
		fmt.Fprintf(line, "\n%s%d\n", exitMark, status)
		unix.IoctlSetInt(int(line.Fd()), unix.TCSBRK, 1) // wait until all is sent
	}
	return unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}

// prepare mounts the kernel's file systems and opens the program's line.
func prepare() (*os.File, error) {
	for _, m := range []struct{ kind, path string }{{"devtmpfs", "/dev"}, {"proc", "/proc"}, {"sysfs", "/sys"}, {"tmpfs", "/tmp"}} {
		if err := unix.Mount(m.kind, m.path, m.kind, 0, ""); err != nil && !errors.Is(err, unix.EBUSY) {
			return nil, fmt.Errorf("mount %s: %w", m.path, err)
		}
	}
	return os.OpenFile(linePath, os.O_RDWR|unix.O_NOCTTY, 0)
}

// runProgram runs the program and returns its exit status. The error says why it did not run.
func runProgram(line *os.File) (status int, err error) {
	text, err := os.ReadFile("/" + orderPath)
	if err != nil {
		return 1, err
	}
	var o order
	if err := json.Unmarshal(text, &o); err != nil {
		return 1, err
	}
	cmd := exec.Command("/"+programPath, o.Args...)
	cmd.Dir, cmd.Env = "/tmp", append(os.Environ(), "TMPDIR=/tmp", "HOME=/tmp", LayoutVariable+"="+o.Layout)
	cmd.Stdout, cmd.Stderr = line, line
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &exit) && exit.Exited():
		return exit.ExitCode(), nil
	}
	return 1, err
}
