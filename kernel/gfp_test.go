package kernel_test

import (
	"encoding/json"
	"testing"

	"headroom/kernel"
)

// Flags print as the kernel's traces have them, the largest composite first; MayWait is DirectReclaim.
func TestGFPNames(t *testing.T) {
	for _, c := range []struct {
		flags kernel.GFP
		name  string
		wait  bool
	}{
		{0, "0", false},
		{kernel.Kernel, "KERNEL", true},
		{kernel.NoFS, "NOFS", true},
		{kernel.NoIO, "NOIO", true},
		{kernel.Atomic, "ATOMIC", false},
		{kernel.NoWait, "NOWAIT", false},
		{kernel.Reserve, "ATOMIC|MEMALLOC", false},
		{kernel.Kernel | kernel.NoFail | kernel.NoWarn, "KERNEL|NOFAIL|NOWARN", true},
		{kernel.Kernel | kernel.High, "KERNEL|HIGH", true},
		{kernel.Kernel &^ kernel.IO, "NOIO|FS", true},
		{kernel.Kernel &^ kernel.DirectReclaim, "KSWAPD_RECLAIM|IO|FS", false},
		{kernel.Atomic | kernel.NoWarn, "ATOMIC|NOWARN", false},
		{kernel.NoMemalloc | kernel.NoRetry | kernel.NoLocks, "NOMEMALLOC|NORETRY|NOLOCKS", false},
		{kernel.DirectReclaim, "DIRECT_RECLAIM", true},
		{kernel.KswapdReclaim | kernel.IO, "KSWAPD_RECLAIM|IO", false},
	} {
		if c.flags.String() != c.name || c.flags.MayWait() != c.wait {
			t.Errorf("flags %#x: %v, may wait %v; want %s, %v", uint16(c.flags), c.flags, c.flags.MayWait(), c.name, c.wait)
		}
		if flags, err := kernel.ParseGFP(c.name); flags != c.flags || err != nil {
			t.Errorf("%s is read as %v, %v", c.name, flags, err)
		}
	}
}

// What is no flag is refused by name.
func TestUnknownGFPIsRefused(t *testing.T) {
	for _, text := range []string{"", "kernel", "KERNEL|", "KERNEL|SOON"} {
		if flags, err := kernel.ParseGFP(text); err == nil {
			t.Errorf("%q is read as %v", text, flags)
		}
	}
}

// No two flags share a bit, and no two sets of flags share a name.
func TestGFPSetsAreDistinct(t *testing.T) {
	const flags = 12
	names := map[string]kernel.GFP{}
	for set := range kernel.GFP(1 << flags) {
		if other, taken := names[set.String()]; taken {
			t.Fatalf("%#x and %#x are both %v", uint16(other), uint16(set), set)
		}
		names[set.String()] = set
	}
	all := kernel.DirectReclaim | kernel.KswapdReclaim | kernel.IO | kernel.FS | kernel.High | kernel.Memalloc | kernel.NoMemalloc |
		kernel.NoRetry | kernel.NoFail | kernel.NoWarn | kernel.NoLocks | kernel.Promised
	if all != 1<<flags-1 {
		t.Errorf("the flags together are %#x", uint16(all))
	}
}

// Contexts have the kernel's names, and come in the order of their freedom.
func TestContexts(t *testing.T) {
	for i, name := range []string{"process", "softirq", "hardirq", "nmi", "?"} {
		if c := kernel.Context(i); c.String() != name {
			t.Errorf("context %d is %v, want %s", i, c, name)
		}
	}
	if !(kernel.Process < kernel.SoftIRQ && kernel.SoftIRQ < kernel.HardIRQ && kernel.HardIRQ < kernel.NMI) {
		t.Error("the contexts are out of order")
	}
	if got, err := json.Marshal([]kernel.Context{kernel.Process, kernel.NMI}); err != nil || string(got) != `["process","nmi"]` {
		t.Errorf("a list of contexts in JSON is %s, %v", got, err)
	}
}
