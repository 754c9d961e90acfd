package target

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"headroom/fuzz"
	"headroom/fuzz/scenario"
	"headroom/harness/latency"
	"headroom/harness/result"
	"headroom/harness/trace"
	"headroom/kernel/machine"
)

// FuzzTrace feeds the reader of recordings, of every format, gzip'd or not.
func FuzzTrace(data []byte) int { return trace.Fuzz(data) }

// FuzzStream feeds the reader of stream files, behind their checksum.
func FuzzStream(data []byte) int { return trace.FuzzStream(data) }

// FuzzRing feeds the reader of the kernel's ring buffer; the data is one sub-buffer.
func FuzzRing(data []byte) int { return trace.FuzzRing(data) }

// FuzzReplay feeds the reader of replay files.
func FuzzReplay(data []byte) int { return fuzz.FuzzReplayData(data) }

// FuzzScenario feeds the readers of scenarios and of their replay files.
func FuzzScenario(data []byte) int { return scenario.Fuzz(data) }

// FuzzResult feeds the reader of runs; the data is the files of a run's folder in the form of golang.org/x/tools/txtar.
func FuzzResult(data []byte) int { return result.Fuzz(data) }

// FuzzHistogram feeds the reader of stored histograms, as text and behind its compression.
func FuzzHistogram(data []byte) int { return latency.Fuzz(data) }

// cpuListLimit bounds the CPU numbers that a list may name, and how many.
const cpuListLimit = 8192

// FuzzCPUList feeds the reader of the kernel's lists of CPUs: one that is accepted reads the same once it is written out in full, or in ranges, and
// those are no longer.
func FuzzCPUList(data []byte) int {
	list, err := machine.ParseCPUList(string(data))
	if err != nil {
		if strings.Contains(err.Error(), "\n") {
			panic(fmt.Sprintf("an error of several lines: %q", err))
		}
		return 0
	}
	var parts []string
	for _, cpu := range list {
		if cpu < 0 || cpu >= cpuListLimit {
			panic("a list holds a CPU out of range")
		}
		parts = append(parts, strconv.Itoa(cpu))
	}
	if len(list) > cpuListLimit {
		panic("a list holds too many CPUs")
	}
	whole, short := strings.Join(parts, ","), machine.FormatCPUList(list)
	for _, text := range []string{whole, short} {
		if again, err := machine.ParseCPUList(text); err != nil || !slices.Equal(again, list) {
			panic(fmt.Sprintf("a list is written as %q, and that reads as %v, %v", text, again, err))
		}
	}
	if len(short) > len(whole) {
		panic(fmt.Sprintf("ranges are longer than numbers: %q", short))
	}
	return 1
}
