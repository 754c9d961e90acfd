package tidy

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// layers checks every import within the module against the layer table.
func layers(tree *Tree) []Finding {
	var found []Finding
	folders, files := tree.packages()
	for _, folder := range folders {
		if _, placed := layerOf(folder); !placed {
			found = append(found, Finding{
				File: files[folder][0].Path, Line: tree.line(files[folder][0].Syntax.Package),
				Message: "package folder " + folder + " is in no layer",
				Remedy:  "give it a row in internal/tidy/layertable.go and a line in docs/DESIGN.md",
			})
			continue
		}
		for _, file := range files[folder] {
			found = append(found, fileLayers(tree, file)...)
		}
	}
	return found
}

// layerOf returns the layer of a package folder, and whether it has one.
func layerOf(folder string) (layer int, placed bool) {
	for _, row := range layerTable {
		if matches(row.pattern, folder) {
			return row.layer, true
		}
	}
	return 0, false
}

// fileLayers checks the imports of one file.
func fileLayers(tree *Tree, file *File) []Finding {
	var found []Finding
	for _, spec := range file.Syntax.Imports {
		to, ok := strings.CutPrefix(importPath(spec), tree.Module+"/")
		if !ok {
			continue
		}
		if message, remedy := breach(file, to); message != "" {
			found = append(found, Finding{
				File: file.Path, Line: tree.line(spec.Pos()), Message: message, Remedy: remedy,
			})
		}
	}
	return found
}

// breach says what is wrong with an import of the folder to, "" if nothing is.
func breach(file *File, to string) (message, remedy string) {
	from := file.Dir()
	if from == to {
		return "", "" // a test outside the package it tests
	}
	fromLayer, _ := layerOf(from)
	toLayer, _ := layerOf(to) // an unplaced folder is a finding of its own
	suite := file.IsTest() && slices.ContainsFunc(testEdges, func(allowed edge) bool {
		return matches(allowed.from, from) && matches(allowed.to, to)
	})
	switch {
	case toLayer > fromLayer && !suite:
		return fmt.Sprintf("%s (layer %d) imports %s (layer %d)", from, fromLayer, to, toLayer),
			"imports point down: move the code, or pass what it needs as an argument"
	case isDesign(from) && isDesign(to):
		return from + " imports " + to + ", another design", "designs stand alone: move the shared part to kernel"
	case isDesign(to) && from != designImporter:
		return from + " imports the design " + to, "ask " + designImporter + " for it"
	case crosses(from, to):
		return from + " imports " + to, "only harness/debate joins harness and fuzz: move the code there"
	}
	return "", ""
}

// isDesign reports whether folder holds a design.
func isDesign(folder string) bool {
	layer, placed := layerOf(folder)
	return placed && layer == designLayer
}

// crosses reports whether an import joins the subtrees that stay apart.
func crosses(from, to string) bool {
	there := within(from, apart.one) && within(to, apart.other)
	back := within(from, apart.other) && within(to, apart.one)
	if !there && !back {
		return false
	}
	return !slices.ContainsFunc(apart.between, func(allowed edge) bool {
		return matches(allowed.from, from) && matches(allowed.to, to)
	})
}

// matches reports whether pattern matches folder. The patterns are constants
// of this package, so a malformed one is a mistake here.
func matches(pattern, folder string) bool {
	ok, err := path.Match(pattern, folder)
	if err != nil {
		panic("tidy: pattern " + pattern + ": " + err.Error())
	}
	return ok
}
