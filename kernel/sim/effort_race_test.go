//go:build sim && race

package sim_test

// schedules is how many seeds the checks of this package try: fewer under the race detector, where a simulated step costs 25 times as much.
const schedules = 60
