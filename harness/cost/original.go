package cost

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

//go:embed shim
var shim embed.FS

// program is an original as it is built: the shim's file with its pairs, and the tree's sources.
type program struct {
	name    string
	sources []string // of the tree; none for what is our own C
}

var programs = []program{
	{"sbitmap", []string{"lib/sbitmap.c"}},
	{"ida", []string{"lib/idr.c", "lib/xarray.c"}},
	{"objpool", []string{"lib/objpool.c"}},
	{"mempool", []string{"mm/mempool.c"}},
	{"drained", []string{"mm/mempool.c"}},
	{"backing", nil},
	{"draft", nil},
	{"locked", nil},
}

// headers are those that declare the originals themselves, and are taken from the tree; all others that a source names are empty files, and what
// they would have declared is in the shim.
var headers = []string{"include/linux/idr.h", "include/linux/mempool.h", "include/linux/objpool.h", "include/linux/radix-tree.h", "include/linux/sbitmap.h",
	"include/linux/xarray.h", "lib/radix-tree.h"}

// flags are the compiler's: the kernel's level and its promises about aliasing and null pointers, without what guards a kernel against attacks.
// Sections of their own let the linker drop what a pair does not reach, and with it names that the shim lacks.
var flags = []string{"-O2", "-std=gnu11", "-w", "-fno-strict-aliasing", "-fno-delete-null-pointer-checks", "-fno-stack-protector", "-fcf-protection=none",
	"-fno-pie", "-ffunction-sections", "-fdata-sections"}

// Tree is a kernel's sources, with the programs built from them. Close it.
type Tree struct {
	Name     string   `json:"name"`     // Linux 6.12.1 in DIR
	Compiler string   `json:"compiler"` // the first line of cc --version
	Flags    []string `json:"flags"`
	Lacking  []string `json:"lacking"` // originals that are not there, each with the reason
	folder   string
	built    []string
}

// Close removes the programs.
func (t *Tree) Close() { _ = os.RemoveAll(t.folder) } // in the system's folder for what is temporary

// Build compiles the originals from the kernel sources in dir. The error is for a folder that is no such tree, a compiler that is absent, or sources of
// which none compiles. An original that is absent from the tree, or does not compile against the shim, is left out and named in Lacking.
func Build(ctx context.Context, dir string) (*Tree, error) {
	if err := usable(dir); err != nil {
		return nil, err
	}
	compiler, err := exec.CommandContext(ctx, "cc", "--version").Output()
	if err != nil {
		return nil, fmt.Errorf("no C compiler (%w): make cost-tools installs one; without --kernel none is needed", err)
	}
	folder, err := os.MkdirTemp("", "headroom-cost")
	if err != nil {
		return nil, err
	}
	first, _, _ := strings.Cut(string(compiler), "\n")
	t := &Tree{Name: release(dir) + " in " + filepath.Clean(dir), Compiler: first, Flags: flags, folder: folder}
	if err := t.lay(dir); err != nil {
		t.Close()
		return nil, err
	}
	fromTree := 0
	for _, p := range programs {
		if why := t.build(ctx, p, dir); why != nil {
			t.Lacking = append(t.Lacking, p.name+": "+strings.ReplaceAll(why.Error(), folder+string(filepath.Separator), ""))
			continue
		}
		t.built = append(t.built, p.name)
		if p.sources != nil {
			fromTree++
		}
	}
	if fromTree == 0 {
		t.Close()
		return nil, fmt.Errorf("%s: no original compiles from this tree; the first says: %s", dir, t.Lacking[0])
	}
	return t, nil
}

// usable refuses a folder that holds none of the originals.
func usable(dir string) error {
	var names []string
	for _, p := range programs {
		for _, s := range p.sources {
			if _, err := os.Stat(filepath.Join(dir, s)); err == nil {
				return nil
			}
			if !slices.Contains(names, s) {
				names = append(names, s)
			}
		}
	}
	return fmt.Errorf("--kernel %s: it has none of %s: name the top folder of a kernel's sources (make linux-source unpacks Debian's)", dir, strings.Join(names, ", "))
}

var version = regexp.MustCompile(`(?m)^(?:VERSION|PATCHLEVEL|SUBLEVEL) *= *(\d+)$`)

// release reads the version from the tree's Makefile.
func release(dir string) string {
	text, err := os.ReadFile(filepath.Join(dir, "Makefile"))
	found := version.FindAllSubmatch(text, 3)
	if err != nil || len(found) < 3 {
		return "sources without a version"
	}
	return fmt.Sprintf("Linux %s.%s.%s", found[0][1], found[1][1], found[2][1])
}

