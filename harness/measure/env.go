package measure

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

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
	topology, _ := machine.ReadTopology("/sys", cpus)
	add("cpus-allowed", strconv.Itoa(len(cpus)))
	add("numa-nodes", strconv.Itoa(len(topology.Nodes())))
	add("smt", yes(smt(topology)))
	add("governor", governor())
	add("mitigations", mitigations())
	add("virtual", yes(virtual()))
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

// Commit is the short hash of the checked-out revision, and whether the tree differs from it. Outside a checkout it is "none".
func Commit() (hash string, dirty bool) {
	out, err := exec.Command("git", "rev-parse", "--short=10", "HEAD").Output()
	if err != nil {
		return "none", false
	}
	status, err := exec.Command("git", "status", "--porcelain", "--untracked-files=no").Output()
	return strings.TrimSpace(string(out)), err == nil && len(status) > 0
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

func smt(t machine.Topology) bool {
	return slices.ContainsFunc(t.CPUs, func(c machine.CPU) bool { return c.Thread > 0 })
}

func governor() string { return line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") }

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
