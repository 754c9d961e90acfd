package percputags

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"headroom/designs"
	"headroom/kernel"
)

var update = flag.Bool("update", false, "rewrite the answers in testdata/*.txt")

// Each file of testdata is a sequence of calls, a line each after ">", and what they answer. The answers show where every tag lies.
func TestListsMoveTagsAsTheScriptsSay(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(want))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(want) {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

// play runs the calls of a script and returns it with the answers they give now. Comment lines stay.
func play(t *testing.T, script string) string {
	var out strings.Builder
	var s session
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, "\n")
		call, isCall := strings.CutPrefix(line, "> ")
		if isCall || strings.HasPrefix(line, "#") {
			fmt.Fprintln(&out, line)
		}
		if isCall {
			fmt.Fprint(&out, s.call(t, call))
		}
	}
	return out.String()
}

// session is the pool a script has made.
type session struct {
	*bench
	pool *Pool
}

// call makes one call and returns its answer, a line or nothing.
func (s *session) call(t *testing.T, text string) string {
	var cpu, tag, cpus int
	var c Config
	switch word, _, _ := strings.Cut(text, " "); word {
	case "pool":
		scan(t, text, "pool tags=%d max=%d batch=%d cpus=%d", &c.Tags, &c.Max, &c.Batch, &cpus)
		s.bench = newBench(t, cpus)
		s.pool = s.bench.pool(c)
		return ""
	case "alloc":
		scan(t, text, "alloc %d", &cpu)
		it, err := s.pool.Alloc(s.on(cpu), kernel.NoWait)
		if err != nil {
			return err.Error() + "\n"
		}
		return fmt.Sprintf("tag %d\n", it)
	case "free":
		scan(t, text, "free %d %d", &cpu, &tag)
		s.pool.Free(s.on(cpu), designs.Item(tag))
		return ""
	case "dead":
		scan(t, text, "dead %d", &cpu)
		s.pool.CPUDead(s.on(0), cpu)
		return ""
	case "lists":
		return s.pool.lists()
	case "stats":
		return fmt.Sprintf("%+v\n", s.pool.Stats())
	}
	t.Fatalf("no call is called %q", text)
	return ""
}

func scan(t *testing.T, text, format string, targets ...any) {
	if n, err := fmt.Sscanf(text, format, targets...); err != nil || n != len(targets) {
		t.Fatalf("%q is not like %q: %v", text, format, err)
	}
}

// lists shows the shared stack and the CPUs' lists, bottom first; a * marks a CPU whose bit is set. It also runs Check.
func (p *Pool) lists() string {
	var out strings.Builder
	fmt.Fprintf(&out, "shared")
	for i := range p.shared.free.Load() {
		fmt.Fprintf(&out, " %d", p.stack[i].Load())
	}
	fmt.Fprintln(&out)
	for cpu := range p.cpus {
		l := &p.cpus[cpu]
		mark := ""
		if p.haveTags[cpu/64].Load()>>(cpu%64)&1 != 0 {
			mark = "*"
		}
		fmt.Fprintf(&out, "cpu %d%s", cpu, mark)
		for i := range l.free.Load() {
			fmt.Fprintf(&out, " %d", l.stack[i].Load())
		}
		fmt.Fprintln(&out)
	}
	if err := p.Check(); err != nil {
		fmt.Fprintln(&out, err)
	}
	return out.String()
}
