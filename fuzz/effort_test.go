package fuzz

// gateExecutions is how many executions of each design as it is must pass: about a second.
const gateExecutions = 40_000
