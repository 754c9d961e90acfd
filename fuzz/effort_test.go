//go:build !race

package fuzz

// gateExecutions is how many executions of the unmutated designs must pass: some five seconds.
const gateExecutions = 400_000
