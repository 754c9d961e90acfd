package cost

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"headroom/harness"
)

// A tree whose objpool compiles, whose sbitmap does not, and which has nothing else: what is there is built and measures, what is not is named.
func TestOriginalsAreBuiltFromATree(t *testing.T) {
	tree, err := Build(t.Context(), "testdata/tree")
	if err != nil {
		t.Fatal(err)
	}
	if tree.Name != "Linux 9.8.7 in testdata/tree" {
		t.Errorf("the tree is %q", tree.Name)
	}
	if want := []string{"objpool", "backing", "draft", "locked"}; !slices.Equal(tree.built, want) {
		t.Errorf("built %v, want %v", tree.built, want)
	}
	for _, want := range []string{"sbitmap: ", "ida: the tree has no lib/idr.c", "mempool: the tree has no mm/mempool.c"} {
		if !slices.ContainsFunc(tree.Lacking, func(s string) bool { return strings.HasPrefix(s, want) && !strings.Contains(s, "\n") }) {
			t.Errorf("no line of %q says %q", tree.Lacking, want)
		}
	}
	processors, err := harness.Processors(1)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range tree.built {
		m, err := tree.run(t.Context(), name, processors[0].ID, 100_000)
		if err != nil || m.Ops == 0 {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
	if _, err := tree.run(t.Context(), "objpool", processors[0].ID, 0); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("an interval of 0 ns: %v", err)
	}
	tree.Close()
	if _, err := os.Stat(tree.folder); !os.IsNotExist(err) {
		t.Errorf("the programs are still there: %v", err)
	}
}

func TestUnusableTrees(t *testing.T) {
	only := t.TempDir()
	if err := os.MkdirAll(filepath.Join(only, "lib"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(only, "lib/objpool.c"), []byte("#include \"../../secret.h\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	empty := t.TempDir()
	for name, c := range map[string]struct{ dir, want string }{
		"no folder":         {filepath.Join(empty, "none"), "name the top folder of a kernel's sources (make linux-source unpacks Debian's)"},
		"no original in it": {empty, "it has none of lib/sbitmap.c, lib/idr.c, lib/xarray.c, lib/objpool.c, mm/mempool.c"},
		"a path outside":    {only, "a path that leads out of the folder"},
	} {
		_, err := Build(t.Context(), c.dir)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Setenv("PATH", empty)
	if _, err := Build(t.Context(), "testdata/tree"); err == nil || !strings.Contains(err.Error(), "make cost-tools") {
		t.Errorf("without a compiler: %v", err)
	}
}

// A tree of which nothing compiles is an error, not a table without originals.
func TestATreeOfWhichNothingCompilesIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/tree")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "lib/objpool.c")); err != nil {
		t.Fatal(err)
	}
	_, err := Build(t.Context(), dir)
	if err == nil || !strings.Contains(err.Error(), "no original compiles from this tree") {
		t.Error(err)
	}
}

func TestWhatAnOriginalPrints(t *testing.T) {
	good := `{"nsPerOp":12.5,"casNs":[5,5.1],"ops":4096,"failed":0,"realtime":"Operation not permitted"}`
	m, err := parse([]byte(good))
	if want := (measured{NsPerOp: 12.5, CASNs: [2]float64{5, 5.1}, Ops: 4096, Realtime: "Operation not permitted"}); err != nil || m != want {
		t.Errorf("%+v, %v", m, err)
	}
	for text, want := range map[string]string{
		"":                                     "what the original printed",
		"12 ns":                                "what the original printed",
		`{"nsPerOp":1,"speed":2}`:              "unknown field",
		`{"nsPerOp":0,"casNs":[5,5],"ops":1}`:  "a figure is missing",
		`{"nsPerOp":12,"casNs":[5,0],"ops":1}`: "a figure is missing",
		`{"nsPerOp":12,"casNs":[5,5],"ops":0}`: "a figure is missing",
		`{"nsPerOp":12,"casNs":[5,5],"ops":4096,"failed":4096}`: "4096 allocations of the original failed",
	} {
		if _, err := parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
