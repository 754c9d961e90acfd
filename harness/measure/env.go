package measure

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/cpuid/v2"
	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"

	"headroom/harness/result"
	"headroom/kernel/machine"
)

// Environment describes the machine and the program as a reader needs them to judge a figure. It never fails: what cannot be read is "unknown".
func Environment(command string) result.Env {
	env := result.Env{}
	add := func(key, value string) {
		if value == "" {
			value = "unknown"
		}
		env = append(env, result.Pair{Key: key, Value: value})
	}
	host, _ := os.Hostname()
	add("host", host)
	add("goos", runtime.GOOS)
	add("goarch", runtime.GOARCH)
	add("cpu", cpuModel())
	cpus, _ := machine.Allowed()
	for _, p := range placement("/sys", cpus) {
		add(p.Key, p.Value)
	}
	add("numa-balancing", line("/proc/sys/kernel/numa_balancing"))
	add("huge-pages", chosen(line("/sys/kernel/mm/transparent_hugepage/enabled")))
	add("governor", governor("/sys", cpus))
	add("mitigations", mitigations())
	add("virtual", yes(virtual()))
	add("hypervisor", hypervisor())
	add("clocksource", line("/sys/devices/system/clocksource/clocksource0/current_clocksource"))
	add("tsc-ghz", fmt.Sprintf("%.3f", machine.TicksPerNs()))
	add("load-average", strings.Join(first(3, strings.Fields(line("/proc/loadavg"))), " "))
	add("kernel", kernelRelease())
	add("go", runtime.Version())
	commit, dirty := Commit()
	add("commit", commit)
	add("modified", yes(dirty))
	add("command", command)
	return env
}

// Doubts lists what about this environment makes figures less trustworthy, one sentence each with the remedy.
func Doubts(env result.Env, realtime error) []string {
	var doubts []string
	if env.Get("virtual") == "yes" {
		doubts = append(doubts, "this is a virtual machine: the host may move its CPUs and take their time; compare ratios of one run, not runs of different days")
	}
	if g := env.Get("governor"); g != "performance" && g != "unknown" {
		doubts = append(doubts, fmt.Sprintf("the frequency governor is %q: set it to performance, or read figures in units of the compare-and-swap", g))
	}
	if why, refused := strings.CutPrefix(env.Get("numa-binding"), bindingRefused); refused {
		doubts = append(doubts, fmt.Sprintf("memory cannot be bound to NUMA nodes (%s): it lies where it is first touched; allow mbind(2), or keep to one node "+
			"(numactl)", why))
	}
	if n, err := strconv.Atoi(env.Get("cpus-allowed")); err == nil && n < 2 {
		doubts = append(doubts, "one CPU only: nothing here says how a design scales; widen the affinity mask")
	}
	if load, err := strconv.ParseFloat(strings.Fields(env.Get("load-average") + " 0")[0], 64); err == nil && load > 1 {
		doubts = append(doubts, fmt.Sprintf("the load average was %.2f at the start: other work ran beside; stop it and run again", load))
	}
	if realtime != nil {
		doubts = append(doubts, fmt.Sprintf("no real-time priority (%v): other threads may interrupt samples; give CAP_SYS_NICE", realtime))
	}
	if env.Get("modified") == "yes" {
		doubts = append(doubts, "the working tree differs from the commit named: commit first, or others cannot repeat this")
	}
	return doubts
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func first(n int, words []string) []string { return words[:min(n, len(words))] }

func line(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	s, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	return s
}

func cpuModel() string {
	if info := cpuInfo(); len(info) > 0 {
		return info[0].ModelName
	}
	return ""
}

func virtual() bool {
	info := cpuInfo()
	return len(info) > 0 && slices.Contains(info[0].Flags, "hypervisor")
}

func cpuInfo() []procfs.CPUInfo {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return nil
	}
	info, err := fs.CPUInfo()
	if err != nil {
		return nil
	}
	return info
}

// hypervisor is what a virtual machine's processor calls itself, such as KVMKVMKVM.
func hypervisor() string {
	if name := cpuid.CPU.HypervisorVendorString; name != "" || virtual() {
		return name
	}
	return "none"
}

// chosen is the word in brackets of a file that lists what may be chosen.
func chosen(list string) string {
	_, rest, _ := strings.Cut(list, "[")
	word, _, _ := strings.Cut(rest, "]")
	return word
}

// governor is the frequency governor of the given CPUs, or the different ones they have, with commas.
func governor(root string, cpus []int) string {
	var names []string
	for _, cpu := range cpus {
		if name := line(fmt.Sprintf("%s/devices/system/cpu/cpu%d/cpufreq/scaling_governor", root, cpu)); name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ",")
}

// mitigations lists the processor weaknesses the kernel works around, which cost time in its own paths though not in ours.
func mitigations() string {
	files, _ := filepath.Glob("/sys/devices/system/cpu/vulnerabilities/*")
	var on []string
	for _, f := range files {
		if strings.HasPrefix(line(f), "Mitigation") {
			on = append(on, filepath.Base(f))
		}
	}
	if len(files) > 0 && len(on) == 0 {
		return "none"
	}
	return strings.Join(on, ",")
}

func kernelRelease() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:])
}
