package stats

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchproc"

	"headroom/harness/result"
)

// ReadRaw sums up benchmark results in the form of raw.txt, one row for each benchmark name, in the order of the file.
//
// The benchmark format has no place for item kind, class, interrupt pairs and dropped samples, so those are zero, and
// Workload is the name's first word (TagExhaust). Results of one name that differ in their configuration are summed up
// together with a warning. name stands for the file in errors.
func ReadRaw(r io.Reader, name string) ([]Row, error) {
	g, err := newGroups()
	if err != nil {
		return nil, err
	}
	reader := benchfmt.NewReader(r, name)
	for reader.Scan() {
		switch rec := reader.Result().(type) {
		case *benchfmt.SyntaxError:
			return nil, fmt.Errorf("%w; remove the line, or copy the file again", rec)
		case *benchfmt.Result:
			g.add(rec)
		}
	}
	if err := reader.Err(); err != nil {
		return nil, err
	}
	if len(g.order) == 0 {
		return nil, fmt.Errorf("%s: no benchmark line in it; give the raw.txt of a run", name)
	}
	return g.rows(), nil
}

// groups gathers the values of each benchmark name.
type groups struct {
	name    *benchproc.Projection
	residue *benchproc.Projection
	order   []benchproc.Key
	values  map[benchproc.Key]*[3][]float64
	rest    map[benchproc.Key][]benchproc.Key // what else each name's results came with
}

func newGroups() (*groups, error) {
	var parser benchproc.ProjectionParser
	all, err := benchproc.NewFilter("*")
	if err != nil {
		return nil, err
	}
	name, err := parser.Parse(".fullname", all)
	if err != nil {
		return nil, err
	}
	return &groups{
		name: name, residue: parser.Residue(),
		values: make(map[benchproc.Key]*[3][]float64), rest: make(map[benchproc.Key][]benchproc.Key),
	}, nil
}

func (g *groups) add(r *benchfmt.Result) {
	key := g.name.Project(r)
	if g.values[key] == nil {
		g.order = append(g.order, key)
		g.values[key] = new([3][]float64)
	}
	g.rest[key] = append(g.rest[key], g.residue.Project(r))
	for _, v := range r.Values {
		value, unit := v.Value, v.Unit
		if v.OrigUnit != "" {
			value, unit = v.OrigValue, v.OrigUnit
		}
		for _, m := range Metrics {
			if m.Unit() == unit {
				g.values[key][m] = append(g.values[key][m], value)
			}
		}
	}
}

func (g *groups) rows() []Row {
	var rows []Row
	for _, key := range g.order {
		r := rowOfName(key.Get(g.name.Fields()[0]))
		v := g.values[key]
		r.Ns, r.CAS, r.Throughput, r.LoopNs = Of(v[Ns]), Of(v[CAS]), Of(v[Throughput]), Of(nil)
		for _, m := range Metrics {
			r.warn(r.Estimate(m).Warnings...)
		}
		for _, field := range benchproc.NonSingularFields(g.rest[key]) {
			r.warn("results with different " + field.Name + " summed up together")
		}
		rows = append(rows, r)
	}
	return rows
}

// rowOfName splits a benchmark name into workload, parameters, design and CPUs.
func rowOfName(name string) Row {
	parts := strings.Split(name, "/")
	r := Row{Name: name, Workload: parts[0]}
	for _, part := range parts[1:] {
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "design":
			r.Design = value
		case "cpus":
			r.CPUs, _ = strconv.Atoi(value) // 0 when some other tool wrote the name
		default:
			r.Params = append(r.Params, result.Pair{Key: key, Value: value})
		}
	}
	return r
}
