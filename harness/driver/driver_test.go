package driver

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"headroom/designs"
	"headroom/internal/rng"
	"headroom/kernel"
)

// shelf is an allocator of a few tags: whatever lies on it, the last first.
type shelf struct {
	tags  []designs.Item
	asked []kernel.GFP
}

func (s *shelf) Alloc(_ *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	s.asked = append(s.asked, gfp)
	last := len(s.tags) - 1
	if last < 0 {
		return 0, kernel.ErrWouldBlock
	}
	it := s.tags[last]
	s.tags = s.tags[:last]
	return it, nil
}

func (s *shelf) Free(_ *kernel.Task, it designs.Item) { s.tags = append(s.tags, it) }
func (s *shelf) Check() error                         { return nil }

// fill puts tags 0 to n-1 on a shelf.
func fill(n int) *shelf {
	s := &shelf{}
	for it := range designs.Item(n) {
		s.tags = append(s.tags, it)
	}
	return s
}

// Each case is a script of calls, s for Submit, c for Complete, k for Kick, t for a tag taken away by somebody else, b for it brought back; and what
// became of the requests.
func TestQueueDoesAsItsActionSays(t *testing.T) {
	for _, c := range []struct {
		name     string
		config   Config
		tags     int
		calls    string
		want     Counts
		flying   int
		requeued int
	}{
		{"tags for all", Config{Action: Requeue, Depth: 2}, 2, "sscc", Counts{Submitted: 2, Completed: 2, Attempts: 2}, 0, 0},
		{"no tag, requeue", Config{Action: Requeue, Depth: 2}, 1, "ss", Counts{Submitted: 2, Requeues: 1, Attempts: 2, Refused: 1}, 1, 1},
		{"a completion starts the next", Config{Action: Requeue, Depth: 2}, 1, "ssc", Counts{Submitted: 2, Completed: 1, Requeues: 1, Attempts: 3, Refused: 1}, 1, 0},
		{"no tag, error", Config{Action: EIO, Depth: 2}, 1, "ssc", Counts{Submitted: 2, Completed: 1, Lost: 1, Attempts: 2, Refused: 1}, 0, 0},
		{"a kick in vain", Config{Action: Requeue, Depth: 1}, 1, "tskk", Counts{Submitted: 1, Requeues: 3, Attempts: 3, Refused: 3}, 0, 1},
		{"a kick that helps", Config{Action: Requeue, Depth: 1}, 1, "tsbkc", Counts{Submitted: 1, Completed: 1, Requeues: 1, Attempts: 2, Refused: 1}, 0, 0},
		{"a full device is no failure", Config{Action: EIO, Depth: 1}, 2, "sscc", Counts{Submitted: 2, Completed: 2, Attempts: 2}, 0, 0},
		{"who waited for the device is lost too", Config{Action: EIO, Depth: 1, FailEvery: 2}, 2, "ssc", Counts{Submitted: 2, Completed: 1, Lost: 1, Attempts: 2, Injected: 1}, 0, 0},
		{"every second fails, requeue", Config{Action: Requeue, Depth: 4, FailEvery: 2}, 4, "sss", Counts{Submitted: 3, Requeues: 2, Attempts: 4, Injected: 2}, 2, 1},
		{"every third fails, error", Config{Action: EIO, Depth: 4, FailEvery: 3}, 9, "ssssccs", Counts{Submitted: 5, Completed: 2, Lost: 1, Attempts: 5, Injected: 1}, 2, 0},
	} {
		s := fill(c.tags)
		q, err := New(s, c.config)
		if err != nil {
			t.Fatal(err)
		}
		var taken designs.Item
		for _, call := range c.calls {
			switch call {
			case 's':
				q.Submit(nil)
			case 'c':
				q.Complete(nil)
			case 'k':
				q.Kick(nil)
			case 't':
				taken, _ = s.Alloc(nil, kernel.NoIO)
			case 'b':
				s.Free(nil, taken)
			}
			if err := q.Check(); err != nil {
				t.Errorf("%s: after %c: %v", c.name, call, err)
			}
		}
		if got := q.Counts(); got != c.want || q.Flying() != c.flying || q.Requeued() != c.requeued {
			t.Errorf("%s: %+v with %d on the device and %d requeued, want %+v, %d, %d", c.name, got, q.Flying(), q.Requeued(), c.want, c.flying, c.requeued)
		}
	}
}

