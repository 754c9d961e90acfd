package tidy

import (
	"go/ast"
	"slices"
)

// replayed are the folders whose runs must replay exactly.
var replayed = []string{"designs", "kernel", "fuzz"}

// hidden are the names, by package, that read the clock or the machine.
var hidden = map[string][]string{
	"time":    {"Now", "Since", "Until"},
	"runtime": {"NumCPU", "GOMAXPROCS"},
}

// explicit are the names of a random package that carry their own seed or
// source; every other name draws from a global one.
var explicit = map[string][]string{
	"math/rand":    {"New", "NewSource", "NewZipf", "Rand", "Source", "Source64", "Zipf"},
	"math/rand/v2": {"New", "NewPCG", "NewChaCha8", "NewZipf", "Rand", "Source", "PCG", "ChaCha8", "Zipf"},
	"crypto/rand":  {},
}

// nativeFolders drive the real machine, so they may ask how many CPUs it has.
var nativeFolders = []string{"kernel/machine", "kernel/arch"}

// determinism reports reads of the clock, of global randomness and of the CPU
// count where runs must replay. Tests are free to use them.
func determinism(tree *Tree) []Finding {
	var found []Finding
	for _, file := range tree.code() {
		if file.IsTest() || !withinAny(file.Dir(), replayed) {
			continue
		}
		found = append(found, dotImports(tree, file)...)
		eachImportedName(file.Syntax, func(use ast.Node, pkg, name string) {
			counts := pkg == "runtime" && withinAny(file.Dir(), nativeFolders)
			if !nondeterministic(pkg, name) || counts {
				return
			}
			found = append(found, Finding{
				File: file.Path, Line: tree.line(use.Pos()), Message: pkg + "." + name + " differs from run to run",
				Remedy: "take time, randomness and the CPU count as arguments",
			})
		})
	}
	return found
}

// nondeterministic reports whether pkg.name gives another answer in every run.
func nondeterministic(pkg, name string) bool {
	if seeded, random := explicit[pkg]; random {
		return !slices.Contains(seeded, name)
	}
	return slices.Contains(hidden[pkg], name)
}

// dotImports reports imports that would hide the names this rule looks for.
func dotImports(tree *Tree, file *File) []Finding {
	var found []Finding
	for _, spec := range file.Syntax.Imports {
		pkg := importPath(spec)
		_, random := explicit[pkg]
		if spec.Name != nil && spec.Name.Name == "." && (random || hidden[pkg] != nil) {
			found = append(found, Finding{
				File: file.Path, Line: tree.line(spec.Pos()), Message: "dot import of " + pkg,
				Remedy: "import it by name, so that its uses can be seen",
			})
		}
	}
	return found
}
