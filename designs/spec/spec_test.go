package spec

import (
	"errors"
	"fmt"
	"testing"

	"headroom/designs"
	"headroom/kernel"
)

// made describes the variant of a case; two items unless said otherwise.
type made struct {
	kind       designs.Kind
	waits      bool // MayWait
	fails      bool // MayFail
	unbounded  bool
	memory     bool
	bytes      int
	guaranteed int // 0 for all
}

const (
	testItems       = 2
	testMemoryBytes = 1000
)

func (m made) model() *Model {
	kind := m.kind
	if kind == "" {
		kind = designs.Tag
	}
	guaranteed := m.guaranteed
	if guaranteed == 0 {
		guaranteed = testItems
	}
	v := designs.Variant{
		Capabilities: designs.Capabilities{Kind: kind, MayWait: m.waits, MayFail: m.fails, Unbounded: m.unbounded, Memory: m.memory},
		Guaranteed:   func(designs.Config) int { return guaranteed },
	}
	return New(v, designs.Config{Items: testItems, Bytes: m.bytes}, testMemoryBytes)
}

// step is a call and its answer; breaks is the sentence it breaks, "" for none.
type step struct {
	call   Call
	answer Answer
	breaks Sentence
}

func gives(it designs.Item) step   { return step{answer: Answer{Item: it}} }
func refuses(err error) step       { return step{answer: Answer{Err: err}} }
func frees(it designs.Item) step   { return step{call: Call{Op: Free, Item: it}} }
func (s step) waiting() step       { s.call.MayWait = true; return s }
func (s step) on(cpu int) step     { s.call.CPU = cpu; return s }
func (s step) but(b Sentence) step { s.breaks = b; return s }
func (s step) panics() step        { s.answer.Panic = "boom"; return s }

var (
	sleeps = step{answer: Answer{Waits: true}}
	dies   = step{call: Call{Op: CPUDead, CPU: 1}}
	clean  = step{call: Call{Op: Check}}
)

// Each case is a sequence of answers; only the last may break a sentence.
var cases = []struct {
	name  string
	made  made
	steps []step
}{
	{"items that nobody holds", made{fails: true}, []step{gives(0), gives(1), refuses(kernel.ErrWouldBlock)}},
	{"an item twice", made{fails: true}, []step{gives(1), gives(1).but(C1)}},
	{"an item again after its free", made{fails: true}, []step{gives(1), frees(1), gives(1)}},
	{"a panic in Alloc", made{}, []step{gives(0).panics().but(C1)}},
	{"an error of its own", made{fails: true}, []step{gives(0), gives(1), refuses(errors.New("foreign")).but(C1)}},
	{"an error in a wrapping", made{fails: true}, []step{gives(0), gives(1), refuses(fmt.Errorf("wrapped: %w", kernel.ErrNoSpace))}},
	{"an item beside an error", made{fails: true}, []step{gives(0), gives(1), {answer: Answer{Item: 1, Err: kernel.ErrWouldBlock}, breaks: C1}}},
	{"a tag out of range", made{}, []step{gives(2).but(C2)}},
	{"a tag without a range", made{unbounded: true}, []step{gives(1 << 40)}},
	{"ids, lowest first", made{kind: designs.ID, fails: true}, []step{gives(0), gives(1), frees(0), gives(0)}},
	{"an id that is not the lowest", made{kind: designs.ID}, []step{gives(1).but(C2)}},
	{"a refusal before the guarantee", made{fails: true}, []step{gives(0), refuses(kernel.ErrWouldBlock).but(C3)}},
	{"a refusal at a smaller guarantee", made{fails: true, guaranteed: 1}, []step{gives(0), refuses(kernel.ErrWouldBlock)}},
	{"a refusal that the table excludes", made{}, []step{gives(0), gives(1), refuses(kernel.ErrWouldBlock).but(C3)}},
	{"numbers without a limit that run out", made{unbounded: true, fails: true}, []step{gives(0), gives(1), refuses(kernel.ErrNoMemory).but(C3)}},
	{"a panic at the free of a held item", made{}, []step{gives(0), frees(0).panics().but(C4)}},
	{"a refused waiter", made{waits: true, fails: true}, []step{gives(0), gives(1), refuses(kernel.ErrWouldBlock).waiting().but(C5)}},
	{"a waiter refused where nobody waits", made{fails: true}, []step{gives(0), gives(1), refuses(kernel.ErrWouldBlock).waiting()}},
	{"a sleeper on an empty allocator", made{waits: true}, []step{gives(0), gives(1), sleeps.waiting()}},
	{"a sleeper beside a free item", made{waits: true}, []step{gives(0), sleeps.waiting().but(C5)}},
	{"a sleeper where nobody waits", made{fails: true}, []step{gives(0), gives(1), sleeps.waiting().but(C5)}},
	{"a sleeper that may not wait", made{waits: true}, []step{gives(0), gives(1), sleeps.but(C6)}},
	{"another refusal than would-block", made{waits: true, fails: true}, []step{gives(0), gives(1), refuses(kernel.ErrNoSpace).but(C6)}},
	{"no space where nobody waits", made{fails: true}, []step{gives(0), gives(1), refuses(kernel.ErrNoSpace)}},
	{"no space for objects", made{kind: designs.Object, memory: true, bytes: 100, fails: true}, []step{gives(0), gives(100), refuses(kernel.ErrNoSpace).but(C1)}},
	{"no memory for objects", made{kind: designs.Object, memory: true, bytes: 100, fails: true}, []step{gives(0), gives(100), refuses(kernel.ErrNoMemory)}},
	{"offline on a CPU that is not", made{fails: true}, []step{gives(0), gives(1), refuses(kernel.ErrOffline).but(C1)}},
	{"offline on a dead CPU", made{fails: true}, []step{gives(0), gives(1), dies, refuses(kernel.ErrOffline).on(1)}},
	{"objects side by side", made{kind: designs.Object, memory: true, bytes: 100}, []step{gives(150), gives(250)}},
	{"objects that overlap from below", made{kind: designs.Object, memory: true, bytes: 100}, []step{gives(150), gives(51).but(C1)}},
	{"objects that overlap from above", made{kind: designs.Object, memory: true, bytes: 100}, []step{gives(150), gives(249).but(C1)}},
	{"an object beyond the memory", made{kind: designs.Object, memory: true, bytes: 100}, []step{gives(901).but(C2)}},
	{"the last object of the memory", made{kind: designs.Object, memory: true, bytes: 100}, []step{gives(900)}},
	{"tags with memory are offsets", made{memory: true, bytes: 100}, []step{gives(900)}},
	{"tags without bytes are numbers", made{memory: true}, []step{gives(900).but(C2)}},
	{"a fault at quiescence", made{}, []step{{call: Call{Op: Check}, answer: Answer{Err: errors.New("fault")}, breaks: C7}}},
	{"a panic in Check", made{}, []step{clean.panics().but(C7)}},
	{"no fault", made{}, []step{clean}},
	{"a free out of range that passes", made{}, []step{frees(2).but(C8)}},
	{"a free out of range that panics", made{}, []step{frees(2).panics()}},
	{"an idle free that panics", made{}, []step{frees(1).panics()}},
	{"an idle free that changes nothing", made{}, []step{frees(1), gives(1)}},
	{"a death", made{}, []step{gives(0), dies, gives(1)}},
	{"a panic at a death", made{}, []step{dies.panics().but(C9)}},
}

