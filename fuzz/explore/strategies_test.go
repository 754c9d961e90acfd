package explore

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"headroom/internal/rng"
	"headroom/kernel/choice"
	"headroom/kernel/sim"
)

// table is a machine of the tests: entities with so many steps left, and a question with two answers before every third step.
type table struct {
	left   []int
	watch  sim.Watch
	answer []int
}

// play asks a strategy until every entity has ended, and returns who took the steps.
func play(s Strategy, entities, steps int) (order []int, preemptions int, answers []int) {
	t := &table{left: slices.Repeat([]int{steps}, entities)}
	if w, ok := s.(interface{ Watches(*sim.Watch) }); ok {
		w.Watches(&t.watch)
	}
	current := -1
	for {
		eligible := uint64(0)
		for i, n := range t.left {
			if n > 0 {
				eligible |= 1 << i
				t.watch.Pending[i] = sim.Access{Kind: choice.Store, Word: uintptr(1 + n%2)}
			}
		}
		if eligible == 0 {
			return order, preemptions, t.answer
		}
		next := s.Next(eligible, current)
		if next < 0 {
			return order, preemptions, t.answer
		}
		if eligible>>next&1 == 0 {
			panic(fmt.Sprintf("%T chose %d of %#x", s, next, eligible))
		}
		if current >= 0 && next != current && eligible>>current&1 != 0 {
			preemptions++
		}
		current = next
		order = append(order, next)
		t.left[next]--
		if len(order)%3 == 0 {
			t.answer = append(t.answer, s.Choose(2))
		}
	}
}

// seeded makes each of the strategies that draw.
func seeded() map[string]Strategy {
	return map[string]Strategy{"random": &Random{}, "pct": &PCT{Changes: 3}, "pos": &POS{}, "swarm": &Swarm{}, "bytes": &Bytes{Data: []byte{0, 2, 1, 3, 2, 1, 0, 2, 3}}}
}

// An execution is a function of seed and length: begun again, or with the same seed after others, it is the same; other seeds give others.
func TestExecutionsAreAFunctionOfTheSeed(t *testing.T) {
	for name, s := range seeded() {
		different := map[string]bool{}
		for seed := range uint64(40) {
			s.Begin(seed, 24)
			first, _, answers := play(s, 4, 6)
			s.Again()
			if again, _, _ := play(s, 4, 6); !slices.Equal(first, again) {
				t.Fatalf("%s: seed %d gives %v, and again %v", name, seed, first, again)
			}
			s.Begin(seed+1, 24)
			play(s, 4, 6)
			s.Begin(seed, 24)
			if later, _, _ := play(s, 4, 6); !slices.Equal(first, later) {
				t.Fatalf("%s: seed %d gives %v, and later %v", name, seed, first, later)
			}
			different[fmt.Sprint(first, answers)] = true
		}
		if len(different) < 20 && name != "bytes" || len(different) < 5 { // one byte of eight is read otherwise
			t.Errorf("%s: 40 seeds give %d executions", name, len(different))
		}
	}
}

// PCT without changes runs entities one after another, in any order; each change adds at most one preemption.
func TestPCTPreemptsAtItsChanges(t *testing.T) {
	for changes := range 4 {
		orders, most := map[string]int{}, 0
		p := &PCT{Changes: changes}
		for seed := range uint64(600) {
			p.Begin(rng.Mix(seed), 12)
			order, preemptions, _ := play(p, 3, 4)
			orders[fmt.Sprint(slices.Compact(order))]++
			most = max(most, preemptions)
		}
		if most != changes {
			t.Errorf("%d changes: up to %d preemptions", changes, most)
		}
		if changes == 0 && len(orders) != 6 {
			t.Errorf("three tasks run in %d orders: %v", len(orders), orders)
		}
	}
}

// POS draws the two orders of two racing steps evenly, however many steps that race with nothing one of them has before it.
func TestPOSDrawsRacingOrdersEvenly(t *testing.T) {
	first := 0
	const draws = 4_000
	for seed := range uint64(draws) {
		p := &POS{}
		w := &sim.Watch{}
		p.Watches(w)
		p.Begin(rng.Mix(seed), 0)
		before := 8 // private steps of entity 0 ahead of its racing one
		for done := false; !done; {
			w.Pending[0] = sim.Access{Kind: choice.Store, Word: uintptr(100 + before)}
			if before == 0 {
				w.Pending[0].Word = 1
			}
			w.Pending[1] = sim.Access{Kind: choice.Store, Word: 1}
			if p.Next(0b11, -1) == 1 {
				done = true
			} else if before--; before < 0 {
				first++
				done = true
			}
		}
	}
	// The racing step of entity 1 keeps its priority meanwhile, so entity 0 comes first when nine draws are all above one: a tenth of the time, where
	// the uniform walk has it in one of 512.
	if first < draws/14 || first > draws/7 {
		t.Errorf("entity 0 comes first %d times of %d", first, draws)
	}
}

