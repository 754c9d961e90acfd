//go:build sim && !race

package page

// schedules is how many random schedules each check runs.
const schedules = 1500
