//go:build sim && !race

package lock

// schedules is how many random schedules each check runs.
const schedules = 3000