// lay makes the folder that the compiler works in: the shim, links to what is taken from the tree, and empty headers.
func (t *Tree) lay(dir string) error {
	files, err := fs.Sub(shim, "shim")
	if err != nil {
		return err
	}
	if err := os.CopyFS(filepath.Join(t.folder, "shim"), files); err != nil {
		return err
	}
	taken := slices.Clone(headers)
	for _, p := range programs {
		taken = append(taken, p.sources...)
	}
	slices.Sort(taken)
	taken = slices.Compact(taken)
	var named []string
	for _, file := range taken {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			continue // its program says so when it does not compile
		}
		if err := t.link(dir, file); err != nil {
			return err
		}
		for _, m := range include.FindAllSubmatch(text, -1) {
			named = append(named, string(m[1]))
		}
	}
	for _, name := range named {
		if err := t.empty(name); err != nil {
			return err
		}
	}
	return nil
}

var include = regexp.MustCompile(`(?m)^[ \t]*#[ \t]*include[ \t]+[<"]([a-zA-Z0-9_./-]+)[>"]`)

// placed is where a file of the tree, or a header that a source names, lies in the folder. Sources lie apart from their neighbours in the tree: a
// header in quotes would otherwise be found there.
func (t *Tree) placed(file string) string {
	if header, ok := strings.CutPrefix(file, "include/"); ok {
		return filepath.Join(t.folder, "include", header)
	}
	return filepath.Join(t.folder, "include", filepath.Base(file))
}

func (t *Tree) link(dir, file string) error {
	from, err := filepath.Abs(filepath.Join(dir, file))
	if err != nil {
		return err
	}
	to := t.placed(file)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.Symlink(from, to)
}

// empty makes an empty header of that name, unless it was taken from the tree.
func (t *Tree) empty(name string) error {
	if !filepath.IsLocal(name) {
		return fmt.Errorf("a source includes %q, a path that leads out of the folder it is built in", name)
	}
	path := filepath.Join(t.folder, "include", name)
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, nil, 0o644)
}

// build compiles one original. The error is one line.
func (t *Tree) build(ctx context.Context, p program, dir string) error {
	for _, s := range p.sources {
		if _, err := os.Stat(filepath.Join(dir, s)); err != nil {
			return fmt.Errorf("the tree has no %s", s)
		}
	}
	own := filepath.Join(t.folder, "shim")
	sources := []string{filepath.Join(own, "loop_"+p.name+".c")}
	for _, s := range p.sources {
		sources = append(sources, t.placed(s))
	}
	kernel := slices.Concat(flags, []string{"-nostdinc", "-I", own, "-I", filepath.Join(t.folder, "include"), "-include", filepath.Join(own, "kernel.h"), "-c"})
	link := slices.Concat(flags, []string{"-no-pie", "-Wl,--gc-sections", "-o", filepath.Join(t.folder, p.name), filepath.Join(own, "main.c"), filepath.Join(own, "heap.c")})
	for i, s := range sources {
		object := filepath.Join(t.folder, fmt.Sprintf("%s-%d.o", p.name, i))
		if err := compile(ctx, slices.Concat(kernel, []string{s, "-o", object})); err != nil {
			return err
		}
		link = append(link, object)
	}
	return compile(ctx, link)
}

// compile runs the compiler. The error is the first line of its complaints that says error.
func compile(ctx context.Context, arguments []string) error {
	out, err := exec.CommandContext(ctx, "cc", arguments...).CombinedOutput()
	if err == nil {
		return nil
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "error") || strings.Contains(line, "undefined") {
			return errors.New(strings.TrimSpace(line))
		}
	}
	return fmt.Errorf("the compiler: %w", err)
}

// measured is what the program of an original prints.
type measured struct {
	NsPerOp  float64    `json:"nsPerOp"`
	CASNs    [2]float64 `json:"casNs"` // before and after
	Ops      int64      `json:"ops"`
	Failed   int64      `json:"failed"` // allocations that failed; none may
	Realtime string     `json:"realtime"`
}

// parse reads that, and refuses what cannot be a measurement.
func parse(text []byte) (measured, error) {
	var m measured
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return m, fmt.Errorf("what the original printed: %w", err)
	}
	switch {
	case m.Ops < 1 || !(m.NsPerOp > 0) || !(m.CASNs[0] > 0) || !(m.CASNs[1] > 0):
		return m, fmt.Errorf("the original printed %s: a figure is missing", bytes.TrimSpace(text))
	case m.Failed > 0:
		return m, fmt.Errorf("%d allocations of the original failed: a pair is to find an item always", m.Failed)
	}
	return m, nil
}

// sampleLimit ends a program that hangs: none takes more than a second.
const sampleLimit = time.Minute

// run takes one sample of an original on the given processor.
func (t *Tree) run(ctx context.Context, name string, processor int, durationNs int64) (measured, error) {
	limit, cancel := context.WithTimeout(ctx, sampleLimit)
	defer cancel()
	c := exec.CommandContext(limit, filepath.Join(t.folder, name), strconv.Itoa(processor), strconv.FormatInt(durationNs, 10))
	var out, problem bytes.Buffer
	// As for our own samples: Ctrl-C is for this program, and a program left alone must not go on spinning at real-time priority.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	c.Stdout, c.Stderr = &out, &problem
	if err := c.Run(); err != nil {
		if text := strings.TrimSpace(problem.String()); text != "" {
			return measured{}, errors.New(text)
		}
		return measured{}, err
	}
	return parse(out.Bytes())
}
