// Package target holds the fuzz targets: functions of a fuzzer's data that check something which has to hold whatever the data is, and panic where it
// does not. Each is a go-fuzz target (func([]byte) int) as it stands, and a native one through the test of the same name; both begin with the raw files
// of package corpus. A target returns 1 for data that go-fuzz should prefer to mutate, and 0 for other data.
//
// Two kinds of targets:
//
//	readers    of foreign bytes. Not to panic is the least: an error is one line that names the remedy, what was read keeps the reader's own
//	           invariants, and what is written of it reads as the same and is written the same again
//	simulated  the data is a program and its schedules, or a sequence of calls. They need the build with the simulator (-tags sim)
//
// Panics say what is wrong without step numbers or addresses: go-fuzz takes those of equal words for one finding.
package target

// Target is one fuzz target.
type Target struct {
	Name      string // as in the command line, and the folder of its corpus
	Function  string // in this package, and of the native target in its tests
	Run       func(data []byte) int
	Simulated bool // needs the simulator
	Schedules int  // executions of the simulated machine for each input; 0 where that says nothing
	// Canary: it has a planted mistake, and a fuzzer that does not find that is of no use. No campaign counts what is found in it.
	Canary bool
}

// All lists the targets. A new one gets a line here, a native function in the tests, and a folder in fuzz/corpus.
var All = []Target{
	{Name: "schedule", Function: "FuzzSchedule", Run: FuzzSchedule, Simulated: true, Schedules: schedulesPerInput},
	{Name: "program", Function: "FuzzProgram", Run: FuzzProgram, Simulated: true, Schedules: schedulesPerInput},
	{Name: "model", Function: "FuzzModel", Run: FuzzModel, Simulated: true, Schedules: 1},
	{Name: "trace", Function: "FuzzTrace", Run: FuzzTrace},
	{Name: "stream", Function: "FuzzStream", Run: FuzzStream},
	{Name: "ring", Function: "FuzzRing", Run: FuzzRing},
	{Name: "replay", Function: "FuzzReplay", Run: FuzzReplay},
	{Name: "scenario", Function: "FuzzScenario", Run: FuzzScenario},
	{Name: "result", Function: "FuzzResult", Run: FuzzResult},
	{Name: "histogram", Function: "FuzzHistogram", Run: FuzzHistogram},
	{Name: "cpulist", Function: "FuzzCPUList", Run: FuzzCPUList},
	{Name: "canary", Function: "FuzzCanary", Run: FuzzCanary, Simulated: true, Schedules: schedulesPerInput, Canary: true},
}

// Find returns the target of a name, and whether there is one.
func Find(name string) (Target, bool) {
	for _, t := range All {
		if t.Name == name {
			return t, true
		}
	}
	return Target{}, false
}
