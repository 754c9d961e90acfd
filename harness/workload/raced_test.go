//go:build race

package workload

// raced: this build has the race detector.
const raced = true
