//go:build sim && !race

package sim_test

// schedules is how many seeds the checks of this package try.
const schedules = 1000
