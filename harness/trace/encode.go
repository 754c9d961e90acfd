package trace

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"
)

// The frame of a stream file; docs/STREAM.md is its description.
const (
	streamMagic   = "\x89HRS\r\n\x1a\n" // no text begins so, and a copy in text mode changes it
	streamVersion = 1
	checksumBytes = 4
	maxTextBytes  = 4096             // of a text in the header
	maxCommBytes  = 64               // of a task's name; the kernel's are up to 15
	maxLifetimes  = maxEvents / 2    // of a file
	maxTasks      = maxLifetimes     // entries of the table of tasks: one that allocated nothing need not be there
	maxClasses    = maxLifetimes     // entries of the table of classes
	maxStreamLen  = 128 << 20        // bytes of a file, unpacked
	maxTimeNs     = int64(1)<<62 - 1 // of the span
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// class is what lifetimes have in common. Few combinations occur, so a lifetime names its class by one number.
type class struct {
	kind                      Kind
	order                     uint8
	task                      uint32
	allocCPU, freeCPU         uint16
	allocContext, freeContext Context
}

func classOf(l *Lifetime) class {
	return class{l.Kind, l.Order, l.Task, l.AllocCPU, l.FreeCPU, l.AllocContext, l.FreeContext}
}

// compare orders classes that are equally frequent.
func (c class) compare(d class) int {
	return cmp.Or(cmp.Compare(c.kind, d.kind), cmp.Compare(c.order, d.order), cmp.Compare(c.task, d.task), cmp.Compare(c.allocCPU, d.allocCPU),
		cmp.Compare(c.allocContext, d.allocContext), cmp.Compare(c.freeCPU, d.freeCPU), cmp.Compare(c.freeContext, d.freeContext))
}

// WriteStream writes the recording as a stream file. Equal recordings give equal bytes; Read gives back all of it but Name
// and Format. It fails with the writer's own error, and on a recording that Check refuses or that is beyond the limits of
// docs/STREAM.md. Texts longer than the limits are cut.
func (r *Recording) WriteStream(w io.Writer) error {
	if err := r.Check(); err != nil {
		return err
	}
	if err := r.fits(); err != nil {
		return err
	}
	file, err := r.sealed(maxStreamLen)
	if err == nil {
		_, err = w.Write(file)
	}
	return err
}

// sealed is the whole file, of at most limit bytes.
func (r *Recording) sealed(limit int) ([]byte, error) {
	file := seal(r.encode())
	if len(file) > limit {
		return nil, tooLarge(r.Name, "bytes", len(file), limit, recordLess)
	}
	return file, nil
}

// seal appends the checksum.
func seal(body []byte) []byte {
	return binary.LittleEndian.AppendUint32(body, crc32.Checksum(body, castagnoli))
}

// fits refuses what a reader would refuse, beyond what Check does.
func (r *Recording) fits() error {
	for _, limit := range []struct {
		what      string
		have, may int
	}{{"lifetimes", len(r.Lifetimes), maxLifetimes}, {"tasks", len(r.Tasks), maxTasks}} {
		if limit.have > limit.may {
			return tooLarge(r.Name, limit.what, limit.have, limit.may, recordLess)
		}
	}
	if r.SpanNs > maxTimeNs {
		return tooLarge(r.Name, "ns", int(r.SpanNs), int(maxTimeNs), recordLess)
	}
	return r.countsFit()
}

// countsFit refuses counts that no recording has. The limits are those of decoder.header.
func (r *Recording) countsFit() error {
	type count struct {
		what      string
		have, may int
		remedy    string
	}
	counts := []count{
		{"CPUs online", r.Source.OnlineCPUs, MaxCPUs, fewerCPUs}, {"CPUs", r.CPUs, MaxCPUs, fewerCPUs},
		{"events of the recorder", r.Source.OwnEvents, math.MaxInt, ""}, {"events", r.Events, math.MaxInt, ""},
		{"events lost", r.Lost, math.MaxInt, ""}, {"malformed lines", r.Malformed, math.MaxInt, ""},
		{"lines up to the first malformed one", r.MalformedLine, math.MaxInt, ""}, {"steps back in time", r.Backwards, math.MaxInt, ""},
	}
	for _, u := range r.Unmatched {
		counts = append(counts, count{"unmatched starts", u.Starts, maxUnmatched, recordLess}, count{"unmatched ends", u.Ends, maxUnmatched, recordLess})
	}
	for _, c := range counts {
		if c.have < 0 {
			return fmt.Errorf("%s: %d %s: a count is never negative", r.Name, c.have, c.what)
		}
		if c.have > c.may {
			return tooLarge(r.Name, c.what, c.have, c.may, c.remedy)
		}
	}
	if n := len(r.Lifetimes); n == 0 || r.Events < 2*n {
		return fmt.Errorf("%s: %d lifetimes in %d events: a recording has at least one, and two events for each", r.Name, n, r.Events)
	}
	return nil
}

// encode is the file without its checksum.
func (r *Recording) encode() []byte {
	e := encoder{append([]byte(streamMagic), streamVersion)}
	e.header(r)
	e.number(len(r.Tasks))
	for _, t := range r.Tasks {
		e.number(int(t.PID))
		e.text(t.Comm, maxCommBytes)
	}
	classes, places := r.classes()
	e.number(len(classes))
	for _, c := range classes {
		for _, n := range [...]int{int(c.kind), int(c.order), int(c.task), int(c.allocCPU), int(c.allocContext), int(c.freeCPU), int(c.freeContext)} {
			e.number(n)
		}
	}
	e.number(len(r.Lifetimes))
	byAlloc := r.byAllocation()
	for _, l := range byAlloc {
		e.number(places[classOf(l)])
	}
	for _, l := range byAlloc {
		e.number(int(l.FreeSequence - l.AllocSequence))
	}
	lastNs := int64(0)
	for _, s := range r.steps() {
		e.number(int(r.at(s) - lastNs))
		lastNs = r.at(s)
	}
	return e.bytes
}

// byAllocation lists the lifetimes in the order of their allocations.
func (r *Recording) byAllocation() []*Lifetime {
	list := make([]*Lifetime, 0, len(r.Lifetimes))
	for _, s := range r.steps() {
		if !s.isFree() {
			list = append(list, &r.Lifetimes[s.lifetime()])
		}
	}
	return list
}

// classes lists the classes, the most frequent first so that their numbers are short, and the place of each.
func (r *Recording) classes() (list []class, places map[class]int) {
	count := map[class]int{}
	for i := range r.Lifetimes {
		c := classOf(&r.Lifetimes[i])
		if count[c] == 0 {
			list = append(list, c)
		}
		count[c]++
	}
	slices.SortFunc(list, func(a, b class) int { return cmp.Or(cmp.Compare(count[b], count[a]), a.compare(b)) })
	places = make(map[class]int, len(list))
	for i, c := range list {
		places[c] = i
	}
	return list, places
}

// encoder appends to the bytes of a stream file.
type encoder struct{ bytes []byte }

// number appends a number that is not negative.
func (e *encoder) number(n int) { e.bytes = binary.AppendUvarint(e.bytes, uint64(n)) }

func (e *encoder) text(s string, limit int) {
	s = s[:min(len(s), limit)]
	e.number(len(s))
	e.bytes = append(e.bytes, s...)
}

// header appends what is known of the recording as a whole.
func (e *encoder) header(r *Recording) {
	s := &r.Source
	recorder := s.Recorder
	if recorder == "" {
		recorder = r.Format.String()
	}
	for _, text := range [...]string{recorder, s.Kernel, s.Clock, s.Command} {
		e.text(text, maxTextBytes)
	}
	for _, n := range [...]int{
		int(max(0, s.StartedUnix)), s.OnlineCPUs, s.OwnEvents, r.CPUs, r.Events, r.Lost, r.Malformed, r.MalformedLine, r.Backwards, int(r.SpanNs),
	} {
		e.number(n)
	}
	for _, u := range r.Unmatched {
		e.number(u.Starts)
		e.number(u.Ends)
	}
}
