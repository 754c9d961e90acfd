package tidy

import (
	"go/ast"
	"path"
	"regexp"
	"strconv"
)

// majorVersion matches the last part of a path such as math/rand/v2, which
// names no package.
var majorVersion = regexp.MustCompile(`^v[0-9]+$`)

// importPath returns the path of spec without its quotes.
func importPath(spec *ast.ImportSpec) string {
	unquoted, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return spec.Path.Value
	}
	return unquoted
}

// imports returns the import path behind each package name of a file. A name
// that an import does not state is taken from the path, which is right for the
// standard library, the only packages the rules ask about.
func imports(file *ast.File) map[string]string {
	paths := make(map[string]string)
	for _, spec := range file.Imports {
		full := importPath(spec)
		name := path.Base(full)
		if majorVersion.MatchString(name) {
			name = path.Base(path.Dir(full))
		}
		if spec.Name != nil {
			name = spec.Name.Name
		}
		paths[name] = full
	}
	return paths
}

// importedName resolves node as a name of another package: time.Now gives
// "time" and "Now". A local variable called time does not: the parser resolves
// it to an object, while an import stays without one.
func importedName(node ast.Node, paths map[string]string) (pkg, name string, ok bool) {
	selector, ok := node.(*ast.SelectorExpr)
	if !ok {
		return "", "", false
	}
	ident, ok := selector.X.(*ast.Ident)
	if !ok || ident.Obj != nil {
		return "", "", false
	}
	pkg, ok = paths[ident.Name]
	return pkg, selector.Sel.Name, ok
}

// eachImportedName calls visit for every name of another package used in file.
func eachImportedName(file *ast.File, visit func(use ast.Node, pkg, name string)) {
	paths := imports(file)
	ast.Inspect(file, func(node ast.Node) bool {
		if pkg, name, ok := importedName(node, paths); ok {
			visit(node, pkg, name)
		}
		return true
	})
}
