package explore

import (
	"math/bits"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"headroom/internal/rng"
)

// Of the eligible the random walk draws each equally often, and nobody else.
func TestRandomIsEvenOverTheEligible(t *testing.T) {
	const perEntity = 20_000
	for _, eligible := range []uint64{0b1, 0b11, 0b101, 1<<63 | 1, 0b10110, 0xff00ff, ^uint64(0) >> 1, ^uint64(0)} {
		n := bits.OnesCount64(eligible)
		var counts [64]int
		var walk Random
		walk.Seed(eligible)
		for range perEntity * n {
			counts[walk.Next(eligible, -1)]++
		}
		for i, count := range counts {
			want := int(eligible>>i&1) * perEntity
			if count < want-want/20 || count > want+want/20 { // a twentieth is seven standard deviations
				t.Errorf("of %#x entity %d was drawn %d times of %d", eligible, i, count, want)
			}
		}
	}
}

// A walk is a function of its seed: seeding it again starts it anew, whatever was drawn before, and other seeds give other walks.
func TestRandomStartsAnewFromItsSeed(t *testing.T) {
	draw := func(walk *Random, n int) (list []int) {
		for range n {
			list = append(list, walk.Next(0b1111, 0))
		}
		return list
	}
	var walk, other Random
	walk.Seed(7)
	first := draw(&walk, 101)
	for _, before := range []int{0, 1, 2, 3, 50} {
		draw(&walk, before)
		walk.Seed(7)
		if again := draw(&walk, 101); !slices.Equal(first, again) {
			t.Errorf("after %d more choices seed 7 gives %v, first it gave %v", before, again, first)
		}
	}
	other.Seed(8)
	if slices.Equal(first, draw(&other, 101)) {
		t.Error("seeds 7 and 8 give the same walk")
	}
}

// sets draws what is eligible at each choice of a run.
func sets(t *rapid.T) []uint64 {
	return rapid.SliceOfN(rapid.Uint64Range(1, 1<<5-1), 1, 60).Draw(t, "eligible")
}

// record runs the random walk of a seed over a run's sets.
func record(eligible []uint64, seed uint64) (choices []int, segments []Segment) {
	var walk Random
	walk.Seed(seed)
	r := Record{From: &walk}
	for _, set := range eligible {
		choices = append(choices, r.Next(set, -1))
	}
	return choices, r.Segments
}

// What Record notes of a walk, Replay gives back choice by choice, and has nothing left over at the end, but at no choice before.
func TestReplayGivesWhatWasRecorded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		eligible := sets(t)
		choices, segments := record(eligible, rapid.Uint64().Draw(t, "seed"))
		total := 0
		for i, s := range segments {
			total += s.Steps
			if s.Steps < 1 || i > 0 && segments[i-1].Entity == s.Entity {
				t.Fatalf("segments %v: number %d is no stretch of its own", segments, i+1)
			}
		}
		if total != len(choices) {
			t.Fatalf("segments %v hold %d choices of %d", segments, total, len(choices))
		}
		replay := Replay{Segments: segments}
		for i, set := range eligible {
			if !replay.Unused() {
				t.Fatalf("nothing is left after %d of %d choices", i, len(choices))
			}
			if got := replay.Next(set, -1); got != choices[i] || replay.Diverged != "" {
				t.Fatalf("choice %d is %d, recorded %d; diverged: %q", i+1, got, choices[i], replay.Diverged)
			}
		}
		if replay.Unused() {
			t.Fatalf("after the last choice something of %v is left", segments)
		}
	})
}

// A choice that cannot be followed is reported at its place, once, and from there on the lowest eligible entity is taken.
func TestReplayStopsAtTheFirstImpossibleChoice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		eligible := sets(t)
		choices, segments := record(eligible, rapid.Uint64().Draw(t, "seed"))
		wrong := rapid.IntRange(0, len(choices)-1).Draw(t, "wrong")
		eligible[wrong] = 1 << 6 // nobody recorded is entity 6
		replay := Replay{Segments: segments}
		said := ""
		for i, set := range eligible {
			got := replay.Next(set, -1)
			switch {
			case i < wrong && (got != choices[i] || replay.Diverged != ""):
				t.Fatalf("before the wrong choice %d: %d, %q", i+1, got, replay.Diverged)
			case i >= wrong && (got != bits.TrailingZeros64(set) || replay.Diverged == ""):
				t.Fatalf("after the wrong choice %d: %d of %#x, %q", i+1, got, set, replay.Diverged)
			case i > wrong && replay.Diverged != said:
				t.Fatalf("first it said %q, now %q", said, replay.Diverged)
			}
			said = replay.Diverged
		}
	})
}

