package record

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// initialPIDs is the kernel's PID namespace as /proc names it: its number is fixed (PROC_PID_INIT_INO).
const initialPIDs = "pid:[4026531836]"

// foreignWarning says what a recording made inside a PID namespace lacks.
const foreignWarning = "this process is in a PID namespace, whose numbers are not those of the events: tasks that were there before have no name, " +
	"and the recorder's own pages are in the recording; record outside the container if that matters"

// foreignPIDs reports whether the numbers of tasks in /proc are others than those in events, which are the kernel's own. A kernel
// without PID namespaces has no such file, and no others.
func (t *tracefs) foreignPIDs() bool {
	namespace, err := os.Readlink(filepath.Join(t.proc, "self/ns/pid"))
	return err == nil && namespace != initialPIDs
}

// nameTasks tells the ring the names of the tasks that there are. What starts or is renamed meanwhile, events tell.
func (s *session) nameTasks() {
	paths, _ := filepath.Glob(filepath.Join(s.in.fs.proc, "[0-9]*/task/[0-9]*/comm")) // without /proc the recording has numbers only
	for _, path := range paths {
		comm, err := os.ReadFile(path)
		pid, numErr := strconv.ParseUint(filepath.Base(filepath.Dir(path)), 10, 32)
		if err == nil && numErr == nil { // it may have ended meanwhile
			s.ring.Name(uint32(pid), strings.TrimSuffix(string(comm), "\n"))
		}
	}
}

// ownThreads lists the threads of this process.
func (s *session) ownThreads() (list []uint32) {
	entries, _ := os.ReadDir(filepath.Join(s.in.fs.proc, "self/task")) // without /proc the recorder's own pages stay in
	for _, entry := range entries {
		if pid, err := strconv.ParseUint(entry.Name(), 10, 32); err == nil {
			list = append(list, uint32(pid))
		}
	}
	return list
}
