package target_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"headroom/fuzz/corpus"
	"headroom/fuzz/target"
)

// feed runs the target that has the name of the test from all raw files of its corpus.
func feed(f *testing.F) {
	at := slices.IndexFunc(target.All, func(t target.Target) bool { return t.Function == f.Name() })
	if at < 0 {
		f.Fatalf("%s is not in the table of targets", f.Name())
	}
	list, err := corpus.Files(target.All[at].Name)
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range list {
		f.Add(file.Data)
	}
	f.Fuzz(func(_ *testing.T, data []byte) { target.All[at].Run(data) })
}

func FuzzTrace(f *testing.F)     { feed(f) }
func FuzzStream(f *testing.F)    { feed(f) }
func FuzzRing(f *testing.F)      { feed(f) }
func FuzzReplay(f *testing.F)    { feed(f) }
func FuzzScenario(f *testing.F)  { feed(f) }
func FuzzResult(f *testing.F)    { feed(f) }
func FuzzHistogram(f *testing.F) { feed(f) }
func FuzzCPUList(f *testing.F)   { feed(f) }

// Each target is a go-fuzz target, a native one and a folder of the corpus, all of them in the table, and there are no others.
func TestTableHasEveryTarget(t *testing.T) {
	gofuzz, native := functions(t)
	var want []string
	for _, target := range target.All {
		want = append(want, target.Function)
		if _, err := corpus.Files(target.Name); err != nil {
			t.Error(err)
		}
	}
	slices.Sort(want)
	if !slices.Equal(gofuzz, want) || !slices.Equal(native, want) {
		t.Errorf("the table has\n%v, go-fuzz targets are\n%v, native ones\n%v", want, gofuzz, native)
	}
	for _, x := range target.All {
		if found, ok := target.Find(x.Name); !ok || found.Function != x.Function || reflect.ValueOf(found.Run).Pointer() != reflect.ValueOf(x.Run).Pointer() {
			t.Errorf("%s is found as %v", x.Name, found)
		}
	}
	if _, ok := target.Find("nothing"); ok {
		t.Error("a target that is not in the table is found")
	}
}

// functions lists the fuzz functions of this folder, of both kinds.
func functions(t *testing.T) (gofuzz, native []string) {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), e.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			switch {
			case !ok || !strings.HasPrefix(f.Name.Name, "Fuzz"):
			case strings.HasSuffix(e.Name(), "_test.go"):
				native = append(native, f.Name.Name)
			default:
				gofuzz = append(gofuzz, f.Name.Name)
			}
		}
	}
	slices.Sort(gofuzz)
	slices.Sort(native)
	return gofuzz, native
}

// Of each reader's corpus some files read and some do not, or a fuzzer would begin on one side only.
func TestCorporaOfReadersHoldBoth(t *testing.T) {
	for _, x := range target.All {
		if x.Simulated {
			continue
		}
		list, err := corpus.Files(x.Name)
		if err != nil {
			t.Fatal(err)
		}
		got := map[int]int{}
		for _, f := range list {
			got[x.Run(f.Data)]++
		}
		if got[0] == 0 || got[1] == 0 || got[0]+got[1] != len(list) {
			t.Errorf("%s: of %d files %d read and %d do not", x.Name, len(list), got[1], got[0])
		}
	}
}
