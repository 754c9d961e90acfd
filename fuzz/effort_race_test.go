//go:build race

package fuzz

// gateExecutions is how many executions of each design as it is must pass: fewer under the race detector, where a simulated step costs many
// times as much.
const gateExecutions = 20_000
