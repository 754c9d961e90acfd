//go:build amd64 && !sim && !race

package atomic

// StoreRelease writes the word; what came before stays before it. One MOV.
func (w *Uint32) StoreRelease(v uint32) { w.v = v }

// StoreRelease writes the word; what came before stays before it. One MOV.
func (w *Uint64) StoreRelease(v uint64) { w.v = v }
