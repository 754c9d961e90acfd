package designtest

import (
	"errors"
	"fmt"
	"slices"

	"headroom/designs"
	"headroom/designs/spec"
	"headroom/kernel"
)

// checkTable is the trial of the capability table: what it says of itself, and what New refuses.
func checkTable(v designs.Variant) error {
	if err := CheckTable(v); err != nil {
		return err
	}
	return checkRefusals(v)
}

// CheckTable returns what is wrong with a variant's table, nil when it is well-formed. It makes no allocator.
func CheckTable(v designs.Variant) error {
	if v.New == nil || v.Guaranteed == nil {
		return fmt.Errorf("%s: New and Guaranteed must be set", v.FullName())
	}
	can := v.Capabilities
	var faults []error
	need := func(holds bool, format string, args ...any) {
		if !holds {
			faults = append(faults, fmt.Errorf("%s: %s", v.FullName(), fmt.Sprintf(format, args...)))
		}
	}
	need(v.Design != "" && v.Summary != "", "Design and Summary must be set")
	need(slices.Contains([]designs.Kind{designs.Tag, designs.ID, designs.Page, designs.Object}, can.Kind), "kind %q is unknown", can.Kind)
	need(can.Guarantee != "", "Guarantee must say what is promised")
	need(slices.Contains(can.AllocIn, kernel.Process), "AllocIn lacks the process context")
	need(slices.Contains(can.FreeIn, kernel.Process), "FreeIn lacks the process context")
	need(distinct(can.AllocIn) && distinct(can.FreeIn), "a context is listed twice, or is none")
	need(can.MayFail || can.MayWait || can.Unbounded, "an allocator with a limit must wait or fail when it is empty")
	need(can.IRQPairs >= 0, "IRQPairs is below 0")
	need(v.Loops == nil || v.Loops.Pair != nil && v.Loops.Window != nil, "Loops lacks one of its loops")
	need((len(v.Breaks) > 0) == (can.KnownFaults != ""), "KnownFaults must say how the sentences in Breaks are broken")
	for _, sentence := range v.Breaks {
		need(slices.Contains(spec.Sentences(), spec.Sentence(sentence)), "Breaks names %q, which is no sentence of the contract", sentence)
	}
	faults = append(faults, checkKnobs(v)...)
	for _, c := range configs(v) {
		n := v.Guaranteed(c)
		need(n >= 1, "Guaranteed is %d for %s: at least 1 item must be promised", n, label(c))
		need(n <= c.Items || can.Unbounded, "Guaranteed is %d for %s, more than there are", n, label(c))
	}
	return errors.Join(faults...)
}

func distinct(contexts []kernel.Context) bool {
	sorted := slices.Sorted(slices.Values(contexts))
	return len(slices.Compact(slices.Clone(sorted))) == len(sorted) && !slices.ContainsFunc(sorted, func(c kernel.Context) bool { return c > kernel.NMI })
}

func checkKnobs(v designs.Variant) []error {
	var faults []error
	var names []string
	for _, k := range v.Knobs {
		switch {
		case k.Name == "" || k.Meaning == "":
			faults = append(faults, fmt.Errorf("%s: a knob needs a name and a meaning: %+v", v.FullName(), k))
		case slices.Contains(names, k.Name):
			faults = append(faults, fmt.Errorf("%s: two knobs are called %s", v.FullName(), k.Name))
		case k.Low > k.Standard || k.Standard > k.High:
			faults = append(faults, fmt.Errorf("%s: knob %s: %d lies outside %d to %d", v.FullName(), k.Name, k.Standard, k.Low, k.High))
		}
		names = append(names, k.Name)
	}
	return faults
}

// checkRefusals: New answers a configuration out of range with an error and no allocator.
func checkRefusals(v designs.Variant) error {
	least := leastBytes(v)
	bad := []designs.Config{
		{Items: 0, Bytes: least},
		{Items: -1, Bytes: least},
		{Items: 4, Bytes: least, Knobs: map[string]int{"no such knob": 1}},
	}
	for _, k := range v.Knobs {
		bad = append(bad,
			designs.Config{Items: 4, Bytes: least, Knobs: map[string]int{k.Name: k.Low - 1}},
			designs.Config{Items: 4, Bytes: least, Knobs: map[string]int{k.Name: k.High + 1}})
	}
	m, err := newNative(1, designs.Config{Items: 4, Bytes: least})
	if err != nil {
		return err
	}
	defer m.Close()
	var faults []error
	for _, c := range bad {
		a, err := v.New(m, c)
		switch {
		case err == nil:
			faults = append(faults, fmt.Errorf("%s: New took %s, which is out of range", v.FullName(), label(c)))
		case a != nil:
			faults = append(faults, fmt.Errorf("%s: New refused %s, yet its allocator is not nil", v.FullName(), label(c)))
		case err.Error() == "":
			faults = append(faults, fmt.Errorf("%s: New refused %s without a word", v.FullName(), label(c)))
		}
	}
	return errors.Join(faults...)
}
