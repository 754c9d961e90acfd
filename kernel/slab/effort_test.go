//go:build sim && !race

package slab

// schedules is how many random schedules each check runs.
const schedules = 1500