// Swarm draws strategies and stickiness: some executions have a switch at nearly every step, and some none.
func TestSwarmIsOfManyMinds(t *testing.T) {
	s := &Swarm{}
	var few, many int
	for seed := range uint64(400) {
		s.Begin(rng.Mix(seed), 60)
		switch _, preemptions, _ := play(s, 3, 20); {
		case preemptions <= 2:
			few++
		case preemptions > 15:
			many++
		}
	}
	if few < 40 || many < 40 {
		t.Errorf("of 400 executions %d have hardly a preemption, %d very many", few, many)
	}
}

// Bytes in pairs preempts where the data says and nowhere else, and without data not at all; a byte a choice decides each; other seeds read one byte
// otherwise.
func TestBytesAreReadInTwoWays(t *testing.T) {
	for _, c := range []struct {
		name  string
		data  []byte
		order []int
	}{
		{"nothing", nil, []int{0, 0, 0, 1, 1, 1}},
		{"pairs, none", []byte{0}, []int{0, 0, 0, 1, 1, 1}},
		{"pairs, one after two choices", []byte{0, 2, 1}, []int{0, 0, 1, 1, 1, 0}},
		{"pairs, two", []byte{0, 1, 1, 0, 0}, []int{0, 1, 0, 0, 1, 1}},
		{"pairs, half a one", []byte{0, 0, 1, 0}, []int{1, 1, 1, 0, 0, 0}},
		{"bytes", []byte{1, 0, 1, 0, 1}, []int{0, 1, 0, 1, 1, 0}},
	} {
		b := &Bytes{Data: c.data}
		b.Begin(0, 0)
		var order []int
		left := []int{3, 3}
		for current := -1; left[0]+left[1] > 0; {
			eligible := uint64(0)
			for i, n := range left {
				if n > 0 {
					eligible |= 1 << i
				}
			}
			current = b.Next(eligible, current)
			left[current]--
			order = append(order, current)
		}
		if !slices.Equal(order, c.order) {
			t.Errorf("%s: %v, want %v", c.name, order, c.order)
		}
	}
	b := &Bytes{Data: []byte{1, 1, 0, 1, 1, 0}}
	different := map[string]bool{}
	for seed := range uint64(256) {
		b.Begin(seed, 0)
		order, _, _ := play(b, 2, 5)
		different[fmt.Sprint(order)] = true
	}
	if len(different) < 5 {
		t.Errorf("256 schedules of an input are %d", len(different))
	}
}

// Depth-first search makes every order of steps once, with a bound those within it; and every combination of answers.
func TestDFSMakesEveryExecutionOnce(t *testing.T) {
	for _, c := range []struct{ most, entities, steps, want int }{
		{-1, 2, 2, 6 * 2},  // 4 over 2 orders, one question
		{-1, 3, 1, 6 * 2},  // 3! orders, one question
		{-1, 2, 3, 20 * 4}, // 6 over 3 orders, two questions
		{0, 2, 2, 2},       // one entity after the other, ordinary answers
		{0, 3, 1, 6},
		{1, 2, 2, 2 + 2 + 2},     // or one preemption, or one answer
		{1, 2, 3, 2 + 2*2 + 2*2}, // at two places each, or one of two answers
	} {
		d := &DFS{Most: c.most, Plain: true}
		seen, dearest := map[string]bool{}, 0
		var watch sim.Watch
		d.Watches(&watch)
		rounds := 0
		for d.Begin(0, 0) {
			order, preemptions, answers := play(d, c.entities, c.steps)
			for _, a := range answers {
				preemptions += a
			}
			dearest = max(dearest, preemptions)
			key := fmt.Sprint(order, answers)
			if seen[key] && c.most <= 0 {
				t.Errorf("%+v: %s came twice", c, key)
			}
			seen[key] = true
			rounds++
		}
		if len(seen) != c.want || c.most >= 0 && dearest != c.most {
			t.Errorf("%+v: %d executions, up to %d preemptions", c, len(seen), dearest)
		}
		if bound, done, whole := d.Exhausted(); !done || whole != (c.most < 0) || bound != max(c.most, 0) {
			t.Errorf("%+v: exhausted up to %d, %v, whole %v", c, bound, done, whole)
		}
	}
}

// A search that was broken off does not say that it was exhausted, but up to which bound it was.
func TestDFSSaysHowFarItCame(t *testing.T) {
	d := &DFS{Most: 2, Plain: true}
	d.Watches(&sim.Watch{})
	if bound, done, _ := d.Exhausted(); bound != -1 || done {
		t.Errorf("before its begin it is exhausted up to %d, %v", bound, done)
	}
	for range 3 { // two executions have no preemption; the third has one
		d.Begin(0, 0)
		play(d, 2, 2)
	}
	if bound, done, _ := d.Exhausted(); bound != 0 || done {
		t.Errorf("in its second round it is exhausted up to %d, %v", bound, done)
	}
}

