package trace

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// ringWriter makes sub-buffers as the kernel does.
type ringWriter struct {
	pages   [][]byte // with the CPU in front, as one byte
	current map[uint16][]byte
	lastNs  map[uint16]int64
}

func newRingWriter() *ringWriter {
	return &ringWriter{current: map[uint16][]byte{}, lastNs: map[uint16]int64{}}
}

const headerBytes = 16

// put appends an event; roomy makes its record of the long form.
func (w *ringWriter) put(cpu uint16, atNs int64, body []byte, roomy bool) {
	const fullAt = 300
	if len(w.current[cpu]) > fullAt {
		w.flush(cpu)
	}
	page := w.current[cpu]
	if page == nil {
		page = binary.LittleEndian.AppendUint64(nil, uint64(atNs))
		page = append(page, make([]byte, headerBytes-8)...)
		w.lastNs[cpu] = atNs
	}
	delta := uint64(atNs - w.lastNs[cpu])
	w.lastNs[cpu] = atNs
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	switch {
	case delta >= 1<<deltaBits && roomy: // an absolute time
		page = binary.LittleEndian.AppendUint32(page, uint32(atNs&(1<<deltaBits-1))<<typeBits|typeStamp)
		page = binary.LittleEndian.AppendUint32(page, uint32(atNs>>deltaBits))
		delta = 0
	case delta >= 1<<deltaBits:
		page = binary.LittleEndian.AppendUint32(page, uint32(delta&(1<<deltaBits-1))<<typeBits|typeExtend)
		page = binary.LittleEndian.AppendUint32(page, uint32(delta>>deltaBits))
		delta = 0
	}
	if roomy {
		page = binary.LittleEndian.AppendUint32(page, uint32(delta)<<typeBits)
		page = binary.LittleEndian.AppendUint32(page, uint32(len(body)+4))
	} else {
		page = binary.LittleEndian.AppendUint32(page, uint32(delta)<<typeBits|uint32(len(body)/4))
	}
	w.current[cpu] = append(page, body...)
}

// flush ends a sub-buffer: its length, some padding that is not counted, and rubbish behind.
func (w *ringWriter) flush(cpu uint16) {
	page := w.current[cpu]
	if page == nil {
		return
	}
	const missed = 1 << 31 // a flag above the length
	binary.LittleEndian.PutUint64(page[8:], uint64(len(page)-headerBytes)|missed)
	page = append(page, "rubbish"...)
	w.pages = append(w.pages, append([]byte{byte(cpu)}, page...))
	w.current[cpu] = nil
}

var ringIDs = map[operation]uint16{pageAlloc: 1, pageFree: 2, issue: 3, complete: 4, requeue: 5}

// body is the event in the layout of fuzzFormats.
func body(e printed, pid uint32) []byte {
	bits := map[Context]byte{Process: 0, SoftIRQ: flagSoftIRQ, HardIRQ: flagHardIRQ | flagSoftIRQ, NMI: flagNMI}[e.context]
	b := binary.LittleEndian.AppendUint16(nil, ringIDs[e.op])
	b = append(b, bits|1, 0)
	b = binary.LittleEndian.AppendUint32(b, pid)
	if e.op == pageAlloc || e.op == pageFree {
		return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint64(b, e.key), uint32(e.order))
	}
	b = binary.LittleEndian.AppendUint32(b, e.device)
	b = append(b, 0, 0, 0, 0)
	return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint64(b, e.key), e.sectors)
}

// named is a task event: 6 gives a pid its first name, 7 the event's own task another.
func named(id uint16, pid uint32, comm string) []byte {
	b := binary.LittleEndian.AppendUint16(nil, id)
	b = append(b, 0, 0)
	name := append([]byte(comm), make([]byte, 16-len(comm))...)
	if id == 6 {
		b = binary.LittleEndian.AppendUint32(b, 1)
		return append(binary.LittleEndian.AppendUint32(b, pid), name...)
	}
	b = binary.LittleEndian.AppendUint32(b, pid)
	b = append(b, make([]byte, 20)...)
	return append(b, name...)
}

