//go:build !race

package workload

// sparing: every variant is tried.
const sparing = false
