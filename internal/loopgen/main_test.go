package main

import (
	"bytes"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// directive is the line of a design that asks for loops.
var directive = regexp.MustCompile(`(?m)^//go:generate go run headroom/internal/loopgen -type ([\w.]+)$`)

// folders hold the designs, and the loops through the interface.
var folders = []string{"../../designs/*", "../../harness/latency"}

// glob lists the files of a pattern in the folders.
func glob(t *testing.T, pattern string) (files []string) {
	for _, folder := range folders {
		found, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	return files
}

// Every directive's file is what the template gives now, and no other generated file lies about.
func TestGeneratedLoopsAreCurrent(t *testing.T) {
	current := map[string]bool{}
	for _, source := range glob(t, "*.go") {
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range directive.FindAllSubmatch(text, -1) {
			file := filepath.Join(filepath.Dir(source), fileName(string(found[1])))
			current[file] = true
			compare(t, file, packageOf(t, source), string(found[1]))
		}
	}
	if len(current) == 0 {
		t.Fatalf("no directive in %s", folders)
	}
	for _, file := range glob(t, "loops_*.go") {
		if !current[file] {
			t.Errorf("%s: no directive asks for it", file)
		}
	}
}

func compare(t *testing.T, file, pkg, typeName string) {
	want, err := Source(pkg, typeName)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not current (%v); run: make generate", file, err)
	}
}

func packageOf(t *testing.T, source string) string {
	f, err := parser.ParseFile(token.NewFileSet(), source, nil, parser.PackageClauseOnly)
	if err != nil {
		t.Fatal(err)
	}
	return f.Name.Name
}

// The loops of a type carry its name, so that several fit into one package.
func TestLoopsAreNamedForTheType(t *testing.T) {
	source, err := Source("baseline", "SyncPool")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"package baseline", "var syncPoolLoops", "func syncPoolPair(", "func syncPoolWindow(", "a.(*SyncPool)"} {
		if !strings.Contains(string(source), want) {
			t.Errorf("no %q in\n%s", want, source)
		}
	}
	if got := fileName("SyncPool"); got != "loops_syncpool.go" {
		t.Errorf("the file is %s", got)
	}
}

// The loops of the interface call it as it is: no concrete type, no pointer to it.
func TestLoopsThroughTheInterfaceAssertNothing(t *testing.T) {
	source, err := Source("latency", interfaceType)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"var allocatorLoops", "func allocatorPairSampled(", "d := a\n", "(d designs.Allocator, "} {
		if !strings.Contains(string(source), want) {
			t.Errorf("no %q in\n%s", want, source)
		}
	}
	if strings.Contains(string(source), "a.(") || fileName(interfaceType) != "loops_allocator.go" {
		t.Errorf("file %s with a type assertion in\n%s", fileName(interfaceType), source)
	}
}

// A type name that cannot be one is an error, not a file that does not compile.
func TestSourceRefusesWhatIsNoName(t *testing.T) {
	if _, err := Source("baseline", "no name"); err == nil {
		t.Error("made loops for the type \"no name\"")
	}
}
