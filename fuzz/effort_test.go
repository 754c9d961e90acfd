//go:build !race

package fuzz

// gateExecutions is how many executions of each design as it is must pass: one to three seconds.
const gateExecutions = 100_000
