//go:build race

package fuzz

// gateExecutions is how many executions of the unmutated designs must pass: fewer under the race detector, where a simulated step costs many
// times as much.
const gateExecutions = 20_000