// Whatever comes in whatever order, each request gets its tag once, in the order of submission, or is lost; every allocation is one of an interrupt
// (I1, I2, I3).
func TestRequestsStartInOrder(t *testing.T) {
	for seed := range uint64(200) {
		random := rng.New(seed)
		s := fill(1 + random.Below(3))
		tags := len(s.tags)
		var started []uint64
		config := Config{Action: Actions()[random.Below(2)], FailEvery: uint64(2 * random.Below(3)), Depth: 1 + random.Below(3),
			Started: func(_ *kernel.Task, request uint64, _ designs.Item) { started = append(started, request) }}
		q, err := New(s, config)
		if err != nil {
			t.Fatal(err)
		}
		for range 300 {
			switch n := random.Below(8); {
			case n < 4:
				q.Submit(nil)
			case n < 7 && q.Flying() > 0:
				q.Complete(nil)
			default:
				q.Kick(nil)
			}
			if err := q.Check(); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		for q.Flying() > 0 || q.Requeued() > 0 {
			if q.Flying() > 0 {
				q.Complete(nil)
			} else {
				q.Kick(nil)
			}
		}
		c := q.Counts()
		if err := q.Check(); err != nil || c.Completed != uint64(len(started)) || c.Completed+c.Lost != c.Submitted || len(s.tags) != tags {
			t.Fatalf("seed %d: %d started, %d of %d tags are back, %+v, %v", seed, len(started), len(s.tags), tags, c, err)
		}
		if !slices.IsSorted(started) || len(slices.Compact(slices.Clone(started))) != len(started) {
			t.Fatalf("seed %d: requests got their tags in the order %v", seed, started)
		}
		if config.FailEvery > 0 && c.Injected != c.Attempts/config.FailEvery || slices.ContainsFunc(s.asked, func(g kernel.GFP) bool { return g != kernel.Atomic }) {
			t.Fatalf("seed %d: every %d of %d allocations fails: %d did; flags %v", seed, config.FailEvery, c.Attempts, c.Injected, s.asked)
		}
	}
}

// Check finds a request that is nowhere, and one that a driver lost which loses none.
func TestCheckFindsWhatIsMissing(t *testing.T) {
	q, err := New(fill(1), Config{Action: Requeue, Depth: 1})
	if err != nil {
		t.Fatal(err)
	}
	q.counts.Submitted = 1
	if err := q.Check(); err == nil || !strings.Contains(err.Error(), "of 1 requests 0 are completed, 0 lost, 0 on the device and 0 requeued (I1)") {
		t.Errorf("a request that is nowhere: %v", err)
	}
	q.counts.Lost = 1
	if err := q.Check(); err == nil || !strings.Contains(err.Error(), "1 requests are lost, and the driver requeues (I3)") {
		t.Errorf("a lost request: %v", err)
	}
}

// What cannot work is refused, and why.
func TestNewRefusesWhatIsOutOfRange(t *testing.T) {
	for _, c := range []struct {
		config Config
		says   string
	}{
		{Config{Action: "drop", Depth: 1}, `action "drop": give one of [requeue eio]`},
		{Config{Action: EIO, Depth: 1, FailEvery: 1}, "every allocation fails: give every second one or fewer"},
		{Config{Action: EIO}, "a device that takes 0 requests at a time: give at least 1"},
	} {
		if _, err := New(fill(1), c.config); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v, want %q", c.config, err, c.says)
		}
	}
	q, err := New(fill(1), Config{Action: EIO, Depth: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if said := recover(); fmt.Sprint(said) != "driver: a completion with no request on the device" {
			t.Errorf("a completion of nothing: %v", said)
		}
	}()
	q.Complete(nil)
}