func newTestRing(t interface{ Fatal(...any) }) *Ring {
	r, err := NewRing(fuzzHeader, fuzzFormats)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The same history, as text and as sub-buffers of the kernel, gives the same lifetimes.
func TestRingReadsWhatTextSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t, 1, 1)
		want, err := Read(strings.NewReader(style{format: Ftrace, nanos: true}.text(h.events)), "f")
		if err != nil {
			return
		}
		w := newRingWriter()
		stretch := rapid.SampledFrom([]int64{1, 1 << 26}).Draw(t, "stretch") // so that times need more than 27 bits
		for _, e := range h.events {
			b := body(e, 42)
			if e.op == other {
				b = binary.LittleEndian.AppendUint16(nil, 999)
			}
			w.put(e.cpu, e.atNs*stretch, b, rapid.Bool().Draw(t, "roomy"))
		}
		for cpu := range uint16(4) {
			w.flush(cpu)
		}
		ring := newTestRing(t)
		for _, page := range w.pages {
			if err := ring.Take(int(page[0]), page[1:]); err != nil {
				t.Fatal(err)
			}
		}
		got, err := ring.Recording("f", Source{}, 7, nil)
		if err != nil || got.Lost != 7 {
			t.Fatal(err)
		}
		if err := got.Check(); err != nil {
			t.Fatal(err)
		}
		shift := int64(0) // text counts from the first event of any name
		for i := range want.Lifetimes {
			want.Lifetimes[i].AllocNs *= stretch
			want.Lifetimes[i].FreeNs *= stretch
		}
		shift = want.Lifetimes[0].AllocNs - got.Lifetimes[0].AllocNs
		for i := range got.Lifetimes {
			l := &got.Lifetimes[i]
			if (l.Task != 0) != (l.AllocContext == Process) {
				t.Fatalf("lifetime %d allocated in %v by task %d", i, l.AllocContext, l.Task)
			}
			l.Task = 0
			l.AllocNs += shift
			l.FreeNs += shift
		}
		if !slices.Equal(got.Lifetimes, want.Lifetimes) || got.Unmatched != want.Unmatched {
			t.Fatalf("got\n%v\nwant\n%v", got.Lifetimes, want.Lifetimes)
		}
	})
}

// Names hold from the moment they are given, whichever CPU tells them; the recorder's own pages are left out.
func TestRingNamesTasksAndLeavesOutItsOwn(t *testing.T) {
	ring := newTestRing(t)
	ring.Name(42, "sh")
	ring.Name(42, "later")
	w := newRingWriter()
	page := func(atNs int64, pid uint32, pfn uint64, op operation) {
		w.put(0, atNs, body(printed{op: op, key: pfn, context: Process}, pid), false)
	}
	page(100, 42, 1, pageAlloc)
	page(110, 9, 2, pageAlloc) // the recorder's own
	page(120, 42, 2, pageFree) // whoever frees it
	page(300, 42, 3, pageAlloc)
	page(310, 43, 4, pageAlloc)
	page(320, 0, 5, pageAlloc)
	page(330, 44, 6, pageAlloc)
	for pfn := range uint64(7) {
		page(400+int64(pfn), 42, pfn, pageFree)
	}
	w.put(1, 200, named(7, 42, "dd"), false)
	w.put(1, 205, named(6, 43, "0123456789abcdef"[:15]), false)
	w.flush(0)
	w.flush(1)
	for _, p := range w.pages {
		if err := ring.Take(int(p[0]), p[1:]); err != nil {
			t.Fatal(err)
		}
	}
	r, err := ring.Recording("f", Source{Clock: "mono"}, 0, []uint32{8, 9})
	if err != nil {
		t.Fatal(err)
	}
	var got []Task
	for _, l := range r.Lifetimes {
		got = append(got, r.Tasks[l.Task-1])
	}
	want := []Task{{42, "sh"}, {42, "dd"}, {43, "0123456789abcde"}, {0, "idle"}, {44, ""}}
	if !slices.Equal(got, want) || r.Source != (Source{Clock: "mono", OwnEvents: 2}) || r.Unmatched[Page] != (Unmatched{0, 2}) || r.Events != 12 {
		t.Errorf("allocated by %v; %+v", got, r)
	}
	if int(r.Events) != ring.Events()-2 {
		t.Errorf("%d events of %d", r.Events, ring.Events())
	}
}

// A page of the recorder whose free was missed, allocated by another, is the other's.
func TestRingKeepsPagesThatWereItsOwn(t *testing.T) {
	ring := newTestRing(t)
	w := newRingWriter()
	for i, pid := range []uint32{9, 42, 42} {
		op := pageAlloc
		if i == 2 {
			op = pageFree
		}
		w.put(0, int64(i), body(printed{op: op, key: 1, context: Process}, pid), false)
	}
	w.flush(0)
	if err := ring.Take(0, w.pages[0][1:]); err != nil {
		t.Fatal(err)
	}
	if r, err := ring.Recording("f", Source{}, 0, []uint32{9}); err != nil || len(r.Lifetimes) != 1 || r.Source.OwnEvents != 1 {
		t.Errorf("got %+v, %v", r, err)
	}
}

