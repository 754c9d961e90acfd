package trace

import (
	"bytes"
	"math"
)

// operation is what an event does to lifetimes.
type operation uint8

const (
	other operation = iota // counted only
	issue
	complete
	requeue
	pageAlloc
	pageFree
	operations
)

// String is the name of the event.
func (op operation) String() string {
	return [operations]string{"other", "block_rq_issue", "block_rq_complete", "block_rq_requeue", "mm_page_alloc", "mm_page_free"}[op]
}

// event is one that pairs, in 40 bytes.
type event struct {
	atNs    int64  // as recorded
	key     uint64 // sector or pfn
	device  uint32 // major<<20 | minor
	sectors uint32 // count
	cpu     uint16
	op      operation
	order   uint8
	context Context
	task    uint32 // who: of a Ring, 1 + the pid until the names are known, then as in Lifetime; 0 if unknown
}

const (
	noSector = math.MaxUint64 // what block_rq_complete prints for a request without a sector; block_rq_issue prints 0
	maxOrder = 63             // the kernel's largest is 10 unless configured; more would not be an order
)

// hasSector reports whether the event's sector tells its request from others.
func (e *event) hasSector() bool { return e.key != noSector && (e.key > 0 || e.sectors > 0) }

// decode reads the arguments of an event that pairs. It reports false if they are cut short or make no sense.
//
// mm_page_free_batched stays among the others: the kernel reports each page freed in a batch by mm_page_free too, from
// free_pages_prepare. In the recordings at hand every batched notice has its mm_page_free, same pfn and CPU, a few
// microseconds before it and no allocation between; older kernels print it just before. Counting both would free twice.
// mm_page_alloc_zone_locked and mm_page_pcpu_drain move pages between the zone and a CPU's list, below what callers hold.
func decode(name, args []byte) (event, bool) {
	switch string(name) {
	case "block_rq_issue":
		return decodeRequest(issue, args)
	case "block_rq_complete":
		return decodeRequest(complete, args)
	case "block_rq_requeue":
		return decodeRequest(requeue, args)
	case "mm_page_alloc":
		e, ok := decodePage(pageAlloc, args)
		if e.key == 0 {
			e.op = other // R6: the allocation failed
		}
		return e, ok
	case "mm_page_free":
		return decodePage(pageFree, args)
	}
	return event{}, true
}

// decodeRequest reads "major,minor rwbs bytes (command) sector + sectors ... [task or error]"; only an issue has bytes, and
// only newer kernels print a priority before the bracket. The closing bracket shows that the line is whole.
func decodeRequest(op operation, args []byte) (e event, ok bool) {
	major, rest, ok := takeUint(args, 1<<12-1)
	if !ok || !bytes.HasPrefix(rest, []byte(",")) {
		return event{}, false
	}
	minor, rest, ok := takeUint(rest[1:], 1<<20-1)
	if !ok || !bytes.HasPrefix(rest, []byte(" ")) || !bytes.HasSuffix(rest, []byte("]")) {
		return event{}, false
	}
	command := bytes.Index(rest, []byte(" ("))
	if command < 0 {
		return event{}, false
	}
	rest = rest[command:]
	closing := bytes.Index(rest, []byte(") "))
	if closing < 0 {
		return event{}, false
	}
	sector, rest, ok := takeUint(rest[closing+2:], math.MaxUint64)
	if !ok || !bytes.HasPrefix(rest, []byte(" + ")) {
		return event{}, false
	}
	sectors, rest, ok := takeUint(rest[3:], math.MaxUint32)
	if !ok || !bytes.HasPrefix(rest, []byte(" ")) {
		return event{}, false
	}
	return event{op: op, key: sector, device: uint32(major<<20 | minor), sectors: uint32(sectors)}, true
}

// decodePage reads "page=... pfn=... order=N ...". The pfn is hexadecimal with 0x in newer kernels, decimal in older ones.
func decodePage(op operation, args []byte) (e event, ok bool) {
	pfn, ok := field(args, "pfn=")
	if !ok {
		return event{}, false
	}
	base := uint64(10)
	if hex, isHex := bytes.CutPrefix(pfn, []byte("0x")); isHex {
		base, pfn = 16, hex
	}
	key, rest, ok := takeNumber(pfn, base, math.MaxUint64)
	if !ok || !bytes.HasPrefix(rest, []byte(" ")) {
		return event{}, false
	}
	value, ok := field(rest, "order=")
	if !ok {
		return event{}, false
	}
	order, rest, ok := takeUint(value, maxOrder)
	if !ok || len(rest) > 0 && rest[0] != ' ' {
		return event{}, false
	}
	return event{op: op, key: key, order: uint8(order)}, true
}

// field finds the text after the first word of args that begins with name.
func field(args []byte, name string) (value []byte, ok bool) {
	for {
		at := bytes.Index(args, []byte(name))
		if at < 0 {
			return nil, false
		}
		value = args[at+len(name):]
		if at == 0 || args[at-1] == ' ' {
			return value, true
		}
		args = value
	}
}
