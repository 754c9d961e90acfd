package target

import (
	"headroom/designs"
	"headroom/designs/catalog"
	"headroom/fuzz"
)

// schedulesPerInput is how many schedules an input gives, all near it: to come by an input costs a fuzzer as much as some hundred of them.
const schedulesPerInput = 256

// bitmap makes the small program of an input: two tasks or three.
func bitmap(data []byte) (program fuzz.Bitmap, schedule []byte) {
	numbers := fuzz.Numbers{Data: data}
	program.Tasks = 2 + numbers.Below(2)
	return program, numbers.Data
}

// FuzzSchedule runs the program on which explorers are compared (fuzz.Bitmap), so it shows what a fuzzer costs: the first byte says of how many tasks,
// the others are the schedule.
func FuzzSchedule(data []byte) int {
	program, schedule := bitmap(data)
	if _, _, err := program.RunData(schedule, schedulesPerInput); err != nil {
		panic(err.Error())
	}
	return 0
}

// FuzzCanary is FuzzSchedule with a mistake in the program: a slot is claimed by a load and a store. Data that holds no preemption does not show it.
func FuzzCanary(data []byte) int {
	program, schedule := bitmap(data)
	program.Torn = true
	if _, _, err := program.RunData(schedule, schedulesPerInput); err != nil {
		panic(err.Error())
	}
	return 0
}

// explored are the variants that programs are run on: those without known faults that the simulator can see. Which byte means which of them changes
// with the catalog.
var explored = func() []designs.Variant {
	var list []designs.Variant
	for _, v := range catalog.All() {
		if !v.Capabilities.NativeOnly && len(v.Breaks) == 0 {
			list = append(list, v)
		}
	}
	return list
}()

// FuzzProgram runs a program on one of the designs, with all checks of an exploration: the data is the design, the program, and the schedule
// (fuzz.ReadInput).
func FuzzProgram(data []byte) int {
	_, failure, err := Failure(data)
	switch {
	case err != nil:
		panic(err.Error())
	case failure != nil:
		panic(failure.Program.Design + " " + failure.Program.Variant + ": " + string(failure.Class) + ": " + failure.Message)
	}
	return 0
}

// Failure is what FuzzProgram panics with, as a run that can be kept and shrunk, and the variant that fails: nil when the data shows no failure.
func Failure(data []byte) (designs.Variant, *fuzz.Replay, error) {
	in := fuzz.ReadInput(data, explored)
	failure, err := in.Run(schedulesPerInput)
	return in.Variant, failure, err
}