// The model allows what the contract allows, and names the sentence that anything else breaks.
func TestModelNamesTheBrokenSentence(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := c.made.model()
			for i, s := range c.steps {
				err := m.Observe(s.call, s.answer)
				var b *Breach
				switch {
				case s.breaks == "" && err != nil:
					t.Fatalf("step %d, %v: %v", i, s.call.Op, err)
				case s.breaks != "" && (!errors.As(err, &b) || b.Sentence != s.breaks):
					t.Fatalf("step %d, %v: %v, want a breach of %s", i, s.call.Op, err, s.breaks)
				}
			}
		})
	}
}

// No sentence is without a case that breaks it, but C10: the model knows no promises, which the suite tries with callers side by side.
func TestEverySentenceCanBreak(t *testing.T) {
	broken := map[Sentence]bool{}
	for _, c := range cases {
		for _, s := range c.steps {
			broken[s.breaks] = true
		}
	}
	for _, s := range Sentences() {
		if !broken[s] && s != C10 {
			t.Errorf("no case breaks %s", s)
		}
	}
}

// A breach leaves the model as it was (I2), and the set is what the answers made it (I1).
func TestModelKeepsTheSetOfHeldItems(t *testing.T) {
	m := made{fails: true}.model()
	for _, s := range []step{gives(1), gives(1), gives(5)} {
		_ = m.Observe(s.call, s.answer)
	}
	if m.Held() != 1 || !m.Holds(1) || m.Holds(0) || !m.MustGive() {
		t.Errorf("%d held, item 1 %v, item 0 %v, must give %v", m.Held(), m.Holds(1), m.Holds(0), m.MustGive())
	}
	_ = m.Observe(gives(0).call, gives(0).answer)
	if m.MustGive() {
		t.Error("all items are held, and the model still demands one")
	}
	_ = m.Observe(frees(1).call, Answer{})
	if m.Held() != 1 || m.Holds(1) || !m.MustGive() {
		t.Errorf("after the free %d are held, item 1 %v", m.Held(), m.Holds(1))
	}
}

// Slots covers every item in range, so a table of that length holds them all.
func TestSlotsCoverTheRange(t *testing.T) {
	for _, c := range []struct {
		made made
		last designs.Item
		want int
	}{
		{made{}, testItems - 1, testItems},
		{made{memory: true, bytes: 100}, testMemoryBytes - 100, 11},
		{made{kind: designs.Object, memory: true}, testMemoryBytes - leastObjectBytes, 126},
		{made{unbounded: true}, 1 << 40, 0},
	} {
		m := c.made.model()
		if err := m.Range(c.last); err != nil {
			t.Errorf("%+v: %v", c.made, err)
		}
		if got := m.Slots(); got != c.want || got > 0 && m.Slot(c.last) >= uint64(got) {
			t.Errorf("%+v: %d slots, want %d; the last item has slot %d", c.made, got, c.want, m.Slot(c.last))
		}
	}
}
