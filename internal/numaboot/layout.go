// Package numaboot shows on a machine of several NUMA nodes what a machine of one cannot: it boots a virtual one, in software emulation, with a Go
// program as the only thing that runs there.
//
// A guest is a Linux kernel and an initial file system of three files: this program again, as init (see Init), the program to run, and its
// description. The program is a static test binary as a rule: boot is made for the -exec flag of go test. The guest has two serial lines, one for
// the kernel's messages, which are shown when it fails, and one for what the program prints and its exit status.
//
// What is checked inside, by the tests with the build tag numa, is where memory really lies: the kernel is asked for each page. Timings mean nothing
// there; an emulated node is not far from another.
package numaboot

import (
	"fmt"
	"strconv"
	"strings"
)

// Layout is the shape of a guest: NUMA nodes, each one socket, cores of each and hardware threads of each core.
type Layout struct{ Nodes, Cores, Threads int }

// Bounds of a layout: four nodes for which there is a table of distances, and CPUs that few host processors can emulate in useful time.
const (
	mostNodes = 4
	mostCPUs  = 16
)

// ParseLayout reads nodes x cores of each, with x threads of each core if they are not one: "4x2", "2x2x2". It returns an error for more than 4 nodes
// or 16 CPUs.
func ParseLayout(text string) (Layout, error) {
	numbers := []int{}
	for _, word := range strings.Split(text, "x") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 || n > mostCPUs {
			return Layout{}, badLayout(text)
		}
		numbers = append(numbers, n)
	}
	if len(numbers) == 2 {
		numbers = append(numbers, 1)
	}
	if len(numbers) != 3 {
		return Layout{}, badLayout(text)
	}
	l := Layout{Nodes: numbers[0], Cores: numbers[1], Threads: numbers[2]}
	if l.Nodes > mostNodes || l.Threads > 2 || l.CPUs() > mostCPUs {
		return Layout{}, badLayout(text)
	}
	return l, nil
}

func badLayout(text string) error {
	return fmt.Errorf("%q is no layout: give nodes x cores or nodes x cores x threads, such as 4x2 or 2x2x2, with at most %d nodes, 2 threads and %d CPUs",
		text, mostNodes, mostCPUs)
}

// String is the layout as ParseLayout reads it.
func (l Layout) String() string {
	if l.Threads == 1 {
		return fmt.Sprintf("%dx%d", l.Nodes, l.Cores)
	}
	return fmt.Sprintf("%dx%dx%d", l.Nodes, l.Cores, l.Threads)
}

// CPUs is the number of logical processors.
func (l Layout) CPUs() int { return l.Nodes * l.Cores * l.Threads }

// Node is the node of a logical processor: they are numbered thread by thread, core by core, node by node.
func (l Layout) Node(cpu int) int { return cpu / (l.Cores * l.Threads) }

// distances of two nodes by the exclusive or of their numbers. From every node the nearest other one is not the next in number, so that an order by
// distance and one by number cannot be confused; none is the 20 that the kernel assumes where firmware is silent.
var distances = [mostNodes]int{10, 41, 17, 28}

// Distance is the distance of two nodes in the guest's firmware tables.
func (l Layout) Distance(from, to int) int { return distances[from^to] }
