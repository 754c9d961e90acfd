package result

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/perf/benchfmt"
)

// Units of raw.txt, as they are written on its lines.
const (
	UnitNs         = "ns/op"  // CPU time of one operation
	UnitCAS        = "cas/op" // the same in uncontended compare-and-swaps of the same process
	UnitThroughput = "op/s"   // operations a second of all CPUs together
)

// unit is a unit with the direction in which its values are better.
type unit struct{ name, better string }

// units lists the Unit lines of every raw.txt in the order in which they are written; those of the percentiles follow.
var units = []unit{{UnitNs, "lower"}, {UnitCAS, "lower"}, {UnitThroughput, "higher"}}

// marshalRaw gives raw.txt: configuration, Unit lines, then one line for each kept sample.
//
// benchfmt.Writer is not used for the configuration because it writes it only in front of a first result, and a run
// that was stopped early may have none.
func marshalRaw(env Env, run *Run) ([]byte, error) {
	var b bytes.Buffer
	for _, p := range rawConfig(env) {
		fmt.Fprintf(&b, "%s: %s\n", p.Key, p.Value)
	}
	b.WriteByte('\n')
	for _, u := range append(slices.Clone(units), tailUnits(run)...) {
		fmt.Fprintf(&b, "Unit %s better=%s\n", u.name, u.better)
	}
	w := benchfmt.NewWriter(&b)
	for i := range run.Cells {
		if err := run.Cells[i].checkName(); err != nil {
			return nil, err
		}
		for _, r := range rawResults(&run.Cells[i]) {
			if err := w.Write(r); err != nil {
				return nil, err
			}
		}
	}
	return b.Bytes(), nil
}

// rawConfig is env in the order benchmark files have it: goos, goarch and cpu first. Empty values are left out, since
// the format reads an empty value as "forget this key".
func rawConfig(env Env) Env {
	first := map[string]bool{KeyGOOS: true, KeyGOARCH: true, KeyCPU: true}
	var out Env
	for _, key := range []string{KeyGOOS, KeyGOARCH, KeyCPU} {
		if v := oneLine(env.Get(key)); v != "" {
			out = append(out, Pair{key, v})
		}
	}
	for _, p := range env {
		if v := oneLine(p.Value); v != "" && !first[p.Key] {
			out = append(out, Pair{p.Key, v})
		}
	}
	return out
}

// rawResults gives the lines of a cell. The control's cells have none: they check the ruler, and benchstat would average them in. A figure that is not positive has no meaning and is left out; cells.json keeps it.
func rawResults(c *Cell) []*benchfmt.Result {
	if IsControl(c.Params) {
		return nil
	}
	var out []*benchfmt.Result
	name := benchfmt.Name(c.Name())
	for i := range c.Kept {
		s := &c.Kept[i]
		r := &benchfmt.Result{Name: name, Iters: int(s.Ops)}
		add := func(v float64, unit string) {
			if v > 0 {
				r.Values = append(r.Values, benchfmt.Value{Value: v, Unit: unit})
			}
		}
		add(s.NsPerOp, UnitNs)
		if s.CASNs > 0 {
			add(s.CASPerOp(), UnitCAS)
		}
		add(s.OpsPerSec, UnitThroughput)
		for _, v := range tailValues(s) {
			add(v.Value, v.Unit)
		}
		if len(r.Values) > 0 {
			out = append(out, r)
		}
	}
	return out
}

// checkName reports a part of the cell's name that would break its line in raw.txt.
func (c *Cell) checkName() error {
	parts := []Pair{{"workload", c.Workload}, {"design", c.Design}}
	if c.Variant != "" {
		parts = append(parts, Pair{"variant", c.Variant})
	}
	for _, p := range c.Params {
		parts = append(parts, Pair{"parameter name", p.Key}, Pair{"value of " + p.Key, p.Value})
	}
	for _, p := range parts {
		if p.Value == "" {
			return fmt.Errorf("cell %s: the %s is empty", c.Name(), p.Key)
		}
		if oneLine(p.Value) != p.Value || strings.ContainsAny(p.Value, "/=") || strings.ContainsFunc(p.Value, unicode.IsSpace) {
			return fmt.Errorf("cell %q: the %s %q has a blank, a slash or an equals sign", c.Name(), p.Key, p.Value)
		}
	}
	return nil
}

// checkRaw reports the first line of raw.txt that is not benchmark format or does not say what cells.json says.
func checkRaw(path string, data []byte, run *Run) error {
	if line, text := junkLine(data); line > 0 {
		return damaged(path, line, fmt.Sprintf("%.40q is not Go benchmark format", text), "remove the line, or copy the folder again")
	}
	var want []*benchfmt.Result
	for i := range run.Cells {
		want = append(want, rawResults(&run.Cells[i])...)
	}
	const again = "one of the two files was changed or cut short: copy the folder again"
	r := benchfmt.NewReader(bytes.NewReader(data), path)
	have := 0
	for r.Scan() {
		switch rec := r.Result().(type) {
		case *benchfmt.SyntaxError:
			return damaged(path, rec.Line, rec.Msg, "remove the line, or copy the folder again")
		case *benchfmt.Result:
			_, line := rec.Pos()
			if have == len(want) {
				return damaged(path, line, fmt.Sprintf("sample %d, but %s has only %d", have+1, CellsFile, len(want)), again)
			}
			if diff := difference(rec, want[have]); diff != "" {
				return damaged(path, line, diff, again)
			}
			have++
		}
	}
	if err := r.Err(); err != nil {
		return err
	}
	if have < len(want) {
		return damaged(path, bytes.Count(data, []byte("\n")), fmt.Sprintf("ends after %d samples, %s has %d", have, CellsFile, len(want)), again)
	}
	return nil
}

// junkLine finds the first line that benchfmt would pass over in silence; line is 0 when there is none.
func junkLine(data []byte) (line int, text string) {
	for i, text := range strings.Split(string(data), "\n") {
		word, _, _ := strings.Cut(text, " ")
		switch {
		case strings.TrimSpace(text) == "", word == "Unit":
		case strings.HasPrefix(word, "Benchmark") && word != text:
		case strings.HasSuffix(word, ":") && badKey(strings.TrimSuffix(word, ":")) == "":
		default:
			return i + 1, text
		}
	}
	return 0, ""
}

// difference says in what a line of raw.txt differs from the sample it should hold, "" when in nothing.
func difference(have, want *benchfmt.Result) string {
	if have.Name.String() != want.Name.String() {
		return fmt.Sprintf("benchmark %s where %s has %s", have.Name, CellsFile, want.Name)
	}
	if have.Iters != want.Iters {
		return fmt.Sprintf("%s: %d operations, %s has %d", have.Name, have.Iters, CellsFile, want.Iters)
	}
	for _, w := range want.Values {
		v, ok := written(have, w.Unit)
		if !ok {
			return fmt.Sprintf("%s: no %s", have.Name, w.Unit)
		}
		if v != w.Value {
			return fmt.Sprintf("%s: %v %s, %s has %v", have.Name, v, w.Unit, CellsFile, w.Value)
		}
	}
	return ""
}

// written is the value of unit as it stands on the line, before benchfmt turns ns into seconds.
func written(r *benchfmt.Result, unit string) (float64, bool) {
	for _, v := range r.Values {
		if v.OrigUnit == unit {
			return v.OrigValue, true
		}
		if v.OrigUnit == "" && v.Unit == unit {
			return v.Value, true
		}
	}
	return 0, false
}
