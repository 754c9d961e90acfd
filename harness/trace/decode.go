package trace

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"strings"
)

// Errors of stream files beside those of text, matched with errors.Is.
var (
	ErrDamagedStream = errors.New("damaged stream")
	ErrNewerStream   = errors.New("stream of a newer version")
)

// copyAgain is what helps against damage.
const copyAgain = "copy it again, or record again with `headroom record`"

// recordLess is what helps against size, fewerCPUs against a machine too large.
const (
	recordLess = "record for a shorter time, or one kind only (--events block or --events kmem)"
	fewerCPUs  = "start the kernel with nr_cpus=4096 to record this machine"
)

func tooLarge(name, what string, have, may int, remedy string) error {
	return fmt.Errorf("%s: %w: %d %s, where a stream file may have %d; %s", name, ErrTooLarge, have, what, may, remedy)
}

// readStream reads a stream file, whose magic is still to come.
func readStream(in io.Reader, name string) (*Recording, error) {
	data, err := io.ReadAll(io.LimitReader(in, maxStreamLen+1))
	if err != nil {
		return nil, damaged(name, 1, err)
	}
	if len(data) > maxStreamLen {
		return nil, fmt.Errorf("%s: %w: a stream file of more than %d bytes; %s", name, ErrTooLarge, maxStreamLen, recordLess)
	}
	return decodeStream(data, name)
}

// decodeStream reads a whole stream file. A field is checked before it is believed, and what cannot be there for want of
// bytes gets no memory. The first thing wrong is reported; the checksum comes last, as it says least about the place.
func decodeStream(data []byte, name string) (*Recording, error) {
	d := decoder{name: name, data: data, end: max(0, len(data)-checksumBytes)}
	d.skipMagic()
	version := d.number("the version", math.MaxInt64)
	if version < streamVersion {
		d.fail("the version is %d, and there is none below %d", version, streamVersion)
	}
	if d.err == nil && version > streamVersion {
		return nil, fmt.Errorf("%s: %w: version %d, and this program reads %d; read it with the headroom that wrote it, or record again", name,
			ErrNewerStream, version, streamVersion)
	}
	r := &Recording{Name: name, Format: StreamFile}
	d.header(r)
	d.tasks(r)
	d.lifetimes(r, d.classes(r))
	if d.err == nil && d.at != d.end {
		d.fail("%d bytes follow the last lifetime", d.end-d.at)
	}
	if d.err == nil {
		if sum := crc32.Checksum(data[:d.end], castagnoli); sum != binary.LittleEndian.Uint32(data[d.end:]) {
			d.fail("the checksum does not fit what is before it")
		}
	}
	if d.err != nil {
		return nil, d.err
	}
	return r, nil
}

// decoder reads fields from the bytes of a stream file until the first that is wrong; then its error stands, and all further
// fields are 0.
type decoder struct {
	name string
	data []byte
	at   int
	end  int // of the fields: the checksum follows
	err  error
}

func (d *decoder) fail(format string, arguments ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%s: offset %d: %w: %s; %s", d.name, d.at, ErrDamagedStream, fmt.Sprintf(format, arguments...), copyAgain)
	}
}

func (d *decoder) skipMagic() {
	if !strings.HasPrefix(string(d.data[:min(len(d.data), len(streamMagic))]), streamMagic) {
		d.fail("it does not begin as a stream file does")
		return
	}
	d.at = len(streamMagic)
}

// number reads one of 0 to most.
func (d *decoder) number(what string, most int64) int64 {
	if d.err != nil {
		return 0
	}
	n, width := binary.Uvarint(d.data[min(d.at, d.end):d.end])
	switch {
	case width == 0:
		d.fail("it is cut short in %s", what)
		return 0
	case width < 0 || n > uint64(most):
		d.fail("%s is above %d", what, most)
		return 0
	case width > 1 && d.data[d.at+width-1] == 0:
		d.fail("%s is written with more bytes than it needs", what)
		return 0
	}
	d.at += width
	return int64(n)
}

// count reads how many entries follow, each of at least width bytes: more than there is room for is damage.
func (d *decoder) count(what string, most, width int) int {
	started := d.at
	n := int(d.number(what, int64(most)))
	if d.err == nil && n > (d.end-d.at)/width {
		d.at = started
		d.fail("%s is %d, and what follows is too short for it", what, n)
		return 0
	}
	return n
}

func (d *decoder) text(what string, most int) string {
	n := d.count("the length of "+what, most, 1)
	s := string(d.data[d.at : d.at+n])
	d.at += n
	return s
}

