package tidy

import (
	"bytes"
	"fmt"
	"go/ast"
)

// Limits of size, in lines. They hold for tests and for generated code too: a
// reader meets those as well.
const (
	maxFileLines     = 500
	maxFunctionLines = 70
)

// sizes reports Go files and functions that are too long.
func sizes(tree *Tree) []Finding {
	var found []Finding
	for _, file := range tree.code() {
		if lines := lineCount(file.Text); lines > maxFileLines {
			found = append(found, Finding{
				File: file.Path, Line: maxFileLines + 1,
				Message: fmt.Sprintf("file has %d lines, more than %d", lines, maxFileLines),
				Remedy:  "split it, one idea a file",
			})
		}
		ast.Inspect(file.Syntax, func(node ast.Node) bool {
			name := "function literal"
			switch node := node.(type) {
			case *ast.FuncDecl:
				name = node.Name.Name
			case *ast.FuncLit:
			default:
				return true
			}
			lines := tree.line(node.End()) - tree.line(node.Pos()) + 1
			if decl, ok := node.(*ast.FuncDecl); ok {
				lines = tree.line(decl.End()) - tree.line(decl.Type.Func) + 1
			}
			if lines > maxFunctionLines {
				found = append(found, Finding{
					File: file.Path, Line: tree.line(node.Pos()),
					Message: fmt.Sprintf("%s has %d lines, more than %d", name, lines, maxFunctionLines),
					Remedy:  "split it, one step a function",
				})
			}
			return false // a literal inside counts as part of its function
		})
	}
	return found
}

// lineCount counts a last line without a newline too.
func lineCount(text []byte) int {
	lines := bytes.Count(text, []byte("\n"))
	if len(text) > 0 && text[len(text)-1] != '\n' {
		lines++
	}
	return lines
}
