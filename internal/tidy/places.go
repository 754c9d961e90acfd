package tidy

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/types/typeutil"
)

// places tells shared memory from what one call of a function made for itself.
//
// A place is private when it is a local variable, or lies behind a local
// pointer, slice or map whose every value was made in the same declaration, by
// make, new, a composite literal or from such a value. Everything else is
// shared, behind a parameter too; only a slice parameter counts as private,
// since its elements are the caller's to lend (bulk allocation fills one).
type places struct {
	info    *types.Info
	values  map[types.Object][]ast.Expr // what is assigned to a local; nil for what no expression gives
	params  map[types.Object]bool
	pending map[types.Object]bool // being judged: a loop of assignments adds no origin
}

// newPlaces collects the assignments to the locals of decl.
func newPlaces(info *types.Info, decl ast.Decl) *places {
	p := &places{
		info:    info,
		values:  make(map[types.Object][]ast.Expr),
		params:  make(map[types.Object]bool),
		pending: make(map[types.Object]bool),
	}
	ast.Inspect(decl, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.FuncDecl:
			p.addParams(node.Recv)
		case *ast.FuncType:
			p.addParams(node.Params)
		case *ast.AssignStmt:
			p.addValues(node.Lhs, node.Rhs)
		case *ast.ValueSpec:
			p.addSpec(node)
		case *ast.RangeStmt:
			p.addValue(node.Key, nil)
			p.addElement(node.Value, node.X)
		case *ast.TypeSwitchStmt:
			p.addSwitch(node)
		}
		return true
	})
	return p
}

// addParams marks the names of a parameter list.
func (p *places) addParams(list *ast.FieldList) {
	if list == nil {
		return
	}
	for _, field := range list.List {
		for _, name := range field.Names {
			p.params[p.info.Defs[name]] = true
		}
	}
}

// addValues pairs targets with values; one call may give them all.
func (p *places) addValues(targets, values []ast.Expr) {
	for i, target := range targets {
		if len(values) == len(targets) {
			p.addValue(target, values[i])
		} else {
			p.addValue(target, nil)
		}
	}
}

// addSpec adds a var declaration. A var without a value is nil, thus private.
func (p *places) addSpec(spec *ast.ValueSpec) {
	if len(spec.Values) == 0 {
		return
	}
	targets := make([]ast.Expr, len(spec.Names))
	for i, name := range spec.Names {
		targets[i] = name
	}
	p.addValues(targets, spec.Values)
}

// addElement records that target runs over the elements of table. As in
// isSharedReference, a row of a private table is private.
func (p *places) addElement(target, table ast.Expr) {
	if target != nil && isSlice(p.info.TypeOf(target)) {
		p.addValue(target, table)
		return
	}
	p.addValue(target, nil)
}

// addSwitch gives the variable of a type switch, one object a clause, an
// unknown value.
func (p *places) addSwitch(node *ast.TypeSwitchStmt) {
	for _, clause := range node.Body.List {
		if object := p.info.Implicits[clause]; object != nil {
			p.values[object] = append(p.values[object], nil)
		}
	}
}

// addValue records that target, if it is a variable, may have value.
func (p *places) addValue(target, value ast.Expr) {
	if target == nil {
		return
	}
	if ident, ok := ast.Unparen(target).(*ast.Ident); ok {
		if object := p.info.ObjectOf(ident); object != nil {
			p.values[object] = append(p.values[object], value)
		}
	}
}

// isShared reports whether others can see the memory that place denotes.
func (p *places) isShared(place ast.Expr) bool {
	switch e := ast.Unparen(place).(type) {
	case *ast.Ident:
		object := p.info.ObjectOf(e)
		return object != nil && isPackageLevel(object)
	case *ast.SelectorExpr:
		selection := p.info.Selections[e]
		switch {
		case selection == nil:
			return true // a variable of another package
		case isPointer(p.info.TypeOf(e.X)):
			return p.isSharedReference(e.X)
		case selection.Indirect():
			return true // through an embedded pointer
		}
		return p.isShared(e.X)
	case *ast.IndexExpr:
		if isArray(p.info.TypeOf(e.X)) {
			return p.isShared(e.X)
		}
		return p.isSharedReference(e.X)
	case *ast.StarExpr:
		return p.isSharedReference(e.X)
	case *ast.CompositeLit:
		return false
	}
	return true
}

