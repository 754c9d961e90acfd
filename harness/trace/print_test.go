package trace

import (
	"fmt"
	"strings"
)

// printed is one event as the tests write it.
type printed struct {
	atNs    int64 // absolute
	cpu     uint16
	context Context
	op      operation
	device  uint32
	key     uint64
	sectors uint32
	order   uint8
	comm    string
}

// style is how a recorder prints.
type style struct {
	format  Format
	nanos   bool // 9 decimals
	flags   bool // trace-cmd only; ftrace always has them, perf never
	tgid    bool // ftrace only
	decimal bool // pfn
	bare    bool // perf only: no colon after the time
}

// header is what stands above the first event.
func (s style) header() string {
	switch s.format {
	case Ftrace:
		return "# tracer: nop\n#\n# entries-in-buffer/entries-written: 5/5   #P:2\n#\n"
	case TraceCmd:
		return "cpus=2\n"
	}
	return ""
}

// context is what a reader can know of the event's context.
func (s style) context(c Context) Context {
	if s.format == Perf || s.format == TraceCmd && !s.flags {
		return Unknown
	}
	return c
}

// line prints an event.
func (s style) line(e printed) string {
	at := fmt.Sprintf("%d.%06d", e.atNs/1e9, e.atNs%1e9/1000)
	if s.nanos {
		at = fmt.Sprintf("%d.%09d", e.atNs/1e9, e.atNs%1e9)
	}
	flags := ""
	if s.context(e.context) != Unknown {
		flags = map[Context]string{Process: " .....", SoftIRQ: " ..s1.", HardIRQ: " d.h1.", NMI: " d.Z1."}[e.context]
	}
	switch s.format {
	case Ftrace:
		tgid := ""
		if s.tgid {
			tgid = "(     42) "
		}
		return fmt.Sprintf("%16s-%-7d %s[%03d]%s %s: %s: %s", e.comm, 42, tgid, e.cpu, flags, at, e.op, s.args(e))
	case TraceCmd:
		return fmt.Sprintf("%16s-%-5d [%03d]%s %s: %-20s %s", e.comm, 42, e.cpu, flags, at, e.op.String()+":", s.args(e))
	}
	subsystem := "block"
	if e.op == pageAlloc || e.op == pageFree {
		subsystem = "kmem"
	}
	if !s.bare {
		at += ":"
	}
	return fmt.Sprintf("%16s %5d/%d [%03d] %s %28s %s", e.comm, 42, 43, e.cpu, at, subsystem+":"+e.op.String()+":", s.args(e))
}

// args prints an event's arguments.
func (s style) args(e printed) string {
	device := fmt.Sprintf("%d,%d", e.device>>20, e.device&(1<<20-1))
	pfn := fmt.Sprintf("0x%x", e.key)
	if s.decimal {
		pfn = fmt.Sprint(e.key)
	}
	switch e.op {
	case issue:
		return fmt.Sprintf("%s WS %d () %d + %d be,0,4 [%s]", device, e.sectors*512, e.key, e.sectors, e.comm)
	case complete, requeue:
		return fmt.Sprintf("%s WS () %d + %d be,0,4 [0]", device, e.key, e.sectors)
	case pageAlloc:
		return fmt.Sprintf("page=0000000000000abc pfn=%s order=%d migratetype=0 gfp_flags=GFP_KERNEL", pfn, e.order)
	case pageFree:
		return fmt.Sprintf("page=0000000000000abc pfn=%s order=%d", pfn, e.order)
	}
	return "pfn=0x1 order=0 [x]"
}

// text prints events under the style's header.
func (s style) text(events []printed) string {
	var b strings.Builder
	b.WriteString(s.header())
	for _, e := range events {
		b.WriteString(s.line(e))
		b.WriteByte('\n')
	}
	return b.String()
}
