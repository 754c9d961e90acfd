package tidy

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/types/typeutil"
)

// wordFolders hold the designs whose every mutable word is typed. The baselines
// are not among them: they are made of channels and Go locks.
var wordFolders = []string{
	"designs/mempool", "designs/reservation", "designs/percpu_tags",
	"designs/ida", "designs/gfp_nolocks", "designs/sbitmap", "fuzz/scenario/clients",
}

// wordPackages declare the typed words, by folder, with the prefix that the
// names of words have there.
var wordPackages = map[string]string{"kernel/atomic": "", "kernel/lock": "", "kernel/mem": "Plain"}

// lockFolders build on the typed words as well, so they leave Go's locks alone.
var lockFolders = []string{"kernel/lock", "kernel/percpu", "kernel/page", "kernel/slab"}

// goLocks are the imports that the simulator cannot see through.
var goLocks = []string{"sync", "sync/atomic"}

// words reports mutable state of a design that is not a typed word in an arena:
// the simulator is blind to it, and so to the bugs in it.
func words(tree *Tree) []Finding {
	found := wordImports(tree)
	pkgs, _ := tree.typed() // loads reports the error
	for _, pkg := range pkgs {
		if !withinAny(pkg.dir, wordFolders) {
			continue
		}
		known := wordTypes{module: tree.Module}
		for _, file := range pkg.files {
			found = append(found, wordDeclarations(pkg, known, file)...)
			found = append(found, writes(pkg, known, file)...)
		}
	}
	return found
}

// wordImports reports imports that go around the typed words.
func wordImports(tree *Tree) []Finding {
	var found []Finding
	for _, file := range tree.code() {
		design := withinAny(file.Dir(), wordFolders)
		if file.IsTest() || !design && !withinAny(file.Dir(), lockFolders) {
			continue
		}
		for _, spec := range file.Syntax.Imports {
			name := importPath(spec)
			if slices.Contains(goLocks, name) || design && name == "unsafe" {
				found = append(found, Finding{
					File: file.Path, Line: tree.line(spec.Pos()), Message: "imports " + name,
					Remedy: "use kernel/atomic, kernel/lock or kernel/mem, which the simulator sees",
				})
			}
		}
	}
	return found
}

// wordDeclarations reports struct types that mix words with Go pointers, and
// words that live outside an arena.
func wordDeclarations(pkg *typedPackage, known wordTypes, file *ast.File) []Finding {
	var found []Finding
	ast.Inspect(file, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.StructType:
			found = append(found, mixedFields(pkg, known, node)...)
		case ast.Expr:
			if known.holdWord(madeType(pkg.info, node)) {
				found = append(found, pkg.finding(node.Pos(), types.ExprString(node)+" puts a typed word on the Go heap",
					"take it from an arena of kernel/mem"))
			}
		case *ast.ValueSpec:
			for _, name := range node.Names {
				object := pkg.info.Defs[name]
				if object != nil && isPackageLevel(object) && known.holdWord(object.Type()) {
					found = append(found, pkg.finding(name.Pos(), "package variable "+name.Name+" holds a typed word",
						"take it from an arena of kernel/mem"))
				}
			}
		}
		return true
	})
	return found
}

// madeType is the type of what new, make, &T{} or []T{} puts on the heap.
func madeType(info *types.Info, made ast.Expr) types.Type {
	switch e := made.(type) {
	case *ast.CallExpr:
		builtin, ok := typeutil.Callee(info, e).(*types.Builtin)
		if !ok || builtin.Name() != "new" && builtin.Name() != "make" {
			return nil
		}
	case *ast.UnaryExpr:
		if _, ok := ast.Unparen(e.X).(*ast.CompositeLit); !ok || e.Op != token.AND {
			return nil
		}
	case *ast.CompositeLit:
	default:
		return nil
	}
	switch typ := orInvalid(info.TypeOf(made)).Underlying().(type) {
	case *types.Pointer:
		return typ.Elem()
	case *types.Slice:
		return typ.Elem()
	case *types.Map:
		return typ.Elem()
	case *types.Chan:
		return typ.Elem()
	}
	return nil
}

