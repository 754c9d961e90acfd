package record

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// graceTime is how long a command that is told to end has for it.
const graceTime = 2 * time.Second

// process is a command that runs while the recorder records.
type process struct {
	command *exec.Cmd
	ended   chan error // its end, once
	grace   time.Duration
}

// start runs the command in a process group of its own, so that what it started can be ended with it. It reads from nowhere.
func start(words []string, output io.Writer) (*process, error) {
	p := &process{command: exec.Command(words[0], words[1:]...), ended: make(chan error, 1), grace: graceTime}
	p.command.Stdout, p.command.Stderr = output, output
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.command.WaitDelay = graceTime // a child it left behind may hold its output open
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("the command %s cannot be started: %w", strings.Join(words, " "), err)
	}
	go func() { p.ended <- p.command.Wait() }()
	return p, nil
}

// stop ends the command and all of its group: kindly, and what is left of the group after its time of grace at once. A child
// may be deaf where the command itself is not, so the end of the command alone is not enough.
func (p *process) stop() {
	group := -p.command.Process.Pid
	_ = syscall.Kill(group, syscall.SIGTERM)
	late := time.After(p.grace)
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	ended := p.ended
	for waiting := true; waiting; {
		select {
		case <-late:
			waiting = false
		case <-ended:
			ended = nil
		case <-poll.C:
			// Once nobody is left the kernel may give the group's number away, so nothing is sent to it any more.
			if ended == nil && errors.Is(syscall.Kill(group, 0), syscall.ESRCH) {
				return
			}
		}
	}
	_ = syscall.Kill(group, syscall.SIGKILL) // it may have emptied meanwhile
	if ended != nil {
		<-ended
	}
}
