//go:build !race

package fuzz

// gateExecutions is how many executions of each design as it is must pass: two to five seconds.
const gateExecutions = 200_000
