package tidy

import (
	"bytes"
	"slices"
	"strings"
)

// The needles are put together here so that this file does not hold them.

// privateRoots are folders that exist only where the files were written.
var privateRoots = []string{"/" + "work", "/" + "root", "/" + "farm"}

// privateFolder is a folder beside the repository.
const privateFolder = ".." + "/shared"

// privateHosts are package servers: which one to use is the reader's setting.
var privateHosts = []string{
	"proxy." + "golang.org", "sum." + "golang.org", "goproxy." + "io",
	"deb." + "debian.org", "security." + "debian.org", "archive." + "ubuntu.com",
	"registry." + "npmjs.org", "index." + "crates.io", "static." + "crates.io",
	"pypi." + "org", "files." + "pythonhosted.org",
}

// workplace reports text that only makes sense where it was written.
func workplace(tree *Tree) []Finding {
	var found []Finding
	for _, file := range tree.Files {
		report := func(at int, needle string) {
			found = append(found, Finding{
				File: file.Path, Line: 1 + bytes.Count(file.Text[:at], []byte("\n")),
				Message: "mentions " + needle, Remedy: "use a path inside the repository, or leave it out",
			})
		}
		for _, root := range privateRoots {
			for at := range occurrences(file.Text, root) {
				if isAbsolute(file.Text, at, at+len(root)) {
					report(at, root)
				}
			}
		}
		for _, needle := range append(slices.Clone(privateHosts), privateFolder) {
			for at := range occurrences(file.Text, needle) {
				report(at, needle)
			}
		}
	}
	return found
}

// occurrences yields the offsets of needle in text.
func occurrences(text []byte, needle string) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for from := 0; ; {
			at := bytes.Index(text[from:], []byte(needle))
			if at < 0 || !yield(from+at) {
				return
			}
			from += at + len(needle)
		}
	}
}

// isAbsolute reports whether text[from:to] begins an absolute path and ends a
// folder of it: not the end of harness/work, not the start of a longer word.
func isAbsolute(text []byte, from, to int) bool {
	before, after := "\n", "\n"
	if from > 0 {
		before = string(text[from-1])
	}
	if to < len(text) {
		after = string(text[to])
	}
	if bytes.HasSuffix(text[:from], []byte("file://")) {
		before = "\n"
	}
	return !isWordByte(before[0]) && !strings.Contains("/.})*~-", before) &&
		!isWordByte(after[0]) && after != "-"
}

// isWordByte reports whether b can be part of a name; a byte of a longer rune can.
func isWordByte(b byte) bool {
	return b == '_' || b >= 0x80 || '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}
