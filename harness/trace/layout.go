package trace

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ErrFormat is that the kernel describes its ring buffer in a way this package does not read.
var ErrFormat = errors.New("unknown ring buffer format")

// ringEvent is what a Ring does with an event of the kernel.
type ringEvent struct {
	op     operation // other for the events that name tasks
	fields []string  // what it needs of the event: key, device, sectors, order, task, comm, in this order; "" for none, ? for optional
}

// ringEvents are the events a Ring reads. The kernel names tasks by number, so it also asks for the events at which a number
// gets a name.
var ringEvents = map[string]ringEvent{
	"block_rq_issue":    {issue, []string{"sector", "dev", "nr_sector", "", "", ""}},
	"block_rq_complete": {complete, []string{"sector", "dev", "nr_sector", "", "", ""}},
	"block_rq_requeue":  {requeue, []string{"sector", "dev", "nr_sector", "", "", ""}},
	"mm_page_alloc":     {pageAlloc, []string{"pfn", "", "", "order", "", ""}},
	"mm_page_free":      {pageFree, []string{"pfn", "", "", "order", "", ""}},
	"task_newtask":      {other, []string{"", "", "", "", "pid", "comm"}},
	"task_rename":       {other, []string{"", "", "", "", "?pid", "newcomm"}}, // some kernels leave out the pid: it is the event's task
}

// place is where a field lies. A field that is not read has size 0.
type place struct{ offset, size int }

// number reads a field of up to 8 bytes; 0 if it is not read.
func (p place) number(data []byte) (n uint64) {
	for i := p.size - 1; i >= 0; i-- {
		n = n<<8 | uint64(data[p.offset+i])
	}
	return n
}

// eventLayout is where the fields of one event lie.
type eventLayout struct {
	op                                                  operation
	bytes                                               int // that the event has at least
	flags, pid, key, device, sectors, order, task, comm place
}

// pageLayout is where the parts of a sub-buffer lie.
type pageLayout struct{ timestamp, commit, data place }

// parseFields reads the lines "field:TYPE NAME; offset:N; size:N; signed:N;" of a format file of tracefs.
func parseFields(text string) (map[string]place, error) {
	fields := map[string]place{}
	for _, line := range strings.Split(text, "\n") {
		line, ok := strings.CutPrefix(strings.TrimSpace(line), "field:")
		if !ok {
			continue
		}
		parts := strings.Split(line, ";")
		if len(parts) < 3 {
			return nil, fmt.Errorf("%w: %q", ErrFormat, line)
		}
		words := strings.Fields(parts[0])
		offset, offsetErr := strconv.ParseUint(strings.TrimPrefix(strings.TrimSpace(parts[1]), "offset:"), 10, 16)
		size, sizeErr := strconv.ParseUint(strings.TrimPrefix(strings.TrimSpace(parts[2]), "size:"), 10, 24)
		if offsetErr != nil || sizeErr != nil || len(words) == 0 {
			return nil, fmt.Errorf("%w: %q", ErrFormat, line)
		}
		name, _, _ := strings.Cut(words[len(words)-1], "[")
		fields[name] = place{int(offset), int(size)}
	}
	return fields, nil
}

// parsePage reads events/header_page.
func parsePage(text string) (pageLayout, error) {
	fields, err := parseFields(text)
	if err != nil {
		return pageLayout{}, err
	}
	l := pageLayout{fields["timestamp"], fields["commit"], fields["data"]}
	if l.timestamp.size != 8 || l.commit.size != 4 && l.commit.size != 8 || l.data.offset < l.commit.offset+l.commit.size || l.data.offset < l.timestamp.offset+8 {
		return pageLayout{}, fmt.Errorf("%w: header_page has %v", ErrFormat, l)
	}
	return l, nil
}

// parseEvent reads the format file of one of ringEvents: its number, and where its fields lie.
func parseEvent(name, text string) (id uint16, l *eventLayout, err error) {
	wanted, ok := ringEvents[name]
	if !ok {
		return 0, nil, fmt.Errorf("%w: the event %s is not one that is read", ErrFormat, name)
	}
	fields, err := parseFields(text)
	if err != nil {
		return 0, nil, fmt.Errorf("%s: %w", name, err)
	}
	_, after, _ := strings.Cut("\n"+text, "\nID:")
	line, _, _ := strings.Cut(after, "\n")
	number, err := strconv.ParseUint(strings.TrimSpace(line), 10, 16)
	if err != nil || number == 0 || number > math.MaxUint16 {
		return 0, nil, fmt.Errorf("%w: %s has no number", ErrFormat, name)
	}
	l = &eventLayout{op: wanted.op}
	into := []*place{&l.key, &l.device, &l.sectors, &l.order, &l.task, &l.comm, &l.flags, &l.pid}
	for i, field := range append(append([]string{}, wanted.fields...), "common_flags", "common_pid") {
		field, optional := strings.CutPrefix(field, "?")
		at, ok := fields[field]
		if field == "" || optional && !ok {
			continue
		}
		if !ok || at.size == 0 || at.size > 8 && into[i] != &l.comm || at.size > maxCommBytes {
			return 0, nil, fmt.Errorf("%w: %s has no field %s that can be read; this kernel is too old or too new", ErrFormat, name, field)
		}
		*into[i] = at
		l.bytes = max(l.bytes, at.offset+at.size)
	}
	return uint16(number), l, nil
}
