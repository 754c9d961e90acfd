package mem

// Plain32 is a 32-bit word without atomicity: the compiler and the processor treat it as an ordinary variable, and two CPUs that touch it
// without a lock or another order between them have a data race, which the simulator and the race detector report.
type Plain32 struct{ v uint32 }

// Plain64 is the 64-bit form of Plain32.
type Plain64 struct{ v uint64 }

// PlainRef is a plain reference to another object of an arena, by number: 0 is none. Arenas hold no Go pointers.
type PlainRef struct{ w Plain32 }

// Load returns the number referred to, and false when the reference is empty.
func (r *PlainRef) Load() (index int, ok bool) {
	v := r.w.Load()
	return int(v) - 1, v != 0
}

// Store makes the reference point to object number index, which must be at least 0 and below 1<<32-1.
func (r *PlainRef) Store(index int) { r.w.Store(uint32(index) + 1) }

// Clear empties the reference.
func (r *PlainRef) Clear() { r.w.Store(0) }

// Raw copies the reference word as it is, the form in which links are moved from one word to another.
func (r *PlainRef) Raw() uint32 { return r.w.Load() }

// SetRaw stores a word taken from Raw.
func (r *PlainRef) SetRaw(v uint32) { r.w.Store(v) }
