// Package choice is the one place where a word of a design meets the simulator.
//
// In the native build it holds constants only, and every test of Enabled compiles away. In the build with tag sim, kernel/mem and
// kernel/atomic call Point before each access, and the deterministic machine decides there who goes on. Outside a simulated run Point
// is nil, and the access passes straight through.
//
// The access itself happens right after Point returns, with no other task in between: an access is one step.
package choice

// Kind says what an access does, so that the machine can order it, cost it and check it.
type Kind uint8

// The kinds of access. 32 and 64 bits share a kind where the machine need not know the width.
const (
	PlainLoad    Kind = iota // an ordinary load
	PlainStore               // an ordinary store
	Load                     // atomic load, sequentially consistent
	LoadAcquire              // atomic load, acquire
	LoadRelaxed              // atomic load, no order
	Store                    // atomic store, sequentially consistent
	StoreRelease             // atomic store, release
	StoreRelaxed             // atomic store, no order
	Modify                   // atomic read-modify-write that always writes
	CAS32                    // compare-and-swap of 32 bits; writes only when the word holds the expected value
	CAS64                    // compare-and-swap of 64 bits
	Fence                    // full fence; touches no word
	Note                     // a step that touches no word: a wait point, a voluntary yield
	Drain                    // the machine's own: a store leaves a store buffer
	Event                    // the machine's own: a task moves, a CPU goes, a task is killed, a question is answered
)

var kindNames = [...]string{
	"load", "store", "aload", "aload.acq", "aload.rlx", "astore", "astore.rel", "astore.rlx", "rmw", "cas", "cas", "fence", "note", "drain", "event",
}

// String is the short name used in step listings.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "?"
}

// Writes reports whether an access of this kind may change its word.
func (k Kind) Writes() bool {
	return k == PlainStore || (k >= Store && k <= CAS64)
}

// The widths of words in bytes: what Point is given beside an access that is no compare-and-swap.
const (
	Width32 = 4
	Width64 = 8
)
