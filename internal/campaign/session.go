package main

import (
	"fmt"
	"regexp"
	"strconv"
	"time"

	"headroom/fuzz/target"
)

// session is one target under one fuzzer.
type session struct {
	target     target.Target
	engine     string
	started    time.Time
	took       time.Duration
	executions int64
	corpus     int // inputs that the fuzzer holds
	findings   []finding
	workers    int // go-fuzz: processes that are connected

	// The rate is taken between two reports of the fuzzer, so that its start does not count.
	first, last report
}

// report is a number of executions at a time.
type report struct {
	at         time.Time
	executions int64
}

// Lines in which the fuzzers report.
var (
	nativeBegins = regexp.MustCompile(`^fuzz: elapsed: \S+, gathering baseline coverage: .* completed, now fuzzing`)
	nativeLine   = regexp.MustCompile(`^fuzz: elapsed: \S+, execs: (\d+) \(\d+/sec\), new interesting: \d+ \(total: (\d+)\)`)
	goFuzzLine   = regexp.MustCompile(`workers: (\d+), corpus: (\d+) .*, execs: (\d+) \(`)
)

// native takes in a line of Go's fuzzer.
func (s *session) nativeLine(line string, now time.Time) {
	if nativeBegins.MatchString(line) {
		s.first = report{at: now}
	}
	if m := nativeLine.FindStringSubmatch(line); m != nil {
		s.corpus = number(m[2])
		s.reported(report{at: now, executions: int64(number(m[1]))})
	}
}

// goFuzzLine takes in a line of go-fuzz; its first report with executions ends the start.
func (s *session) goFuzzLine(line string, now time.Time) {
	m := goFuzzLine.FindStringSubmatch(line)
	if m == nil {
		return
	}
	s.workers, s.corpus = number(m[1]), number(m[2])
	r := report{at: now, executions: int64(number(m[3]))}
	if s.first.at.IsZero() && r.executions > 0 {
		s.first = r
	}
	s.reported(r)
}

// reported keeps the latest report that brought something: the last of a session repeats the one before.
func (s *session) reported(r report) {
	if r.executions > s.last.executions {
		s.last, s.executions = r, r.executions
	}
}

// number is a number that a pattern has found.
func number(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0 // too long for any fuzzer to have counted so far
	}
	return n
}

// rate is the number of executions a second, 0 when there was one report only.
func (s *session) rate() float64 {
	seconds := s.last.at.Sub(s.first.at).Seconds()
	if s.first.at.IsZero() || seconds <= 0 {
		return 0
	}
	return float64(s.last.executions-s.first.executions) / seconds
}

// heading stands over the rows.
const heading = "target      fuzzer     executions  executions/s     schedules   schedules/s   corpus  findings"

func (s *session) row() string {
	schedules, rate, schedulesRate := "-", "-", "-"
	n := int64(s.target.Schedules)
	if n > 0 {
		schedules = strconv.FormatInt(n*s.executions, 10)
	}
	if s.rate() > 0 {
		rate = fmt.Sprintf("%.0f", s.rate())
		if n > 0 {
			schedulesRate = fmt.Sprintf("%.0f", float64(n)*s.rate())
		}
	}
	return fmt.Sprintf("%-11s %-8s %12d %13s %13s %13s %8d %9d", s.target.Name, s.engine, s.executions, rate, schedules, schedulesRate, s.corpus, len(s.findings))
}

// barTarget is the target whose schedules a second have a bar, on two processors of about 2.6 GHz.
const barTarget = "schedule"

var barOf = map[string]float64{native: 1.5e6, goFuzz: 0.8e6}

// bars says of the sessions with a bar whether they reached it. A rate depends on what else the machine does, so it is said and no more.
func bars(rows []*session) []string {
	var lines []string
	for _, s := range rows {
		bar := barOf[s.engine]
		if s.target.Name != barTarget || bar == 0 || s.rate() == 0 {
			continue
		}
		met := "met"
		if float64(s.target.Schedules)*s.rate() < bar {
			met = "below"
		}
		lines = append(lines, fmt.Sprintf("%s under %s: %.2f million schedules a second, the bar is %.1f: %s",
			s.target.Name, s.engine, float64(s.target.Schedules)*s.rate()/1e6, bar/1e6, met))
	}
	return lines
}
