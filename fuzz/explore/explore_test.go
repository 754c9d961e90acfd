package explore

import (
	"math/bits"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"headroom/internal/rng"
	"headroom/kernel/sim"
)

// Of the eligible the random walk draws each equally often, and nobody else.
func TestRandomIsEvenOverTheEligible(t *testing.T) {
	const perEntity = 20_000
	for _, eligible := range []uint64{0b1, 0b11, 0b101, 1<<63 | 1, 0b10110, 0xff00ff, ^uint64(0) >> 1, ^uint64(0)} {
		n := bits.OnesCount64(eligible)
		var counts [64]int
		var walk Random
		walk.Begin(eligible, 0)
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
	walk.Begin(7, 0)
	first := draw(&walk, 101)
	for _, before := range []int{0, 1, 2, 3, 50} {
		draw(&walk, before)
		walk.Begin(7, 0)
		if again := draw(&walk, 101); !slices.Equal(first, again) {
			t.Errorf("after %d more choices seed 7 gives %v, first it gave %v", before, again, first)
		}
	}
	other.Begin(8, 0)
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
	walk.Begin(seed, 0)
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

// A choice that cannot be followed is reported at its place, once, and the run is abandoned there.
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
			case i >= wrong && (got >= 0 || replay.Diverged == ""):
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
		{"first choice", []Segment{{Entity: 3, Steps: 2}}, []uint64{0b0111}, "segment 1, choice 1: entity 3 cannot take a step here", true},
		{"in a segment", []Segment{{Entity: 0, Steps: 1}, {Entity: 1, Steps: 3}}, []uint64{0b11, 0b11, 0b11, 0b01}, "segment 2, choice 3: entity 1 cannot take a step here", true},
		{"too long a run", []Segment{{Entity: 0, Steps: 1}, {Entity: 1, Steps: 1}}, []uint64{0b11, 0b11, 0b11}, "the schedule of 2 segments ended before the run", false},
		{"no schedule", nil, []uint64{0b11}, "the schedule of 0 segments ended before the run", false},
		{"too short a run", []Segment{{Entity: 0, Steps: 1}, {Entity: 1, Steps: 2}}, []uint64{0b11, 0b11}, "", true},
		{"followed", []Segment{{Entity: 0, Steps: 1}, {Entity: 1, Steps: 2}}, []uint64{0b11, 0b11, 0b10}, "", false},
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
	walk.Begin(1, 0)
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

// ask puts questions (numbers below 0, of so many answers) and sets of the eligible to a strategy.
func ask(s sim.Chooser, run []int) (answers []int) {
	for _, q := range run {
		if q < 0 {
			answers = append(answers, s.Choose(-q))
		} else {
			answers = append(answers, s.Next(uint64(q), -1))
		}
	}
	return answers
}

// Answers are recorded between the steps and given back there; the random walk gives each of n answers as often.
func TestReplayGivesRecordedAnswers(t *testing.T) {
	run := []int{0b11, -2, -2, 0b11, -5, 0b01, -3, -3, -3, 0b10}
	var counts [5]int
	for seed := range uint64(500) {
		var walk Random
		walk.Begin(seed, 0)
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
}

// Where a question does not meet its answer, or an answer no question, the replay says so; from there on it gives the harmless answer.
func TestReplayNamesQuestionsWithoutAnswer(t *testing.T) {
	answered := func(step, choice, of int) Segment {
		return Segment{Entity: 0, Steps: 2, Answers: []Answer{{Step: step, Choice: choice, Of: of}}}
	}
	for _, c := range []struct {
		name     string
		segments []Segment
		run      []int
		says     string
	}{
		{"question not recorded", []Segment{{Entity: 0, Steps: 2}}, []int{0b11, -2}, "segment 1, choice 1: a question of 2 answers that was not recorded"},
		{"question too early", []Segment{answered(2, 1, 2)}, []int{0b11, -2}, "segment 1, choice 1: a question of 2 answers that was not recorded"},
		{"another question", []Segment{answered(1, 2, 3)}, []int{0b11, -2}, "segment 1, choice 1: a question of 2 answers that was not recorded"},
		{"question missing", []Segment{answered(1, 1, 2), {Entity: 1, Steps: 1}}, []int{0b11, 0b11, 0b11}, "segment 1: it asked 0 questions, recorded 1"},
		{"followed", []Segment{answered(2, 1, 2)}, []int{0b11, 0b11, -2}, ""},
	} {
		replay := Replay{Segments: c.segments}
		answers := ask(&replay, c.run)
		if replay.Diverged != c.says || c.says != "" && answers[len(answers)-1] > 0 || c.says == "" && replay.Unused() {
			t.Errorf("%s: answers %v, says %q; want %q", c.name, answers, replay.Diverged, c.says)
		}
	}
}

// The machine's own entities are considered at all choices of some runs and at few of others, by every strategy that draws; alone they go on at once.
func TestTheMachineItselfActsSeldom(t *testing.T) {
	const own, choices = 0b11000, 400
	for _, name := range []string{"random", "pct", "pos", "swarm"} {
		shares := map[bool]int{}
		for seed := range uint64(200) {
			s, err := New(name, 0)
			if err != nil {
				t.Fatal(err)
			}
			if w, ok := s.(interface{ Watches(*sim.Watch) }); ok {
				w.Watches(&sim.Watch{Partial: true})
			}
			s.(interface{ Beside(uint64) }).Beside(own)
			s.Begin(seed, choices)
			acted := 0
			for range choices {
				if own>>s.Next(0b11011, 0)&1 != 0 {
					acted++
				}
			}
			shares[acted > choices/8]++
			if next := s.Next(own, 0); own>>next&1 == 0 {
				t.Fatalf("%s: of the machine's own entities it chooses %d", name, next)
			}
		}
		if shares[true] < 10 || shares[false] < 60 {
			t.Errorf("%s: in %d runs the machine acts often, in %d seldom", name, shares[true], shares[false])
		}
	}
}
