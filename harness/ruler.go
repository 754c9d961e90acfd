package harness

import (
	"errors"

	"headroom/harness/measure"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
)

// Ruler is the machine's own costs, in ns.
type Ruler struct {
	CASNs       float64 `json:"cas_ns"`       // an uncontended compare-and-swap
	LoopNs      float64 `json:"loop_ns"`      // one turn of the empty measuring loop
	RoundTripNs float64 `json:"roundtrip_ns"` // a line there and back between the first two CPUs, 0 on one CPU
	Realtime    string  `json:"realtime"`     // why real-time priority was refused, "" when it was had
}

// RealtimeError is why real-time priority was refused, nil when it was had.
func (r *Ruler) RealtimeError() error {
	if r.Realtime == "" {
		return nil
	}
	return errors.New(r.Realtime)
}

// TakeRuler measures the machine's own costs on one or two CPUs; it takes a few milliseconds.
func TakeRuler(cpus []machine.CPU) (*Ruler, error) {
	m, err := machine.NewNative(machine.Options{CPUs: cpus})
	if err != nil {
		return nil, err
	}
	defer m.Close()
	court, err := measure.NewCourt(m)
	if err != nil {
		return nil, err
	}
	word, err := mem.New[atomic.Uint64](m.Memory(), 0)
	if err != nil {
		return nil, err
	}
	r := &Ruler{}
	for i := range cpus {
		m.Spawn(nil, machine.Spec{Name: "ruler", CPU: i, Body: func(t *kernel.Task) {
			refused := machine.Realtime(true)
			if len(cpus) > 1 {
				if trip := court.Serve(i == 0); i == 0 {
					r.RoundTripNs = trip
				}
			}
			if i != 0 {
				return
			}
			r.CASNs, r.LoopNs = measure.CAS(t, word), measure.Loop(t)
			if refused != nil {
				r.Realtime = refused.Error()
				return
			}
			_ = machine.Realtime(false) // giving priority up is always permitted
		}})
	}
	return r, m.Run()
}
