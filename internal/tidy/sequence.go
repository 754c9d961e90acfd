package tidy

import (
	"go/ast"
	"go/types"

	"golang.org/x/tools/go/types/typeutil"
)

// sequential are the folders in which one seed must give one sequence of steps.
// typedFolders covers them.
var sequential = []string{"designs", "kernel/sim", "fuzz/explore"}

// baselines run natively only and never block, so they may select.
const baselines = "designs/baseline"

// sequence reports what makes the order of steps differ from run to run.
func sequence(tree *Tree) []Finding {
	var found []Finding
	for _, file := range tree.code() {
		if !file.IsTest() && withinAny(file.Dir(), sequential) {
			found = append(found, schedulerSteps(tree, file)...)
		}
	}
	pkgs, _ := tree.typed() // loads reports the error
	for _, pkg := range pkgs {
		for _, file := range pkg.files {
			found = append(found, mapSteps(pkg, file)...)
		}
	}
	return found
}

// schedulerSteps reports statements whose outcome the Go scheduler picks.
func schedulerSteps(tree *Tree, file *File) []Finding {
	var found []Finding
	ast.Inspect(file.Syntax, func(node ast.Node) bool {
		switch node.(type) {
		case *ast.GoStmt:
			found = append(found, Finding{
				File: file.Path, Line: tree.line(node.Pos()), Message: "go statement",
				Remedy: "run it as a task of the machine",
			})
		case *ast.SelectStmt:
			if !within(file.Dir(), baselines) {
				found = append(found, Finding{
					File: file.Path, Line: tree.line(node.Pos()), Message: "select statement",
					Remedy: "wait through package kernel",
				})
			}
		}
		return true
	})
	return found
}

// goStarters are the functions that start a goroutine without a go statement.
var goStarters = map[string]bool{
	"(*sync.WaitGroup).Go":                      true,
	"(*golang.org/x/sync/errgroup.Group).Go":    true,
	"(*golang.org/x/sync/errgroup.Group).TryGo": true,
	"time.AfterFunc":                            true,
	"context.AfterFunc":                         true,
	"runtime.AddCleanup":                        true,
	"runtime.SetFinalizer":                      true,
}

// mapOrder are the functions that yield a map's entries in the map's order.
var mapOrder = map[string]bool{"maps.Keys": true, "maps.Values": true, "maps.All": true}

// sorters are the functions that make such an order irrelevant.
var sorters = map[string]bool{"slices.Sorted": true, "slices.SortedFunc": true, "slices.SortedStableFunc": true}

// mapSteps reports iteration in map order, and hidden goroutines.
func mapSteps(pkg *typedPackage, file *ast.File) []Finding {
	var found []Finding
	report := func(node ast.Node, message, remedy string) {
		found = append(found, pkg.finding(node.Pos(), message, remedy))
	}
	sorted := make(map[ast.Expr]bool) // sequences that a sorter consumes
	ast.Inspect(file, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.RangeStmt:
			if isMap(pkg.info.TypeOf(node.X)) {
				report(node, "range over a map", "walk a slice, or slices.Sorted(maps.Keys(m))")
			}
		case *ast.CallExpr:
			name := calleeName(pkg.info, node)
			switch {
			case sorters[name] && len(node.Args) > 0:
				sorted[ast.Unparen(node.Args[0])] = true
			case mapOrder[name] && !sorted[node]:
				report(node, name+" gives the map's order", "sort it at once with slices.Sorted")
			case goStarters[name]:
				report(node, name+" starts a goroutine", "run it as a task of the machine")
			}
		}
		return true
	})
	return found
}

// calleeName names the function that call calls, as in "maps.Keys" or
// "(*sync.WaitGroup).Go", or gives "" for a builtin or a function value.
func calleeName(info *types.Info, call *ast.CallExpr) string {
	callee, ok := typeutil.Callee(info, call).(*types.Func)
	if !ok {
		return ""
	}
	return callee.Origin().FullName()
}

// isMap reports whether typ is a map, or a type parameter that may be one.
func isMap(typ types.Type) bool {
	if typ == nil {
		return false
	}
	if _, ok := typ.Underlying().(*types.Map); ok {
		return true
	}
	param, ok := types.Unalias(typ).(*types.TypeParam)
	if !ok {
		return false
	}
	constraint, ok := param.Constraint().Underlying().(*types.Interface)
	if !ok {
		return false
	}
	for embedded := range constraint.EmbeddedTypes() {
		union, ok := embedded.(*types.Union)
		if !ok {
			continue
		}
		for term := range union.Terms() {
			if isMap(term.Type()) {
				return true
			}
		}
	}
	return false
}
