package lockdep

import (
	"fmt"
	"path"
	"runtime"
	"strings"

	"headroom/kernel"
)

// site is where something was done: what a task's program was doing, and the functions it was in.
type site struct {
	doing string
	count int
	pcs   [siteFrames]uintptr
}

const siteFrames = 20

// here is where t is now.
func (g *Graph) here(t *kernel.Task) (s site) {
	if g.Doing != nil {
		s.doing = g.Doing(t)
	}
	s.count = runtime.Callers(3, s.pcs[:])
	return s
}

// machinery are the packages whose functions are left out of stacks: the words, the machine, the checker, and the programs that drive a design.
var machinery = []string{"headroom/kernel/lock.", "headroom/kernel/mem.", "headroom/kernel/atomic.", "headroom/kernel/sim.", "headroom/fuzz", "headroom/internal/",
	"headroom/kernel."}

// lines lists where a site is, the innermost function first: "kernel/page/zone.go:83 zone.enter".
func (s *site) lines() []string {
	var list []string
	if s.doing != "" {
		list = append(list, s.doing)
	}
	frames := runtime.CallersFrames(s.pcs[:s.count])
	for more := s.count > 0; more; {
		var f runtime.Frame
		f, more = frames.Next()
		if where, ok := inSource(f); ok {
			list = append(list, where)
		}
	}
	return list
}

// inSource names a frame of a design or of the kernel that it stands on.
func inSource(f runtime.Frame) (string, bool) {
	name, ok := strings.CutPrefix(f.Function, "headroom/")
	if !ok {
		return "", false
	}
	for _, m := range machinery {
		if strings.HasPrefix(f.Function, m) {
			return "", false
		}
	}
	slash := strings.LastIndexByte(name, '/') + 1
	dot := strings.IndexByte(name[slash:], '.')
	if dot < 0 {
		return "", false
	}
	function := strings.NewReplacer("(*", "", ")", "").Replace(name[slash+dot+1:])
	return fmt.Sprintf("%s%s/%s:%d %s", name[:slash], path.Base(path.Dir(f.File)), path.Base(f.File), f.Line, function), true
}