// What Record notes, Replay follows, answers and accesses included, and Tolerant too; it counts preemptions and faults.
func TestRecordsAreFollowed(t *testing.T) {
	for seed := range uint64(50) {
		random := &Random{}
		random.Begin(seed, 0)
		record := &recorded{Record{From: random}}
		order, preemptions, answers := play(record, 3, 5)
		for _, a := range answers {
			preemptions += a
		}
		if record.Preemptions != preemptions {
			t.Fatalf("seed %d: %d preemptions and faults, recorded %d", seed, preemptions, record.Preemptions)
		}
		replay := &Replay{Segments: record.Segments}
		got, _, gave := play(replay, 3, 5)
		if !slices.Equal(got, order) || !slices.Equal(gave, answers) || replay.Diverged != "" || replay.Unused() {
			t.Fatalf("seed %d: %v with %v, replayed %v with %v: %s", seed, order, answers, got, gave, replay.Diverged)
		}
		tolerant := &Tolerant{Segments: record.Segments}
		if got, _, gave := play(tolerant, 3, 5); !slices.Equal(got, order) || !slices.Equal(gave, answers) {
			t.Fatalf("seed %d: %v with %v, tolerantly %v with %v", seed, order, answers, got, gave)
		}
		if got, _, _ := play(&Tolerant{Segments: record.Segments[:1]}, 3, 5); len(got) != len(order) {
			t.Fatalf("seed %d: of a cut schedule the run takes %d steps of %d", seed, len(got), len(order))
		}
	}
}

// recorded is a Record that plays as a Strategy.
type recorded struct{ Record }

func (r *recorded) Begin(uint64, int) bool { return true }
func (r *recorded) Again()                 {}

// A strict replay stops in the segment whose accesses or answers are others than recorded, and names it and its place.
func TestReplayStopsWhereTheCodeChanged(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(s []Segment)
		says   string
	}{
		{"accesses", func(s []Segment) { s[1].Print++ }, "segment 2: the 2 choices of entity 1 (in Pool.Alloc) make other accesses than recorded"},
		{"no digest", func(s []Segment) { s[1].Print = Unprinted }, ""},
		{"answers left", func(s []Segment) { s[0].Answers = append(s[0].Answers, Answer{Step: 2, Of: 2}) }, "segment 1: it asked 0 questions, recorded 1"},
		{"no answer", func(s []Segment) { s[1].Answers = nil }, "segment 2, choice 1: a question of 2 answers that was not recorded"},
		{"other answers", func(s []Segment) { s[1].Answers[0].Of = 3 }, "segment 2, choice 1: a question of 2 answers that was not recorded"},
	} {
		first := &Replay{Segments: []Segment{{Entity: 0, Steps: 2}, {Entity: 1, Steps: 2, Answers: []Answer{{Step: 1, Of: 2}}}}}
		record := &recorded{Record{From: first}}
		play(record, 2, 2)
		segments := record.Segments
		segments[1].Place = "Pool.Alloc"
		c.change(segments)
		replay := &Replay{Segments: segments}
		play(replay, 2, 2)
		if replay.Diverged != c.says {
			t.Errorf("%s: it says %q, want %q", c.name, replay.Diverged, c.says)
		}
	}
}

// Twice repeats each execution, takes the same choices, and tells runs that ask otherwise the second time.
func TestTwiceComparesRuns(t *testing.T) {
	twice := &Twice{Of: &Random{}}
	for seed := range uint64(20) {
		twice.Begin(seed, 0)
		first, _, answers := play(twice, 3, 4)
		if twice.Second() {
			t.Fatal("the first run counts as the second")
		}
		twice.Begin(seed+1000, 0)
		second, _, again := play(twice, 3, 4)
		if !twice.Second() || !slices.Equal(first, second) || !reflect.DeepEqual(answers, again) || twice.Diverged != "" {
			t.Fatalf("seed %d: %v and %v, %q", seed, first, second, twice.Diverged)
		}
	}
	for _, c := range []struct {
		name            string
		entities, steps int
		says            string
	}{
		{"longer", 3, 5, "question 1: entity 2 is about to do another access than the first time"},
		{"wider", 4, 4, "question 1: 0xf may go on after entity -1, the first time 0x7 after -1"},
	} {
		twice := &Twice{Of: &PCT{}}
		twice.Begin(1, 0)
		play(twice, 3, 4)
		twice.Begin(2, 0)
		play(twice, c.entities, c.steps)
		if twice.Diverged != c.says {
			t.Errorf("%s: it says %q, want %q", c.name, twice.Diverged, c.says)
		}
	}
}

// New makes what Names lists, and says what there is otherwise.
func TestStrategiesHaveNames(t *testing.T) {
	for _, name := range Names {
		if s, err := New(name, 2); err != nil || !strings.HasSuffix(strings.ToLower(fmt.Sprintf("%T", s)), name) {
			t.Errorf("%s is a %T, %v", name, s, err)
		}
	}
	if _, err := New("best", 2); err == nil || !strings.Contains(err.Error(), "swarm") {
		t.Errorf("an unknown name gives %v", err)
	}
}
