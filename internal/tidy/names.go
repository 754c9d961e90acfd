package tidy

import (
	"go/ast"
	"path"
	"slices"
	"strings"
	"unicode"
)

// catchAll are words that say nothing about what a file or type is.
var catchAll = []string{"util", "utils", "common", "helper", "helpers", "misc", "v2"}

// catchAllAlone says nothing alone but something in company, as in BaseAddress.
const catchAllAlone = "base"

// names reports names that hide what is behind them.
func names(tree *Tree) []Finding {
	found := folderNames(tree)
	for _, file := range tree.code() {
		stem := strings.TrimSuffix(strings.TrimSuffix(path.Base(file.Path), ".go"), "_test")
		if word := emptyWord(stem); word != "" {
			found = append(found, Finding{
				File: file.Path, Line: 1, Message: "file name says " + word,
				Remedy: "name the file for the one idea it holds",
			})
		}
		name := packageName(file)
		if strings.Contains(name, "_") || emptyWord(name) != "" {
			found = append(found, Finding{
				File: file.Path, Line: tree.line(file.Syntax.Name.Pos()), Message: "package is called " + name,
				Remedy: "name it with a noun of the problem, without underscore",
			})
		}
		found = append(found, typeNames(tree, file)...)
	}
	return found
}

// folderNames reports every folder once, at its first file.
func folderNames(tree *Tree) []Finding {
	var found []Finding
	seen := make(map[string]bool)
	for _, file := range tree.Files {
		for folder := file.Dir(); folder != "."; folder = path.Dir(folder) {
			if seen[folder] {
				break
			}
			seen[folder] = true
			if word := emptyWord(path.Base(folder)); word != "" {
				found = append(found, Finding{
					File: folder, Message: "folder name says " + word,
					Remedy: "name the folder for what it holds",
				})
			}
		}
	}
	return found
}

// packageName is the package that file belongs to or tests from outside.
func packageName(file *File) string {
	name := file.Syntax.Name.Name
	if file.IsTest() {
		name = strings.TrimSuffix(name, "_test")
	}
	return name
}

// typeNames reports the types of file whose name is empty of meaning or repeats
// the package. A type that is the package's one subject may share its name, as
// time.Time does; an unexported type is never written with its package.
func typeNames(tree *Tree, file *File) []Finding {
	var found []Finding
	ast.Inspect(file.Syntax, func(node ast.Node) bool {
		spec, ok := node.(*ast.TypeSpec)
		if !ok {
			return true
		}
		report := func(message, remedy string) {
			found = append(found, Finding{
				File: file.Path, Line: tree.line(spec.Pos()), Message: message, Remedy: remedy,
			})
		}
		name, pkg := spec.Name.Name, packageName(file)
		if word := emptyWord(name); word != "" {
			report("type "+name+" says "+word, "name the type for what it is")
		}
		if spec.Name.IsExported() && repeats(name, pkg) {
			report("type "+name+" repeats its package "+pkg, "leave "+pkg+" out of the name")
		}
		return true
	})
	return found
}

// repeats reports whether name begins with pkg as whole words, and goes on.
func repeats(name, pkg string) bool {
	parts := nameWords(name)
	for n := 1; n < len(parts); n++ {
		if strings.Join(parts[:n], "") == pkg {
			return true
		}
	}
	return false
}

// emptyWord returns the word of name that says nothing, or "".
func emptyWord(name string) string {
	parts := nameWords(name)
	if len(parts) == 1 && parts[0] == catchAllAlone {
		return catchAllAlone
	}
	for _, part := range parts {
		if slices.Contains(catchAll, part) {
			return part
		}
	}
	return ""
}

// nameWords splits a name at underscores, dashes, dots and changes of case, and
// lowers it: CPUHelper_v2 gives cpu, helper, v2.
func nameWords(name string) []string {
	var parts []string
	var word []rune
	flush := func() {
		if len(word) > 0 {
			parts = append(parts, strings.ToLower(string(word)))
		}
		word = nil
	}
	runes := []rune(name)
	for i, r := range runes {
		if r == '_' || r == '-' || r == '.' {
			flush()
			continue
		}
		afterLower := i > 0 && !unicode.IsUpper(runes[i-1])
		beforeLower := i+1 < len(runes) && unicode.IsLower(runes[i+1])
		if unicode.IsUpper(r) && (afterLower || beforeLower) {
			flush()
		}
		word = append(word, r)
	}
	flush()
	return parts
}
