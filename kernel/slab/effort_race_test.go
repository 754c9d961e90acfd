//go:build sim && race

package slab

// schedules is how many random schedules each check runs: fewer under the race detector, where a simulated step costs 25 times as much.
const schedules = 300
