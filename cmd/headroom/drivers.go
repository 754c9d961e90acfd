package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"headroom/fuzz/scenario"
)

// driverExecutions is how many schedules each generated driver gets, and drivers how many there are where no budget is given.
const (
	driverExecutions = 200
	drivers          = 200
)

// exploreDrivers runs generated drivers, and says whether the lock checker foresaw those that deadlock.
func exploreDrivers(ctx context.Context, o exploreOptions) error {
	if err := checkFolder(o.out); err != nil {
		return err
	}
	if o.seconds == 0 && o.programs == 0 {
		o.programs = drivers
	}
	if err := o.budget(); err != nil {
		return err
	}
	started := time.Now()
	survey := &scenario.Survey{Seed: o.seed, Drivers: o.programs, Executions: driverExecutions, Stop: func() bool { return o.late(ctx, started) }}
	tally, err := survey.Run()
	if err != nil {
		return err
	}
	fmt.Printf("%d drivers, %d schedules each, seed %d: %d come to a deadlock or livelock, the lock checker warns of %d of these; it warns of %d in all\n",
		tally.Drivers, driverExecutions, o.seed, tally.Grief, tally.Foreseen, tally.Warned)
	for _, f := range append(tally.Missed, tally.Broken...) {
		path := filepath.Join(o.out, f.Name+".scn")
		if err := replaceFile(path, []byte(f.String())); err != nil {
			return err
		}
		fmt.Printf("FAILURE: %s fails without a warning, or otherwise than by a deadlock or livelock\nrepeat: bin/headroom explore --scenario %s\n", f.Name, path)
	}
	switch {
	case len(tally.Missed)+len(tally.Broken) > 0:
		return status(exitFound)
	case ctx.Err() != nil:
		return status(exitInterrupted)
	}
	return nil
}
