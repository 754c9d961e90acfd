// Command boot runs a static Go program in a virtual machine of several NUMA nodes, in software emulation: boot --kernel FILE --layout 4x2 PROGRAM
// [ARGUMENT...]. It is made for go test -exec. It prints what the program prints and ends with its exit status; 2 means that the guest could not be
// booted or hung, and then its kernel's messages follow.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"headroom/internal/numaboot"
)

func main() {
	if numaboot.Booted() {
		fmt.Fprintln(os.Stderr, "numaboot: turn off:", numaboot.Init())
		return
	}
	status, err := boot()
	if err != nil {
		fmt.Fprintln(os.Stderr, "numaboot:", err)
		os.Exit(2)
	}
	os.Exit(status)
}

// guestLimit is many times what the tests take, on a machine busy with other work too.
const guestLimit = time.Minute

func boot() (status int, err error) {
	kernel := flag.String("kernel", "", "kernel image to boot")
	layout := flag.String("layout", "2x2", "nodes x cores, or nodes x cores x threads")
	flag.Parse()
	if flag.NArg() == 0 {
		return 0, fmt.Errorf("no program given")
	}
	l, err := numaboot.ParseLayout(*layout)
	if err != nil {
		return 0, err
	}
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return numaboot.Boot(ctx, numaboot.Guest{
		Layout: l, Kernel: *kernel, Init: self, Program: flag.Arg(0), Args: flag.Args()[1:], Limit: guestLimit, Out: os.Stdout,
	})
}
