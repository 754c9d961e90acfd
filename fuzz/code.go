package fuzz

import (
	"fmt"
	"strconv"
	"strings"
)

// Code says what an operation does.
type Code string

// The operations that generated programs have. Those with an argument are written code:argument.
const (
	Try      Code = "try"      // allocate without waiting; nothing happens if nothing is free
	Wait     Code = "wait"     // allocate, waiting if need be
	Free     Code = "free"     // free the item held longest, if any is held
	FreeLast Code = "freelast" // free the item allocated last, if any is held
	Complete Code = "complete" // hand the item held longest to an interrupt on CPU argument, which frees it
	IRQTry   Code = "irqtry"   // raise an interrupt on CPU argument that allocates without waiting, and frees what it got
	Yield    Code = "yield"    // stop between operations
	Unplug   Code = "unplug"   // take CPU argument offline, and have the design told; nothing if it is the last
	Plug     Code = "plug"     // bring CPU argument back, and have an Onliner told; nothing to bring back if it is online, or still going offline
)

// The operations that only some allocators have, and families of programs made for them. Nothing happens where there is no such ability.
const (
	All      Code = "all"      // allocate without waiting until refused
	FreeAll  Code = "freeall"  // free all that is held, by one call of a designs.BulkFreer
	Bulk     Code = "bulk"     // allocate argument items at once, waiting if need be (designs.BulkAllocator)
	Urgent   Code = "urgent"   // allocate without waiting, with a flag that opens half of a reserve
	Entitled Code = "entitled" // allocate without waiting, as a task that has the right to all reserves
	NoLocks  Code = "nolocks"  // allocate by the entry that takes no locks (designs.NoLockAllocator)
	Resize   Code = "resize"   // change the number of items to argument (designs.Resizer)
	Tune     Code = "tune"     // choose setting argument (Tuner)
	Drain    Code = "drain"    // have what is kept here and there given back (Drainer)
	Bogus    Code = "bogus"    // free an item that nobody holds, argument counts from the highest; sole callers only
	Read     Code = "read"     // use an item of another task, as RCU readers do, who may free it meanwhile (Deferrer)
)

// operand is what an operation's argument means.
type operand uint8

const (
	noOperand operand = iota
	cpuOperand
	countOperand // 0 to mostOperand
)

// mostOperand bounds an argument that is no CPU.
const mostOperand = 64

// codes lists the operations and what argument each takes.
var codes = []struct {
	code    Code
	operand operand
}{{Try, noOperand}, {Wait, noOperand}, {Free, noOperand}, {FreeLast, noOperand}, {Complete, cpuOperand}, {IRQTry, cpuOperand}, {Yield, noOperand},
	{Unplug, cpuOperand}, {Plug, cpuOperand}, {All, noOperand}, {FreeAll, noOperand}, {Bulk, countOperand}, {Urgent, noOperand}, {Entitled, noOperand},
	{NoLocks, noOperand}, {Resize, countOperand}, {Tune, countOperand}, {Drain, noOperand}, {Bogus, countOperand}, {Read, noOperand}}

// ordinaryCodes is how many of them, the first, generated programs have.
const ordinaryCodes = 9

// Op is one operation of a task.
type Op struct {
	Code Code
	CPU  int // for the codes that take one
	N    int // for the codes that take another number
}

// String is the operation as programs are written.
func (o Op) String() string {
	switch o.operand() {
	case cpuOperand:
		return fmt.Sprintf("%s:%d", o.Code, o.CPU)
	case countOperand:
		return fmt.Sprintf("%s:%d", o.Code, o.N)
	}
	return string(o.Code)
}

func (o Op) operand() operand {
	for _, c := range codes {
		if c.code == o.Code {
			return c.operand
		}
	}
	return noOperand
}

func (o Op) takesCPU() bool { return o.operand() == cpuOperand }

// parseOp reads an operation; cpus is the size of the machine.
func parseOp(s string, cpus int) (Op, error) {
	name, argument, has := strings.Cut(s, ":")
	for _, c := range codes {
		if string(c.code) != name {
			continue
		}
		n, err := strconv.Atoi(argument)
		switch {
		case c.operand == noOperand && !has:
			return Op{Code: c.code}, nil
		case c.operand == noOperand:
			return Op{}, fmt.Errorf("operation %q: want %s without a CPU", s, name)
		case c.operand == cpuOperand && (err != nil || n < 0 || n >= cpus):
			return Op{}, fmt.Errorf("operation %q: want %s with a CPU from 0 to %d", s, name, cpus-1)
		case c.operand == cpuOperand:
			return Op{Code: c.code, CPU: n}, nil
		case err != nil || n < 0 || n > mostOperand:
			return Op{}, fmt.Errorf("operation %q: want %s with a number from 0 to %d", s, name, mostOperand)
		}
		return Op{Code: c.code, N: n}, nil
	}
	return Op{}, fmt.Errorf("unknown operation %q: the operations are %s", s, codeList())
}

func codeList() string {
	var names []string
	for _, c := range codes {
		switch c.operand {
		case cpuOperand:
			names = append(names, string(c.code)+":CPU")
		case countOperand:
			names = append(names, string(c.code)+":NUMBER")
		default:
			names = append(names, string(c.code))
		}
	}
	return strings.Join(names, " ")
}
