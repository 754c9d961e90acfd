// Package tidy holds the rules of this repository's source tree, each a small
// function from a loaded tree to findings. TestTree runs them all over this
// repository and prints one line for each finding: file, line, rule, what is
// wrong, and the remedy. No file is exempt by name.
//
//	loads        every Go file parses, and the typed rules see it in a build
//	layers       imports point down the table in layertable.go
//	sizes        a file has at most 500 lines, a function at most 70
//	names        no catch-all names, no stutter, no underscore in a package name
//	comments     exported names and packages have a comment; no unfinished work
//	determinism  time, randomness and the CPU count are arguments
//	sequence     no map iteration, goroutine or select where runs must replay
//	words        every mutable word of a design is a typed word in an arena
//	workplace    no path or host of the machine that the files were written on
//	tests        no test is left out, and none waits by the clock
//	documented   docs/DESIGN.md mentions every package folder
//
// Rules about form look at every Go file, whatever its build tags. Rules about
// types load the packages twice, as the native build and as the sim build.
// Modules nested in this one are foreign code: only the rules about plain text
// (workplace, and unfinished work in Markdown and scripts) read them.
//
// The words rule follows values inside one function only, and trusts two
// things: a slice parameter is the caller's to lend, and a call into another
// package does not write through a pointer to a struct.
package tidy

import (
	"cmp"
	"fmt"
	"slices"
)

// Finding is one breach of one rule.
type Finding struct {
	File    string // relative to the root of the tree, with slashes
	Line    int    // from 1; 0 when the finding is about the file or folder
	Rule    string
	Message string // what is wrong
	Remedy  string // what to do about it
}

// String gives the finding as one line.
func (f Finding) String() string {
	where := f.File
	if f.Line > 0 {
		where = fmt.Sprintf("%s:%d", f.File, f.Line)
	}
	return fmt.Sprintf("%s: %s: %s: %s", where, f.Rule, f.Message, f.Remedy)
}

// Rule is one check over a whole tree.
type Rule struct {
	Name  string
	Check func(*Tree) []Finding
}

// Rules returns every rule, in the order of the package comment.
func Rules() []Rule {
	return []Rule{
		{"loads", loads},
		{"layers", layers},
		{"sizes", sizes},
		{"names", names},
		{"comments", comments},
		{"determinism", determinism},
		{"sequence", sequence},
		{"words", words},
		{"workplace", workplace},
		{"tests", tests},
		{"documented", documented},
	}
}

// Run applies rules to tree and returns what they found, each finding once,
// sorted by file and line.
func Run(tree *Tree, rules ...Rule) []Finding {
	var all []Finding
	for _, rule := range rules {
		for _, finding := range rule.Check(tree) {
			finding.Rule = rule.Name
			all = append(all, finding)
		}
	}
	slices.SortFunc(all, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Rule, b.Rule),
			cmp.Compare(a.Message, b.Message),
		)
	})
	// The two builds share most files, and so most findings.
	return slices.Compact(all)
}
