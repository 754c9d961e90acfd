package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// loopbackWorkers is how many workers the coordinator gets.
const loopbackWorkers = 2

// loopback is make fuzz-gofuzz: a coordinator, which holds the corpus and the findings, and two workers of one process each, all on this machine and
// talking over TCP. Nobody is asked who he is, so the addresses are those of loopback.
func (c *campaign) loopback(ctx context.Context, name string) error {
	targets, err := pick([]string{name})
	if err != nil {
		return err
	}
	if err := c.long(); err != nil {
		return err
	}
	if err := c.build(ctx, []string{goFuzz}); err != nil {
		return err
	}
	s := &session{target: targets[0], engine: goFuzz, started: time.Now()}
	if err := c.prepare(s.target); err != nil {
		return err
	}
	listen, err := freeAddresses(2)
	if err != nil {
		return err
	}
	if err := c.together(ctx, s, listen[0], listen[1]); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if s.findings, err = crashers(c.goFuzzDir(s.target), true); err != nil {
		return err
	}
	fmt.Println(heading)
	fmt.Println(s.row())
	for _, f := range s.findings {
		if err := f.print(s); err != nil {
			return err
		}
	}
	switch {
	case len(s.findings) > 0:
		return errFound
	case s.executions == 0 || s.workers != loopbackWorkers:
		return fmt.Errorf("%d of %d workers were connected and made %d executions: see %s", s.workers, loopbackWorkers, s.executions, filepath.Join(c.dir, "log"))
	}
	return nil
}

// together runs the coordinator and the workers for the campaign's time, counted from the first executions.
func (c *campaign) together(ctx context.Context, s *session, coordinator, statistics string) error {
	ctx, stop := context.WithTimeout(ctx, startTime+c.each)
	defer stop()
	defer c.sweep()
	var printing sync.Mutex
	say := func(who, line string) {
		printing.Lock()
		defer printing.Unlock()
		fmt.Printf("%-12s %s\n", who+":", line)
	}
	told := false
	processes := []process{{
		args: []string{c.goFuzzBinary(), "-workdir=" + c.goFuzzDir(s.target), "-coordinator=" + coordinator, "-http=" + statistics},
		log:  filepath.Join(c.dir, "log", "coordinator.txt"), temp: c.temp(),
		line: func(line string) {
			now := time.Now()
			say("coordinator", line)
			s.goFuzzLine(line, now)
			if s.executions > 0 && !told {
				told = true
				go func() { say("statistics", statisticsFrom(ctx, statistics)) }()
			}
			if !s.first.at.IsZero() && now.Sub(s.first.at) >= c.each {
				stop()
			}
		},
	}}
	for n := range loopbackWorkers {
		who := fmt.Sprintf("worker %d", n+1)
		processes = append(processes, process{
			args: append(c.goFuzzArgs(s.target), "-worker="+coordinator, "-procs=1", "-v=1"),
			log:  filepath.Join(c.dir, "log", fmt.Sprintf("worker-%d.txt", n+1)), temp: c.temp(),
			line: func(line string) { say(who, line) },
		})
	}
	errs := make([]error, len(processes))
	var all sync.WaitGroup
	for i, p := range processes {
		all.Go(func() {
			status, err := p.run(ctx)
			if err == nil && status != 0 && ctx.Err() == nil {
				err = fmt.Errorf("go-fuzz ended with status %d: see %s", status, p.log)
			}
			if errs[i] = err; err != nil {
				stop()
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// freeAddresses are addresses of loopback that nobody listens on now.
func freeAddresses(n int) ([]string, error) {
	var list []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // all at once, so that they differ
		list = append(list, l.Addr().String())
	}
	return list, nil
}

// statisticsFrom is one message of those that the coordinator sends to browsers, or says why there is none.
func statisticsFrom(ctx context.Context, address string) string {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/eventsource", nil)
	if err != nil {
		return err.Error()
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			return "http://" + address + " " + data
		}
	}
	return fmt.Sprintf("http://%s sent nothing: %v", address, lines.Err())
}