func (d *decoder) header(r *Recording) {
	if d.err != nil {
		return
	}
	s := &r.Source
	s.Recorder = d.text("the recorder", maxTextBytes)
	s.Kernel = d.text("the kernel's release", maxTextBytes)
	s.Clock = d.text("the clock", maxTextBytes)
	s.Command = d.text("the command", maxTextBytes)
	s.StartedUnix = d.number("the start", math.MaxInt64)
	s.OnlineCPUs = int(d.number("the number of CPUs online", MaxCPUs))
	for _, field := range []struct {
		what string
		into *int
		most int64
	}{
		{"the recorder's own events", &s.OwnEvents, math.MaxInt64},
		{"the number of CPUs", &r.CPUs, MaxCPUs},
		{"the number of events", &r.Events, math.MaxInt64},
		{"the number of events lost", &r.Lost, math.MaxInt64},
		{"the number of malformed lines", &r.Malformed, math.MaxInt64},
		{"the first malformed line", &r.MalformedLine, math.MaxInt64},
		{"the number of steps back in time", &r.Backwards, math.MaxInt64},
	} {
		*field.into = int(d.number(field.what, field.most))
	}
	r.SpanNs = d.number("the span", maxTimeNs)
	for kind := range r.Unmatched {
		r.Unmatched[kind].Starts = int(d.number("the number of unmatched starts", maxUnmatched))
		r.Unmatched[kind].Ends = int(d.number("the number of unmatched ends", maxUnmatched))
	}
}

// maxUnmatched keeps sums of the counts within a number.
const maxUnmatched = 1 << 40

func (d *decoder) tasks(r *Recording) {
	const width = 2 // pid and length
	n := d.count("the number of tasks", maxTasks, width)
	for range n {
		pid := uint32(d.number("a pid", math.MaxUint32))
		r.Tasks = append(r.Tasks, Task{pid, d.text("a task's name", maxCommBytes)})
		if d.err != nil {
			return
		}
	}
}

func (d *decoder) classes(r *Recording) (list []class) {
	const width = 7 // fields
	for range d.count("the number of classes", maxClasses, width) {
		list = append(list, class{
			kind:         Kind(d.number("a kind", int64(kinds-1))),
			order:        uint8(d.number("an order", maxOrder)),
			task:         uint32(d.number("a task", int64(len(r.Tasks)))),
			allocCPU:     uint16(d.number("an allocating CPU", maxCPU)),
			allocContext: Context(d.number("an allocating context", int64(NMI))),
			freeCPU:      uint16(d.number("a freeing CPU", maxCPU)),
			freeContext:  Context(d.number("a freeing context", int64(NMI))),
		})
		if d.err != nil {
			return nil
		}
	}
	return list
}

// lifetimes reads the three columns. The sequence of an allocation is not written: it is the lowest that neither an earlier
// lifetime's allocation nor a free has. So I2 and I3 cannot be broken, if only each free falls on a place that is empty.
func (d *decoder) lifetimes(r *Recording, classes []class) {
	const width = 4 // class, distance, two times
	n := d.count("the number of lifetimes", maxLifetimes, width)
	if d.err == nil && n == 0 {
		d.fail("it holds no lifetime")
	}
	if d.err == nil && len(classes) == 0 {
		d.fail("its lifetimes have no class")
	}
	if d.err == nil && r.Events < 2*n {
		d.fail("%d lifetimes are more than its %d events make", n, r.Events)
	}
	if d.err != nil {
		return
	}
	r.Lifetimes = make([]Lifetime, n)
	for i := range r.Lifetimes {
		d.class(&r.Lifetimes[i], classes)
	}
	const empty = ^step(0)
	steps := make([]step, 2*n)
	for i := range steps {
		steps[i] = empty
	}
	sequence := 0
	for i := range r.Lifetimes {
		for sequence < len(steps) && steps[sequence] != empty { // each earlier lifetime fills two places of 2n, so one is empty
			sequence++
		}
		free := sequence + int(d.number("a distance", int64(len(steps))))
		if d.err == nil && (free == sequence || free >= len(steps) || steps[free] != empty) {
			d.fail("lifetime %d is freed at a place taken or out of range", i)
		}
		if d.err != nil {
			return
		}
		steps[sequence], steps[free] = step(i)<<1, step(i)<<1|1
		r.Lifetimes[i].AllocSequence, r.Lifetimes[i].FreeSequence = uint32(sequence), uint32(free)
	}
	d.times(r, steps)
}

// class reads the class of a lifetime.
func (d *decoder) class(l *Lifetime, classes []class) {
	at := d.number("a class", int64(len(classes))-1)
	if d.err != nil {
		return
	}
	c := &classes[at]
	*l = Lifetime{
		Kind: c.kind, Order: c.order, Task: c.task, AllocCPU: c.allocCPU, FreeCPU: c.freeCPU, AllocContext: c.allocContext, FreeContext: c.freeContext,
	}
}

// times reads the time of each step, as the time since the step before it.
func (d *decoder) times(r *Recording, steps []step) {
	atNs := int64(0)
	for _, s := range steps {
		atNs += d.number("a time", r.SpanNs-atNs)
		if d.err != nil {
			return
		}
		l := &r.Lifetimes[s.lifetime()]
		if s.isFree() {
			l.FreeNs = atNs
		} else {
			l.AllocNs = atNs
		}
	}
}
