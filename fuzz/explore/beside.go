package explore

import "headroom/internal/rng"

// beside lets the machine's own entities (sim.Machine.Agents) take part seldom: how often they are considered at all is drawn for each execution, from
// always to once in 64 choices. As likely as any other they would empty each store buffer at once, and use their budgets up in the first steps.
type beside struct {
	agents uint64
	seed   uint64
	stream rng.Stream
	odds   int // 0 before the first choice of an execution
}

// Beside is how the machine names its own entities.
func (b *beside) Beside(agents uint64) { b.agents = agents }

// begin starts the execution of a seed.
func (b *beside) begin(seed uint64) { b.seed, b.odds = seed, 0 }

// besideOdds are the odds against considering the machine's own entities at a choice.
var besideOdds = [...]int{1, 4, 16, 64}

// thin leaves the machine's own entities out of those eligible, at most choices.
func (b *beside) thin(eligible uint64) uint64 {
	others := eligible &^ b.agents
	if others == eligible || others == 0 {
		return eligible
	}
	if b.odds == 0 {
		b.stream = rng.New(rng.Mix(b.seed))
		b.odds = besideOdds[b.stream.Below(len(besideOdds))]
	}
	if b.stream.Below(b.odds) != 0 {
		return others
	}
	return eligible
}
