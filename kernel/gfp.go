package kernel

import (
	"fmt"
	"strings"
)

// GFP is a set of allocation flags: what the allocator may do for the caller. The bits are the field's own; the usual names are composites.
type GFP uint16

// The bits.
const (
	DirectReclaim GFP = 1 << iota // may wait, and reclaim memory itself
	KswapdReclaim                 // may wake the background reclaimer
	IO                            // may start I/O
	FS                            // may call into file systems
	High                          // may use half of the reserve below the mark
	Memalloc                      // may use all of the reserve
	NoMemalloc                    // bars the reserves that the task's rights would open
	NoRetry                       // give up early
	NoFail                        // never give up; needs DirectReclaim
	NoWarn                        // failure is expected
	NoLocks                       // take no lock: answer from lock-free caches or not at all
	Promised                      // draw on a promise that the caller has in hand
)

// The composites that callers use.
const (
	Atomic  = High | KswapdReclaim            // may not wait; a reserve helps it
	NoWait  = KswapdReclaim | NoWarn          // may not wait; no reserve
	NoIO    = DirectReclaim | KswapdReclaim   // may wait, but start no I/O
	NoFS    = NoIO | IO                       // may wait and start I/O, but not re-enter a file system
	Kernel  = NoFS | FS                       // may do everything
	Reserve = Memalloc | High | KswapdReclaim // for work that frees memory
)

// MayWait reports whether the caller may be put to sleep.
func (g GFP) MayWait() bool { return g&DirectReclaim != 0 }

var gfpNames = [...]struct {
	bits GFP
	name string
}{
	{Kernel, "KERNEL"}, {NoFS, "NOFS"}, {NoIO, "NOIO"}, {Atomic, "ATOMIC"}, {NoWait, "NOWAIT"},
	{DirectReclaim, "DIRECT_RECLAIM"}, {KswapdReclaim, "KSWAPD_RECLAIM"}, {IO, "IO"}, {FS, "FS"}, {High, "HIGH"},
	{Memalloc, "MEMALLOC"}, {NoMemalloc, "NOMEMALLOC"}, {NoRetry, "NORETRY"}, {NoFail, "NOFAIL"}, {NoWarn, "NOWARN"}, {NoLocks, "NOLOCKS"}, {Promised, "PROMISED"},
}

// String names the flags as the kernel's traces do: the largest composite first, joined by |.
func (g GFP) String() string {
	if g == 0 {
		return "0"
	}
	var parts []string
	for _, n := range gfpNames {
		if g&n.bits == n.bits {
			parts = append(parts, n.name)
			g &^= n.bits
		}
	}
	return strings.Join(parts, "|")
}

// ParseGFP reads flags as String writes them, composites and bits in any order. The error names the flags there are.
func ParseGFP(text string) (GFP, error) {
	if text == "0" {
		return 0, nil
	}
	flags := GFP(0)
	for part := range strings.SplitSeq(text, "|") {
		bits, ok := namedGFP(part)
		if !ok {
			return 0, fmt.Errorf("%q is no allocation flag: there are %s", part, gfpList())
		}
		flags |= bits
	}
	return flags, nil
}

func namedGFP(name string) (GFP, bool) {
	for _, n := range gfpNames {
		if n.name == name {
			return n.bits, true
		}
	}
	return 0, false
}

func gfpList() string {
	var names []string
	for _, n := range gfpNames {
		names = append(names, n.name)
	}
	return strings.Join(names, " ")
}
