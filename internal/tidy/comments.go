package tidy

import (
	"go/ast"
	"go/token"
)

// comments reports exported names and packages without a comment, and words of
// unfinished work.
func comments(tree *Tree) []Finding {
	found := packageComments(tree)
	for _, file := range tree.code() {
		if file.IsTest() {
			continue // nothing of a test is seen from outside
		}
		for _, decl := range file.Syntax.Decls {
			for _, name := range undocumented(decl) {
				found = append(found, Finding{
					File: file.Path, Line: tree.line(name.Pos()), Message: name.Name + " has no comment",
					Remedy: "say in one sentence what it is for",
				})
			}
		}
	}
	return append(found, unfinished(tree)...)
}

// packageComments checks that one file of each package explains the package.
func packageComments(tree *Tree) []Finding {
	var found []Finding
	folders, files := tree.packages()
	for _, folder := range folders {
		var first, documented *File
		for _, file := range files[folder] {
			if file.IsTest() {
				continue
			}
			if first == nil {
				first = file
			}
			if !explains(file.Syntax.Doc) {
				continue
			}
			if documented != nil {
				found = append(found, Finding{
					File: file.Path, Line: tree.line(file.Syntax.Doc.Pos()),
					Message: "a second package comment, after that of " + documented.Path,
					Remedy:  "keep one; leave a blank line between a file's comment and its package clause",
				})
				continue
			}
			documented = file
		}
		if first != nil && documented == nil {
			found = append(found, Finding{
				File: first.Path, Line: tree.line(first.Syntax.Package),
				Message: "package " + first.Syntax.Name.Name + " has no comment",
				Remedy:  "give the idea, the invariants, the ordering rules and the cost",
			})
		}
	}
	return found
}

// explains reports whether a comment has text besides directives.
func explains(doc *ast.CommentGroup) bool { return doc != nil && doc.Text() != "" }

// undocumented returns the exported names of decl that have no comment.
func undocumented(decl ast.Decl) []*ast.Ident {
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		if decl.Name.IsExported() && receiverExported(decl) && !explains(decl.Doc) {
			return []*ast.Ident{decl.Name}
		}
	case *ast.GenDecl:
		return undocumentedSpecs(decl)
	}
	return nil
}

// receiverExported reports whether decl is a function, or a method of an
// exported type.
func receiverExported(decl *ast.FuncDecl) bool {
	if decl.Recv == nil || len(decl.Recv.List) == 0 {
		return true
	}
	typ := decl.Recv.List[0].Type
	for {
		switch t := typ.(type) {
		case *ast.StarExpr:
			typ = t.X
		case *ast.ParenExpr:
			typ = t.X
		case *ast.IndexExpr:
			typ = t.X
		case *ast.IndexListExpr:
			typ = t.X
		case *ast.Ident:
			return t.IsExported()
		default:
			return true
		}
	}
}

// undocumentedSpecs treats the comment over a const or var block as one for
// the whole block. In a block of types each type needs its own.
func undocumentedSpecs(decl *ast.GenDecl) []*ast.Ident {
	block := explains(decl.Doc) && (decl.Tok != token.TYPE || !decl.Lparen.IsValid())
	if block {
		return nil
	}
	var missing []*ast.Ident
	for _, spec := range decl.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if spec.Name.IsExported() && !explains(spec.Doc) && !explains(spec.Comment) {
				missing = append(missing, spec.Name)
			}
		case *ast.ValueSpec:
			if explains(spec.Doc) || explains(spec.Comment) {
				continue
			}
			for _, name := range spec.Names {
				if name.IsExported() {
					missing = append(missing, name)
				}
			}
		}
	}
	return missing
}