// isSharedReference reports whether the pointer, slice or map e may refer to
// memory that others see.
func (p *places) isSharedReference(e ast.Expr) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.CompositeLit, *ast.BasicLit:
		return false
	case *ast.Ident:
		return p.isSharedVariable(e)
	case *ast.UnaryExpr:
		return e.Op != token.AND || p.isShared(e.X)
	case *ast.SliceExpr:
		if isArray(p.info.TypeOf(e.X)) {
			return p.isShared(e.X)
		}
		return p.isSharedReference(e.X)
	case *ast.IndexExpr:
		// A row of a private table is private; what a table of pointers
		// points at need not be.
		return isPointer(p.info.TypeOf(e)) || p.isShared(e)
	case *ast.CallExpr:
		return p.isSharedResult(e)
	}
	return true
}

// isSharedVariable judges a variable by everything it is ever given.
func (p *places) isSharedVariable(ident *ast.Ident) bool {
	object := p.info.ObjectOf(ident)
	switch {
	case object == nil:
		return true
	case object == types.Universe.Lookup("nil"):
		return false
	case isPackageLevel(object):
		return true
	case p.params[object] && !isSlice(object.Type()):
		return true
	case p.pending[object]:
		return false
	}
	p.pending[object] = true
	defer delete(p.pending, object)
	for _, value := range p.values[object] {
		if value == nil || p.isSharedReference(value) {
			return true
		}
	}
	return false
}

// freshCopies are the functions whose result is new memory.
var freshCopies = map[string]bool{
	"slices.Clone": true, "slices.Collect": true, "slices.Concat": true, "slices.Repeat": true,
	"slices.Sorted": true, "slices.SortedFunc": true, "slices.SortedStableFunc": true,
	"maps.Clone": true, "maps.Collect": true,
}

// isSharedResult judges what a call returns.
func (p *places) isSharedResult(call *ast.CallExpr) bool {
	if typ, ok := p.info.Types[call.Fun]; ok && typ.IsType() && len(call.Args) == 1 {
		return !isString(p.info.TypeOf(call.Args[0])) && p.isSharedReference(call.Args[0])
	}
	if builtin, ok := typeutil.Callee(p.info, call).(*types.Builtin); ok {
		switch builtin.Name() {
		case "make", "new":
			return false
		case "append":
			return p.isSharedReference(call.Args[0])
		}
	}
	return !freshCopies[calleeName(p.info, call)]
}

// isFieldOrGlobal reports whether the receiver e is reached through a field or
// a package variable, thus outlives the call.
func (p *places) isFieldOrGlobal(e ast.Expr) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		object := p.info.ObjectOf(e)
		return object != nil && isPackageLevel(object)
	case *ast.SelectorExpr:
		selection := p.info.Selections[e]
		if selection == nil {
			return p.isShared(e)
		}
		return isPointer(selection.Type()) || p.isShared(e)
	case *ast.IndexExpr:
		return p.isFieldOrGlobal(e.X)
	case *ast.StarExpr:
		return p.isFieldOrGlobal(e.X)
	case *ast.UnaryExpr:
		return p.isFieldOrGlobal(e.X)
	}
	return false
}

// isPackageLevel reports whether object is a variable of a package.
func isPackageLevel(object types.Object) bool {
	_, variable := object.(*types.Var)
	return variable && object.Pkg() != nil && object.Parent() == object.Pkg().Scope()
}

// orInvalid replaces the missing type of an expression that did not check.
func orInvalid(typ types.Type) types.Type {
	if typ == nil {
		return types.Typ[types.Invalid]
	}
	return typ
}

// isPointer reports whether typ is a pointer.
func isPointer(typ types.Type) bool {
	_, ok := orInvalid(typ).Underlying().(*types.Pointer)
	return ok
}

// isSlice reports whether typ is a slice.
func isSlice(typ types.Type) bool {
	_, ok := orInvalid(typ).Underlying().(*types.Slice)
	return ok
}

// isString reports whether typ is a string, which a conversion to bytes copies.
func isString(typ types.Type) bool {
	basic, ok := orInvalid(typ).Underlying().(*types.Basic)
	return ok && basic.Info()&types.IsString != 0
}

// isArray reports whether typ is an array, not a pointer to one.
func isArray(typ types.Type) bool {
	_, ok := orInvalid(typ).Underlying().(*types.Array)
	return ok
}
