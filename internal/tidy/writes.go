package tidy

import (
	"go/ast"
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/tools/go/types/typeutil"
)

// constructor matches the functions that build a design, before anybody shares it.
var constructor = regexp.MustCompile(`^[Nn]ew`)

// writerBuiltins change what their first argument refers to.
var writerBuiltins = []string{"append", "clear", "close", "copy", "delete"}

// writes reports statements that change shared state other than through the
// methods of a typed word.
func writes(pkg *typedPackage, known wordTypes, file *ast.File) []Finding {
	var found []Finding
	for _, decl := range file.Decls {
		if function, ok := decl.(*ast.FuncDecl); ok && constructor.MatchString(function.Name.Name) {
			continue
		}
		w := &writeCheck{pkg: pkg, known: known, places: newPlaces(pkg.info, decl)}
		ast.Inspect(decl, func(node ast.Node) bool {
			w.visit(node)
			return true
		})
		found = append(found, w.found...)
	}
	return found
}

// writeCheck looks at the statements of one declaration.
type writeCheck struct {
	pkg    *typedPackage
	known  wordTypes
	places *places
	found  []Finding
}

// visit reports node if it changes shared state.
func (w *writeCheck) visit(node ast.Node) {
	switch node := node.(type) {
	case *ast.AssignStmt:
		if node.Tok != token.DEFINE {
			for _, target := range node.Lhs {
				w.assigned(target)
			}
		}
	case *ast.IncDecStmt:
		w.assigned(node.X)
	case *ast.RangeStmt:
		if node.Tok == token.ASSIGN {
			w.assigned(node.Key)
			w.assigned(node.Value)
		}
	case *ast.SendStmt:
		w.report(node, "sends on a channel", "wait through package kernel")
	case *ast.UnaryExpr:
		if node.Op == token.AND {
			w.addressed(node)
		}
	case *ast.CallExpr:
		w.called(node)
	}
}

// report adds a finding at node.
func (w *writeCheck) report(node ast.Node, message, remedy string) {
	w.found = append(w.found, w.pkg.finding(node.Pos(), message, remedy))
}

// assigned checks the target of an assignment.
func (w *writeCheck) assigned(target ast.Expr) {
	if target == nil || !w.places.isShared(target) {
		return
	}
	name := types.ExprString(target)
	if w.known.holdWord(w.pkg.info.TypeOf(target)) {
		w.report(target, "assigns over the typed word "+name, "call its Store")
		return
	}
	w.report(target, "assigns to "+name+", which is no typed word",
		"make it one of kernel/atomic or kernel/mem, or set it in a function called New or new")
}

// addressed checks &place. The address of a struct, or of an array of them, is
// let through: whoever writes through it is seen where he writes.
func (w *writeCheck) addressed(node *ast.UnaryExpr) {
	typ := w.pkg.info.TypeOf(node.X)
	if typ == nil || !w.places.isShared(node.X) || w.known.holdWord(typ) || isRecord(typ) {
		return
	}
	w.report(node, "takes the address of "+types.ExprString(node.X)+", which is no typed word",
		"pass its value, or make it one of kernel/atomic or kernel/mem")
}

// isRecord reports whether typ is a struct or an array of structs.
func isRecord(typ types.Type) bool {
	for {
		array, ok := typ.Underlying().(*types.Array)
		if !ok {
			break
		}
		typ = array.Elem()
	}
	_, ok := typ.Underlying().(*types.Struct)
	return ok
}

// called checks the calls that change an argument or their receiver.
func (w *writeCheck) called(call *ast.CallExpr) {
	switch callee := typeutil.Callee(w.pkg.info, call).(type) {
	case *types.Builtin:
		if slices.Contains(writerBuiltins, callee.Name()) && len(call.Args) > 0 && w.places.isSharedReference(call.Args[0]) {
			w.report(call, callee.Name()+" changes "+types.ExprString(call.Args[0])+", which is no typed word",
				"keep it in words of kernel/atomic or kernel/mem")
		}
	case *types.Func:
		selector, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
		if ok && w.changesForeign(callee) && w.keepsReceiver(selector) {
			w.report(call, types.ExprString(call.Fun)+" may change a "+callee.Pkg().Path()+" value kept in the design",
				"keep the state in typed words, or pass the value in as an argument")
		}
	}
}

// keepsReceiver reports whether the receiver of a method outlives the call: it
// is a field, perhaps an embedded one, or a package variable.
func (w *writeCheck) keepsReceiver(method *ast.SelectorExpr) bool {
	selection := w.pkg.info.Selections[method]
	embedded := selection != nil && len(selection.Index()) > 1
	return embedded || w.places.isFieldOrGlobal(method.X)
}

// changesForeign reports whether callee has a pointer receiver of a type that
// neither this rule nor package kernel answers for.
func (w *writeCheck) changesForeign(callee *types.Func) bool {
	receiver := callee.Signature().Recv()
	if receiver == nil || callee.Pkg() == nil {
		return false
	}
	if _, ok := receiver.Type().(*types.Pointer); !ok {
		return false
	}
	folder, ok := strings.CutPrefix(callee.Pkg().Path(), w.known.module+"/")
	return !ok || !within(folder, "kernel") && !within(folder, "designs")
}
