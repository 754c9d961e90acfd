package tidy

import (
	"errors"
	"go/scanner"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/tools/go/packages"
)

// loads reports what keeps the other rules from looking: files that do not
// parse, packages that do not type-check, and files that neither build holds.
func loads(tree *Tree) []Finding {
	var found []Finding
	for _, file := range tree.Files {
		if file.Err != nil {
			found = append(found, parseFinding(file))
		}
	}
	pkgs, err := tree.typed()
	if err != nil {
		return append(found, Finding{
			File: "go.mod", Message: "packages do not load, " + oneLine(err.Error()),
			Remedy: "make `go list ./...` work",
		})
	}
	for _, pkg := range pkgs {
		found = append(found, typeFindings(tree, pkg)...)
	}
	return append(found, unseen(tree, pkgs)...)
}

// unseen reports files of the typed folders that neither build holds.
func unseen(tree *Tree, pkgs []*typedPackage) []Finding {
	seen := make(map[string]bool)
	for _, pkg := range pkgs {
		for _, file := range pkg.files {
			seen[relative(pkg.root, pkg.fset.Position(file.Package).Filename)] = true
		}
	}
	var found []Finding
	for _, file := range tree.code() {
		if withinAny(file.Dir(), typedFolders) && !file.IsTest() && !seen[file.Path] {
			found = append(found, Finding{
				File: file.Path, Line: 1, Message: "neither the native nor the sim build holds this file",
				Remedy: "use no build tag here but sim and !sim, so that the typed rules see the file",
			})
		}
	}
	return found
}

// parseFinding reports the first syntax error of file.
func parseFinding(file *File) Finding {
	finding := Finding{File: file.Path, Line: 1, Message: oneLine(file.Err.Error()), Remedy: "mend the syntax"}
	var list scanner.ErrorList
	if errors.As(file.Err, &list) && len(list) > 0 {
		finding.Line, finding.Message = list[0].Pos.Line, "syntax error, "+list[0].Msg
	}
	return finding
}

// typeFindings reports the errors of pkg, each once: the compiler repeats those
// of the type checker without a position, and those of the parser are known.
func typeFindings(tree *Tree, pkg *typedPackage) []Finding {
	var placed, unplaced []Finding
	for _, err := range pkg.errors {
		finding := typeFinding(pkg, err)
		file := tree.file(finding.File)
		switch {
		case finding.Line == 0:
			unplaced = append(unplaced, finding)
		case file == nil || file.Err == nil:
			placed = append(placed, finding)
		default:
			return nil // parseFinding has told
		}
	}
	if len(placed) > 0 {
		return placed
	}
	return unplaced
}

// typeFinding reports an error of the type checker, which gives its position
// as file:line:column, or "-" for none.
func typeFinding(pkg *typedPackage, err packages.Error) Finding {
	finding := Finding{
		File: pkg.dir, Message: "does not type-check, " + oneLine(err.Msg),
		Remedy: "mend it, so that the typed rules see the package",
	}
	name, rest, ok := strings.Cut(err.Pos, ":")
	if ok && filepath.IsAbs(name) {
		line, _, _ := strings.Cut(rest, ":")
		finding.File = relative(pkg.root, name)
		finding.Line, _ = strconv.Atoi(line)
	}
	return finding
}

// oneLine joins the lines of an error text.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
