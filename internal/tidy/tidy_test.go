package tidy

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the findings that testdata/*/bad.txt expect")

// This repository keeps every rule. Each finding is one line with its remedy.
func TestTree(t *testing.T) {
	tree, err := Load(repositoryRoot(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, finding := range Run(tree, Rules()...) {
		t.Error(finding)
	}
}

// repositoryRoot is the nearest folder above the test that holds go.mod.
func repositoryRoot(t *testing.T) string {
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			t.Fatal("no go.mod above the test")
		}
		folder = parent
	}
}

// Every rule finds what it should in testdata/RULE/bad.txt, a tree whose
// comment lists the findings, and nothing in testdata/RULE/good.txt.
func TestRulesFireOnBadTreesOnly(t *testing.T) {
	for _, rule := range Rules() {
		t.Run(rule.Name, func(t *testing.T) {
			bad := filepath.Join("testdata", rule.Name, "bad.txt")
			archive := readArchive(t, bad)
			want := expand(string(archive.Comment))
			got := render(Run(unpack(t, archive), rule))
			if *update {
				archive.Comment = []byte(contract(got))
				if err := os.WriteFile(bad, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				want = got
			}
			if got == "" {
				t.Errorf("the rule is silent on %s", bad)
			}
			if got != want {
				t.Errorf("%s: got\n%swant\n%s", bad, got, want)
			}
			good := filepath.Join("testdata", rule.Name, "good.txt")
			if got := render(Run(unpack(t, readArchive(t, good)), rule)); got != "" {
				t.Errorf("%s: got\n%swant nothing", good, got)
			}
		})
	}
}

// render gives one line a finding.
func render(findings []Finding) string {
	var text strings.Builder
	for _, finding := range findings {
		fmt.Fprintln(&text, finding)
	}
	return text.String()
}

// readArchive reads a tree in txtar form.
func readArchive(t *testing.T, name string) *txtar.Archive {
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return archive
}

// unpack writes an archive to disk and loads it. An archive without go.mod gets
// one for the module headroom.
func unpack(t *testing.T, archive *txtar.Archive) *Tree {
	root := t.TempDir()
	write(t, root, "go.mod", "module headroom\n\ngo 1.26\n")
	for _, file := range archive.Files {
		write(t, root, file.Name, expand(string(file.Data)))
	}
	tree, err := Load(root)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// write makes one file below root.
func write(t *testing.T, root, name, text string) {
	full := filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

var fill = regexp.MustCompile(`(?m)^\{fill (\d+)\}\n`)

// expand replaces what an archive cannot hold as it is: {fill N} stands for N
// lines, and {slash} and {dot} break up text that the workplace rule would find
// in the archive itself.
func expand(text string) string {
	text = strings.NewReplacer("{slash}", "/", "{dot}", ".").Replace(text)
	return fill.ReplaceAllStringFunc(text, func(line string) string {
		n, _ := strconv.Atoi(fill.FindStringSubmatch(line)[1])
		return strings.Repeat("//\n", n)
	})
}

// contract undoes expand, as far as the workplace rule asks for it.
func contract(text string) string {
	for _, needle := range slices.Concat(privateRoots, privateHosts, []string{privateFolder}) {
		mark, at := "{dot}", strings.LastIndex(needle, ".")
		if slash := strings.LastIndex(needle, "/"); slash >= 0 {
			mark, at = "{slash}", slash
		}
		text = strings.ReplaceAll(text, needle, needle[:at]+mark+needle[at+1:])
	}
	return text
}

// With git, ignored and deleted files are no part of the tree and new ones are;
// without it, every file outside hidden folders is.
func TestLoadListsWhatGitWouldTrack(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"go.mod", "new.md", "bin/built.md", ".hidden/x.md", "gone.md"} {
		write(t, root, name, "module headroom\n")
	}
	write(t, root, "binary", "a\x00b")
	write(t, root, ".gitignore", "/bin/\n")
	check := func(want ...string) {
		t.Helper()
		tree, err := Load(root)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, file := range tree.Files {
			got = append(got, file.Path)
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	check(".gitignore", "bin/built.md", "go.mod", "gone.md", "new.md")

	for _, args := range [][]string{{"init", "-q"}, {"add", "gone.md"}} {
		if out, err := exec.Command("git", append([]string{"-C", root}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	if err := os.Remove(filepath.Join(root, "gone.md")); err != nil {
		t.Fatal(err)
	}
	check(".gitignore", ".hidden/x.md", "go.mod", "new.md")
}

// A tree without go.mod has no module, so nothing can be said about it.
func TestLoadNeedsAModule(t *testing.T) {
	if _, err := Load(t.TempDir()); err == nil {
		t.Error("loaded a folder without go.mod")
	}
}

// Without the design document no folder can be looked up: one finding says so.
func TestDocumentedNeedsTheDocument(t *testing.T) {
	tree := unpack(t, txtar.Parse([]byte("-- kernel/kernel.go --\npackage kernel\n")))
	want := "docs/DESIGN.md: documented: there is no such file: write it, with every package folder\n"
	if got := render(Run(tree, Rule{"documented", documented})); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// When the go command cannot list packages, loads says why, and no typed rule
// passes in silence.
func TestLoadsReportsABrokenModule(t *testing.T) {
	tree := unpack(t, txtar.Parse([]byte("-- go.mod --\nmodule headroom\n\nbroken\n-- designs/a.go --\npackage designs\n")))
	got := render(Run(tree, Rule{"loads", loads}))
	if !strings.Contains(got, "go.mod") {
		t.Errorf("got %q, want a finding about go.mod", got)
	}
}

// Names split at case, underscores and dashes, and abbreviations stay whole.
func TestNameWords(t *testing.T) {
	for name, want := range map[string][]string{
		"CPUHelper_v2": {"cpu", "helper", "v2"},
		"perCPUTags":   {"per", "cpu", "tags"},
		"gfp_nolocks":  {"gfp", "nolocks"},
		"Plain64":      {"plain64"},
		"BaseAddress":  {"base", "address"},
		"x-y.z":        {"x", "y", "z"},
		"":             nil,
	} {
		if got := nameWords(name); !slices.Equal(got, want) {
			t.Errorf("nameWords(%q) = %q, want %q", name, got, want)
		}
	}
}
