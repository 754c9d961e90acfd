package tidy

import (
	"regexp"
	"strings"
)

// designDocument explains the layout of the repository.
const designDocument = "docs/DESIGN.md"

// braces matches a list of folders written as fuzz/{explore,target}.
var braces = regexp.MustCompile(`([\w./-]*)\{([\w./, -]+)\}`)

// pathToken matches what can be a path.
var pathToken = regexp.MustCompile(`[\w./-]+`)

// documented reports package folders that the design document leaves out.
func documented(tree *Tree) []Finding {
	document := tree.file(designDocument)
	if document == nil {
		return []Finding{{
			File: designDocument, Message: "there is no such file",
			Remedy: "write it, with every package folder",
		}}
	}
	mentioned := quotedPaths(document.Text)
	var found []Finding
	folders, _ := tree.packages()
	for _, folder := range folders {
		if !mentioned[folder] {
			found = append(found, Finding{
				File: designDocument, Message: "does not mention the package folder " + folder,
				Remedy: "say in a line what `" + folder + "` is for",
			})
		}
	}
	return found
}

// quotedPaths returns the paths in the code spans and code blocks of a Markdown
// text, with brace lists written out.
func quotedPaths(text []byte) map[string]bool {
	paths := make(map[string]bool)
	inBlock := false
	eachLine(text, func(_ int, line string) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			inBlock = !inBlock
			return
		}
		quoted := []string{line}
		if !inBlock {
			quoted = codeSpan.FindAllString(line, -1)
		}
		for _, code := range quoted {
			for _, token := range pathToken.FindAllString(writeOut(code), -1) {
				paths[strings.Trim(token, "./")] = true
			}
		}
	})
	return paths
}

// writeOut turns fuzz/{a,b} into "fuzz/a fuzz/b".
func writeOut(code string) string {
	return braces.ReplaceAllStringFunc(code, func(list string) string {
		parts := braces.FindStringSubmatch(list)
		var paths []string
		for _, name := range strings.Split(parts[2], ",") {
			paths = append(paths, parts[1]+strings.TrimSpace(name))
		}
		return strings.Join(paths, " ")
	})
}
