package tidy

import (
	"go/ast"
	"slices"
)

// skips are the methods of a test that leave the rest of it out.
var skips = []string{"Skip", "Skipf", "SkipNow"}

// sleeper is the folder whose commands may rest between bursts.
const sleeper = "harness"

// tests reports tests that are left out, and waiting by the clock: in a test it
// is slow or wrong, and elsewhere only the harness has a reason for it.
func tests(tree *Tree) []Finding {
	var found []Finding
	for _, file := range tree.code() {
		report := func(node ast.Node, message, remedy string) {
			found = append(found, Finding{
				File: file.Path, Line: tree.line(node.Pos()), Message: message, Remedy: remedy,
			})
		}
		mayRest := !file.IsTest() && within(file.Dir(), sleeper)
		eachImportedName(file.Syntax, func(use ast.Node, pkg, name string) {
			switch {
			case pkg == "time" && name == "Sleep" && !mayRest:
				report(use, "time.Sleep", "wait for the event itself")
			case pkg == "testing" && name == "Short":
				report(use, "testing.Short", "make the test quick enough to run always")
			}
		})
		for _, use := range skipUses(file.Syntax) {
			report(use, use.Sel.Name+" leaves a test out", "make it run everywhere, or delete it")
		}
	}
	return found
}

// skipUses returns the calls of a skip method in a file that has tests, or parts
// of tests. In such a file no other type needs a method of that name.
func skipUses(file *ast.File) []*ast.SelectorExpr {
	paths := imports(file)
	testing := slices.ContainsFunc(file.Imports, func(spec *ast.ImportSpec) bool {
		return importPath(spec) == "testing" || importPath(spec) == "pgregory.net/rapid"
	})
	if !testing {
		return nil
	}
	var uses []*ast.SelectorExpr
	ast.Inspect(file, func(node ast.Node) bool {
		call, ok := node.(*ast.CallExpr)
		if !ok {
			return true
		}
		selector, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || !slices.Contains(skips, selector.Sel.Name) {
			return true
		}
		if _, _, imported := importedName(selector, paths); !imported {
			uses = append(uses, selector)
		}
		return true
	})
	return uses
}
