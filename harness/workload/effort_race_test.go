//go:build race

package workload

// sparing: under the race detector, where the memory of a machine takes ten times as long to make, one variant of each design stands for all.
const sparing = true
