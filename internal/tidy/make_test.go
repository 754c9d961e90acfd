package tidy

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	makeRule  = regexp.MustCompile(`(?m)^([a-z][a-z-]*):`)
	phonyLine = regexp.MustCompile(`(?m)^\.PHONY:(.*)$`)
	makeCall  = regexp.MustCompile("(?m)(?:^|`)make ([a-z][a-z-]*)")
)

// A target that is declared phony and has no rule is made without a word and with status 0, as if all was well. So each has one, and so has each that the
// documents tell to make.
func TestTargetsOfTheMakefileHaveRules(t *testing.T) {
	root := repositoryRoot(t)
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	makefile := read("Makefile")
	var rules []string
	for _, m := range makeRule.FindAllStringSubmatch(makefile, -1) {
		rules = append(rules, m[1])
	}
	var phony []string
	for _, m := range phonyLine.FindAllStringSubmatch(makefile, -1) {
		phony = append(phony, strings.Fields(m[1])...)
	}
	if len(rules) < 20 || len(phony) < 20 {
		t.Fatalf("%d rules and %d phony targets are read", len(rules), len(phony))
	}
	for _, target := range phony {
		if !slices.Contains(rules, target) {
			t.Errorf("Makefile: %s is phony and has no rule: give it one, or take it from .PHONY", target)
		}
	}
	documents, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(documents) == 0 {
		t.Fatalf("%d documents, %v", len(documents), err)
	}
	for _, name := range append(documents, filepath.Join(root, "README.md")) {
		name, _ = filepath.Rel(root, name)
		for _, m := range makeCall.FindAllStringSubmatch(read(name), -1) {
			if !slices.Contains(rules, m[1]) {
				t.Errorf("%s: make %s: the Makefile has no such target", name, m[1])
			}
		}
	}
}
