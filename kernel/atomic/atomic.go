// Package atomic holds the words that several CPUs change without a lock.
//
// Natively each method is the one instruction that sync/atomic gives, with one allowed difference: StoreRelease and StoreRelaxed are a
// plain MOV on x86-64, where sync/atomic has only the sequentially consistent XCHG. A release that need not be visible before later loads
// (an unlock) saves about 1.5 ns by it. In a simulated run each access is one step.
//
// Orderings on x86-64 (total store order): an ordinary store is not passed by earlier loads or stores of its own CPU, so MOV is a release;
// an ordinary load is not passed by later ones, so MOV is an acquire. Only a store followed by a load of another word may change places, and
// every read-modify-write here forbids that. The Go compiler keeps the stores of one function in order and does not move loads across them.
package atomic

// Uint32 is an atomic 32-bit word.
type Uint32 struct{ v uint32 }

// Uint64 is an atomic 64-bit word. Keep it on an 8-byte boundary on 32-bit processors.
type Uint64 struct{ v uint64 }
