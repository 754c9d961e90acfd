package fuzz

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"headroom/fuzz/explore"
	"headroom/kernel/sim"
)

// segmentText prints a segment of a schedule:
//
//	2x4 #9f3bcc01 ?3:1/2 @Pool.Alloc
//
// Four choices in a row went to entity 2; its accesses have that digest; after the third choice a question with two answers was answered 1; the last
// access was in Pool.Alloc. All but the first may be missing; of answers there may be several, in the order of the questions.
func segmentText(s *explore.Segment) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%dx%d", s.Entity, s.Steps)
	if s.Print != explore.Unprinted {
		fmt.Fprintf(&b, " #%08x", s.Print)
	}
	for _, a := range s.Answers {
		fmt.Fprintf(&b, " ?%d:%d/%d", a.Step, a.Choice, a.Of)
	}
	if s.Place != "" {
		fmt.Fprintf(&b, " @%s", s.Place)
	}
	return b.String()
}

// parseStretch reads an entity and how many steps it took.
func parseStretch(w string) (explore.Segment, error) {
	e, s, ok := strings.Cut(w, "x")
	entity, err1 := strconv.Atoi(e)
	steps, err2 := strconv.Atoi(s)
	if !ok || err1 != nil || err2 != nil || entity < 0 || entity >= sim.MaxEntities || steps < 1 || steps > maxSteps {
		return explore.Segment{}, fmt.Errorf("schedule segment %q: want entity x steps, such as 2x4", w)
	}
	return explore.Segment{Entity: entity, Steps: steps}, nil
}

// parseSegment reads one segment with what stands beside it. It takes the one form that segmentText prints, so that a file has one spelling.
func (r *Replay) parseSegment(value string) error {
	before, place, _ := strings.Cut(value, " @")
	words := strings.Fields(before)
	if len(words) == 0 {
		return fmt.Errorf("schedule %q: want a segment, such as 2x4 #9f3bcc01 @Pool.Alloc", value)
	}
	s, err := parseStretch(words[0])
	if err != nil {
		return err
	}
	s.Place = place
	for _, w := range words[1:] {
		if err := parseBeside(&s, w); err != nil {
			return err
		}
	}
	if text := segmentText(&s); text != value {
		return fmt.Errorf("schedule %q: want it written %q", value, text)
	}
	if !slices.IsSortedFunc(s.Answers, func(a, b explore.Answer) int { return a.Step - b.Step }) {
		return fmt.Errorf("schedule %q: want the answers in the order of their steps", value)
	}
	r.Schedule = append(r.Schedule, s)
	return nil
}

// parseBeside reads a digest or an answer.
func parseBeside(s *explore.Segment, w string) error {
	switch w[0] {
	case '#':
		print, err := strconv.ParseUint(w[1:], 16, 32)
		if err != nil || print == explore.Unprinted || s.Print != explore.Unprinted {
			return fmt.Errorf("schedule digest %q: want one number of 32 bits, such as #9f3bcc01", w)
		}
		s.Print = uint32(print)
		return nil
	case '?':
		var a explore.Answer
		step, rest, ok1 := strings.Cut(w[1:], ":")
		choice, of, ok2 := strings.Cut(rest, "/")
		var errs [3]error
		a.Step, errs[0] = number("answer", step, s.Steps)
		a.Of, errs[1] = number("answer", of, maxAnswers)
		a.Choice, errs[2] = number("answer", choice, a.Of-1)
		if !ok1 || !ok2 || errs != [3]error{} || a.Step < 1 || a.Of < 2 {
			return fmt.Errorf("schedule answer %q: want step, answer and number of answers, such as ?3:1/2", w)
		}
		s.Answers = append(s.Answers, a)
		return nil
	}
	return fmt.Errorf("schedule word %q: want #digest, ?answer or @place after a segment", w)
}

// maxAnswers bounds the answers to a question, above the tasks times the CPUs of any machine.
const maxAnswers = 1 << 12
