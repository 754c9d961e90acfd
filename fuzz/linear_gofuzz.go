//go:build gofuzz

package fuzz

// consistent is not asked under go-fuzz, whose builder cannot copy a package that embeds a folder, as porcupine does. The same inputs are looked at under
// Go's own fuzzer.
func consistent([]operation) bool { return true }