// mixedFields reports the fields with Go pointers of a struct that holds words:
// arenas, where such structs live, hold no Go pointers.
func mixedFields(pkg *typedPackage, known wordTypes, syntax *ast.StructType) []Finding {
	if !known.holdWord(pkg.info.TypeOf(syntax)) {
		return nil
	}
	var found []Finding
	for _, field := range syntax.Fields.List {
		if typ := pkg.info.TypeOf(field.Type); known.holdPointer(typ) {
			found = append(found, pkg.finding(field.Pos(), "field of type "+types.ExprString(field.Type)+
				" brings a Go pointer into a struct with typed words",
				"keep it in the handle, and the words in a struct of their own"))
		}
	}
	return found
}

// wordTypes tells typed words from other types.
type wordTypes struct{ module string }

// isWord reports whether typ is a typed word: declared where the words are,
// changed through methods, and free of Go pointers. The other types of those
// packages (a lock's class, an enumeration) lack one or the other.
func (w wordTypes) isWord(typ types.Type) bool {
	for typ != nil {
		var object *types.TypeName
		switch t := typ.(type) {
		case *types.Alias:
			object = t.Obj()
		case *types.Named:
			object = t.Obj()
		default:
			return false
		}
		if w.declaresWord(object) && pointerMethods(typ) && !w.holdPointer(typ.Underlying()) {
			return true
		}
		alias, ok := typ.(*types.Alias)
		if !ok {
			return false
		}
		typ = alias.Rhs()
	}
	return false
}

// declaresWord reports whether object stands where typed words are declared. A
// type of sync/atomic is one too: with the import banned, a design can only
// have got it as an alias from there.
func (w wordTypes) declaresWord(object *types.TypeName) bool {
	if object.Pkg() == nil {
		return false
	}
	if object.Pkg().Path() == "sync/atomic" {
		return true
	}
	folder, ok := strings.CutPrefix(object.Pkg().Path(), w.module+"/")
	if !ok {
		return false
	}
	prefix, ok := wordPackages[folder]
	return ok && strings.HasPrefix(object.Name(), prefix)
}

// pointerMethods reports whether typ has a method that can change it.
func pointerMethods(typ types.Type) bool {
	return types.NewMethodSet(types.NewPointer(typ)).Len() > types.NewMethodSet(typ).Len()
}

// holdWord reports whether a value of typ contains a typed word itself. A type
// of another package that wraps words is a handle, whose own package answers
// for it.
func (w wordTypes) holdWord(typ types.Type) bool {
	if typ == nil {
		return false
	}
	if w.isWord(typ) {
		return true
	}
	if named, ok := types.Unalias(typ).(*types.Named); ok && !w.isDesign(named.Obj().Pkg()) {
		return false
	}
	switch t := typ.Underlying().(type) {
	case *types.Array:
		return w.holdWord(t.Elem())
	case *types.Struct:
		for field := range t.Fields() {
			if w.holdWord(field.Type()) {
				return true
			}
		}
	}
	return false
}

// isDesign reports whether pkg is one of the designs.
func (w wordTypes) isDesign(pkg *types.Package) bool {
	return pkg != nil && withinAny(strings.TrimPrefix(pkg.Path(), w.module+"/"), wordFolders)
}

// holdPointer reports whether a value of typ contains a Go pointer, which may
// be that of a string, slice, map, channel, function or interface.
func (w wordTypes) holdPointer(typ types.Type) bool {
	if typ == nil || w.isWord(typ) {
		return false
	}
	if _, ok := types.Unalias(typ).(*types.TypeParam); ok {
		return true // it may be instantiated with anything
	}
	switch t := typ.Underlying().(type) {
	case *types.Basic:
		return t.Info()&types.IsString != 0 || t.Kind() == types.UnsafePointer
	case *types.Array:
		return w.holdPointer(t.Elem())
	case *types.Struct:
		for field := range t.Fields() {
			if w.holdPointer(field.Type()) {
				return true
			}
		}
		return false
	}
	return true
}