// Where a run leaves its schedule is said by segment and choice, as the file counts them.
func TestReplayNamesSegmentAndChoice(t *testing.T) {
	for _, c := range []struct {
		name     string
		segments []Segment
		eligible []uint64
		says     string
		unused   bool
	}{
		{"first choice", []Segment{{3, 2}}, []uint64{0b0111}, "segment 1, choice 1: entity 3 cannot take a step here", true},
		{"in a segment", []Segment{{0, 1}, {1, 3}}, []uint64{0b11, 0b11, 0b11, 0b01}, "segment 2, choice 3: entity 1 cannot take a step here", true},
		{"too long a run", []Segment{{0, 1}, {1, 1}}, []uint64{0b11, 0b11, 0b11}, "the schedule of 2 segments ended before the run", false},
		{"no schedule", nil, []uint64{0b11}, "the schedule of 0 segments ended before the run", false},
		{"too short a run", []Segment{{0, 1}, {1, 2}}, []uint64{0b11, 0b11}, "", true},
		{"followed", []Segment{{0, 1}, {1, 2}}, []uint64{0b11, 0b11, 0b10}, "", false},
	} {
		replay := Replay{Segments: c.segments}
		for _, set := range c.eligible {
			replay.Next(set, -1)
		}
		if replay.Diverged != c.says || replay.Unused() != c.unused {
			t.Errorf("%s: says %q, unused %v; want %q, %v", c.name, replay.Diverged, replay.Unused(), c.says, c.unused)
		}
	}
}

// The stream behind a walk is the project's own, so equal seeds give equal walks on every machine and in every release of Go.
func TestRandomWalkIsTheSameEverywhere(t *testing.T) {
	var walk Random
	walk.Seed(1)
	stream := rng.New(1)
	for range 3 {
		for drawn, i := stream.Uint64(), 0; i < 4; i++ {
			want := int(drawn >> (16 * i) & 0xffff * 5 >> 16)
			if got := walk.Next(0b11111, 0); got != want {
				t.Fatalf("the walk goes to %d, want %d", got, want)
			}
		}
	}
}

// asks is a strategy that both goes next and answers.
type asks interface {
	Next(eligible uint64, current int) int
	Choose(n int) int
}

// ask puts questions (numbers below 0, of so many answers) and sets of the eligible to a strategy.
func ask(s asks, run []int) (answers []int) {
	for _, q := range run {
		if q < 0 {
			answers = append(answers, s.Choose(-q))
		} else {
			answers = append(answers, s.Next(uint64(q), -1))
		}
	}
	return answers
}

// Answers are recorded between the steps and given back there; each of n answers is as likely, and a strategy that answers nothing says 0.
func TestReplayGivesRecordedAnswers(t *testing.T) {
	run := []int{0b11, -2, -2, 0b11, -5, 0b01, -3, -3, -3, 0b10}
	var counts [5]int
	for seed := range uint64(500) {
		var walk Random
		walk.Seed(seed)
		record := Record{From: &walk}
		first := ask(&record, run)
		counts[first[4]]++
		replay := Replay{Segments: record.Segments}
		if again := ask(&replay, run); !slices.Equal(first, again) || replay.Diverged != "" || replay.Unused() {
			t.Fatalf("seed %d: recorded %v, replayed %v, %q", seed, first, again, replay.Diverged)
		}
	}
	for answer, count := range counts {
		if count < 60 || count > 140 { // 100, and nine standard deviations of nine
			t.Errorf("answer %d was drawn %d times of 500", answer, count)
		}
	}
	record := Record{From: &Replay{Segments: []Segment{{0, 1}}}}
	silent := Record{From: struct{ nexter }{&record}}
	if answers := ask(&silent, []int{0b1, -4, -4}); !slices.Equal(answers, []int{0, 0, 0}) || !slices.Equal(silent.Segments, []Segment{{0, 1}, {Answer(0), 2}}) {
		t.Errorf("a strategy that answers nothing is recorded as %v, %v", answers, silent.Segments)
	}
}

type nexter interface{ Next(uint64, int) int }

// Where a question does not meet its answer, or a step an answer, the replay says so and goes on with the harmless answer.
func TestReplayNamesQuestionsWithoutAnswer(t *testing.T) {
	for _, c := range []struct {
		name     string
		segments []Segment
		run      []int
		says     string
	}{
		{"step for an answer", []Segment{{0, 1}, {1, 1}}, []int{0b11, -2}, "segment 2, choice 1: no answer to a question with 2 answers"},
		{"answer for a step", []Segment{{0, 1}, {Answer(1), 1}}, []int{0b11, 0b11}, "segment 2, choice 1: an answer, where a step is to be taken"},
		{"answer too large", []Segment{{Answer(2), 2}}, []int{-3, -2}, "segment 1, choice 2: no answer to a question with 2 answers"},
		{"too long a run", []Segment{{Answer(1), 1}}, []int{-2, -2}, "the schedule of 1 segments ended before the run"},
		{"followed", []Segment{{Answer(1), 2}}, []int{-2, -2}, ""},
	} {
		replay := Replay{Segments: c.segments}
		answers := ask(&replay, c.run)
		if replay.Diverged != c.says || c.says != "" && answers[len(answers)-1] != 0 {
			t.Errorf("%s: answers %v, says %q; want %q", c.name, answers, replay.Diverged, c.says)
		}
	}
}
