package tidy

import (
	"bytes"
	"path"
	"regexp"
	"strings"
)

// unfinishedWord matches the words that put work off.
var unfinishedWord = regexp.MustCompile(`\b(TODO|FIXME|XXX|HACK)\b`)

// scriptComment matches the comment of a line of shell or make.
var scriptComment = regexp.MustCompile(`(^|\s)#.*`)

// codeSpan matches quoted code on a line of Markdown.
var codeSpan = regexp.MustCompile("`[^`]*`")

// unfinished reports comments and prose that put work off.
func unfinished(tree *Tree) []Finding {
	var found []Finding
	report := func(file *File, line int, word string) {
		found = append(found, Finding{
			File: file.Path, Line: line, Message: "says " + word,
			Remedy: "do it, or state the limit as a fact",
		})
	}
	for _, file := range tree.Files {
		switch {
		case file.Syntax != nil:
			for _, group := range file.Syntax.Comments {
				for _, comment := range group.List {
					first := tree.line(comment.Pos())
					eachLine([]byte(comment.Text), func(n int, line string) {
						if word := unfinishedWord.FindString(line); word != "" {
							report(file, first+n-1, word)
						}
					})
				}
			}
		case isScript(file):
			eachLine(file.Text, func(n int, line string) {
				if word := unfinishedWord.FindString(scriptComment.FindString(line)); word != "" {
					report(file, n, word)
				}
			})
		case path.Ext(file.Path) == ".md":
			eachLine(file.Text, func(n int, line string) {
				// Quoted code may be about the word itself.
				if word := unfinishedWord.FindString(codeSpan.ReplaceAllString(line, "")); word != "" {
					report(file, n, word)
				}
			})
		}
	}
	return found
}

// isScript reports whether file is written in make or shell.
func isScript(file *File) bool {
	switch path.Ext(file.Path) {
	case ".sh", ".bash", ".mk":
		return true
	}
	first, _, _ := bytes.Cut(file.Text, []byte("\n"))
	shebang := bytes.HasPrefix(first, []byte("#!")) && bytes.HasSuffix(bytes.TrimSpace(first), []byte("sh"))
	return path.Base(file.Path) == "Makefile" || shebang
}

// eachLine calls visit with each line of text, counted from 1.
func eachLine(text []byte, visit func(n int, line string)) {
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		visit(n, strings.TrimRight(line, "\r\n"))
	}
}