// Bytes that no kernel writes are refused, each for its reason.
func TestRingRefusesOddBytes(t *testing.T) {
	good := func() []byte {
		w := newRingWriter()
		w.put(0, 5, body(printed{op: pageAlloc, key: 1, context: Process}, 1), false)
		w.flush(0)
		return w.pages[0][1:]
	}
	record := func(words ...uint32) []byte {
		page := make([]byte, headerBytes)
		for _, word := range words {
			page = binary.LittleEndian.AppendUint32(page, word)
		}
		binary.LittleEndian.PutUint64(page[8:], uint64(4*len(words)))
		return page
	}
	long := good()
	long[8] = 0xff
	late := good()
	late[7] = 0x80
	for _, c := range []struct {
		says string
		page []byte
	}{
		{"4 bytes of CPU 0 are no sub-buffer", good()[:4]},
		{"claims 255 bytes", long},
		{"an event of 20 bytes at 9223372036854775813 ns", late},
		{"offset 0 in", record(5)},                  // a body of 20 bytes that is not there
		{"offset 0 in", record(typeExtend)},         // half an extension
		{"offset 0 in", record(0, 3)},               // a length that does not count itself
		{"offset 0 in", record(0, 100)},             // a length beyond the end
		{"offset 8 in", record(1, 999, typeExtend)}, // an event that nobody asked for, then half an extension
		{"an event of 4 bytes", record(1, 1)},       // a page without its fields
	} {
		err := newTestRing(t).Take(0, c.page)
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%x: got %v, want %s", c.page, err, c.says)
		}
	}
	if err := newTestRing(t).Take(-1, good()); !errors.Is(err, ErrFormat) {
		t.Errorf("CPU -1: %v", err)
	}
	if err := newTestRing(t).Take(0, record(typePadding, 77)); err != nil {
		t.Errorf("padding to the end: %v", err)
	}
	if err := newTestRing(t).Take(0, record(typePadding|1<<typeBits, 8, 0, typePadding)); err != nil {
		t.Errorf("a record given up: %v", err)
	}
}

// A failed allocation is no start, and a recording in which nothing pairs is an error.
func TestRingWithoutLifetimes(t *testing.T) {
	ring := newTestRing(t)
	w := newRingWriter()
	w.put(0, 5, body(printed{op: pageAlloc, key: ^uint64(0), context: Process}, 1), false)
	w.flush(0)
	if err := ring.Take(0, w.pages[0][1:]); err != nil {
		t.Fatal(err)
	}
	const want = "f: no lifetime in 1 events: nothing was allocated and freed meanwhile; record for longer, or while the load runs"
	if _, err := ring.Recording("f", Source{}, 0, nil); !errors.Is(err, ErrNoLifetimes) || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

// The bound on memory, with a small number in its place: what was taken in before stays.
func TestRingEndsAtTheLargestSize(t *testing.T) {
	ring := newTestRing(t)
	ring.limit = 2
	w := newRingWriter()
	for i, op := range []operation{pageAlloc, pageFree, pageAlloc} {
		w.put(0, int64(i), body(printed{op: op, key: 1, context: Process}, 1), false)
	}
	w.flush(0)
	if err := ring.Take(0, w.pages[0][1:]); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	if r, err := ring.Recording("f", Source{}, 0, nil); err != nil || len(r.Lifetimes) != 1 {
		t.Errorf("got %+v, %v", r, err)
	}
}

// What a kernel says of its buffer is read or refused, with the event's name.
func TestRingRefusesOddFormats(t *testing.T) {
	change := func(name, old, fresh string) map[string]string {
		m := maps.Clone(fuzzFormats)
		m[name] = strings.Replace(m[name], old, fresh, 1)
		return m
	}
	for _, c := range []struct {
		says, header string
		formats      map[string]string
	}{
		{"header_page has", "", fuzzFormats},
		{"header_page has", strings.Replace(fuzzHeader, "size:8", "size:4", 1), fuzzFormats},
		{"timestamp", strings.Replace(fuzzHeader, "offset:0", "offset:x", 1), fuzzFormats},
		{"char data", "\tfield: char data\n", fuzzFormats},
		{"mm_page_free has no number", fuzzHeader, change("mm_page_free", "ID: 2", "ID: none")},
		{"mm_page_free has no field pfn that can be read; this kernel is too old or too new", fuzzHeader, change("mm_page_free", "pfn", "page")},
		{"mm_page_free has no field order", fuzzHeader, change("mm_page_free", "unsigned int order;\toffset:16;\tsize:4", "unsigned int order;\toffset:16;\tsize:0")},
		{"task_newtask has no field comm", fuzzHeader, change("task_newtask", "size:16", "size:160")},
		{"sched_switch is not one that is read", fuzzHeader, map[string]string{"sched_switch": ""}},
	} {
		if _, err := NewRing(c.header, c.formats); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("got %v, want %s", err, c.says)
		}
	}
}

// FuzzRing tells sub-buffers from other data, or go-fuzz would not be guided; this one has every kind of record.
func TestFuzzRingPrefersRecords(t *testing.T) {
	w := newRingWriter()
	for i, op := range []operation{pageAlloc, pageFree, issue, requeue, issue, complete} {
		w.put(0, int64(i)<<26, body(printed{op: op, key: 8, sectors: 8, context: SoftIRQ}, 1), i%2 == 0)
	}
	w.put(0, 1<<40, named(7, 5, "x"), true)
	w.flush(0)
	if got := FuzzRing(w.pages[0][1:]); got != 1 {
		t.Errorf("a sub-buffer: got %d, want 1", got)
	}
	if got := FuzzRing([]byte("prose")); got != 0 {
		t.Errorf("prose: got %d, want 0", got)
	}
}
