package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"syscall"

	"headroom/designs"
	"headroom/harness/workload"
)

// Offer is what a program says it can measure: the part of its `list --json` that matters here. The program may be an older or a newer headroom.
type Offer struct {
	Designs   []OfferedDesign   `json:"designs"`
	Workloads []OfferedWorkload `json:"workloads"`
	Spec      []string          `json:"spec"` // names of the fields of a description of a sample that it understands
}

// OfferedDesign is a variant that a program has.
type OfferedDesign struct {
	Design  string            `json:"design"`
	Variant string            `json:"variant"`
	Lacks   map[string]string `json:"lacks"` // workloads it cannot run, with the reason; of a trace with its kind, as trace/page
}

// OfferedWorkload is a workload that a program has.
type OfferedWorkload struct {
	Name      string `json:"name"`
	Operation string `json:"operation"` // what one operation is, in words
}

// firstSpec are the fields that a program understands whose list does not say: it is older than the saying.
var firstSpec = []string{"workload", "design", "variant", "cpus", "hold", "ratio", "tasks", "file", "kind", "touch", "pace", "knobs", "durationNs",
	"slowerPct", "dispatch", "twin"}

// SpecFields names the fields of a description of a sample that this program understands, as JSON has them.
func SpecFields() (names []string) {
	t := reflect.TypeFor[workload.Spec]()
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// Ask has a program list what it can measure. The error is for a program that does not, such as one from before there was a list.
func Ask(ctx context.Context, program string) (*Offer, error) {
	limit, cancel := context.WithTimeout(ctx, sampleLimit)
	defer cancel()
	cmd := exec.CommandContext(limit, program, "list", "--json")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for this program alone
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("it does not list what it can measure (list --json): %w", err)
	}
	o := &Offer{}
	if err := json.Unmarshal(out, o); err != nil {
		return nil, fmt.Errorf("its list --json: %w", err)
	}
	if o.Spec == nil {
		o.Spec = firstSpec
	}
	return o, nil
}

// Refuses says why the program would not take this sample, or would take another one instead: an older program ignores a field it does not know. It
// is "" when the program would take it.
func (o *Offer) Refuses(s *workload.Spec) string {
	if o.operation(s.Workload) == "" {
		return "it has no workload " + s.Workload
	}
	for _, d := range o.Designs {
		if d.Design != s.Design || d.Variant != s.Variant {
			continue
		}
		if why := d.Lacks[s.Workload]; why != "" {
			return why
		}
		if why := d.Lacks[s.Workload+"/"+s.Kind]; why != "" {
			return why
		}
		for _, field := range fieldsSet(s) {
			if !slices.Contains(o.Spec, field) {
				return fmt.Sprintf("its samples have no parameter %q", field)
			}
		}
		return ""
	}
	return "it has no design " + designs.Variant{Design: s.Design, Name: s.Variant}.FullName()
}

// operation is what the program says one operation of a workload is, "" when it has no such workload.
func (o *Offer) operation(name string) string {
	for _, w := range o.Workloads {
		if w.Name == name {
			return w.Operation
		}
	}
	return ""
}

// Redefined lists the workloads of the plan whose one operation the two programs describe in different words: their figures may not be of the same
// thing.
func (p *Plan) Redefined(first, second *Offer) (names []string) {
	for i := range p.Cells {
		name := p.Cells[i].Workload
		if first.operation(name) != second.operation(name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// fieldsSet names the fields of a description that are not zero, in their order.
func fieldsSet(s *workload.Spec) (names []string) {
	v := reflect.ValueOf(s).Elem()
	for i, name := range SpecFields() {
		if !v.Field(i).IsZero() {
			names = append(names, name)
		}
	}
	return names
}
