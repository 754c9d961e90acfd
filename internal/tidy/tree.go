package tidy

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/mod/modfile"
)

// sniffBytes is how far to look for a NUL byte, the mark of a binary file.
const sniffBytes = 8000

// Tree is a source tree as the rules see it.
type Tree struct {
	Root   string // absolute path of the folder that holds go.mod
	Module string // module path, as go.mod has it
	Files  []*File

	fset  *token.FileSet
	typed func() ([]*typedPackage, error)
}

// File is one text file of the tree.
type File struct {
	Path   string // relative to the root, with slashes
	Text   []byte
	Syntax *ast.File // nil unless the file is Go code of this module
	Err    error     // why Syntax is nil although the file is Go code
}

// Load reads the tree at root: what git tracks or would track, or without git
// every file outside hidden folders.
func Load(root string) (*Tree, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return nil, fmt.Errorf("the root of a tree holds go.mod: %w", err)
	}
	paths, err := list(root)
	if err != nil {
		return nil, err
	}
	tree := &Tree{Root: root, Module: modfile.ModulePath(mod), fset: token.NewFileSet()}
	tree.typed = sync.OnceValues(tree.loadTyped)
	foreign := nestedModules(paths)
	for _, name := range paths {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil || bytes.IndexByte(text[:min(len(text), sniffBytes)], 0) >= 0 {
			continue // deleted but still in git's index, a link to a folder, or binary
		}
		file := &File{Path: name, Text: text}
		if isCode(name, foreign) {
			file.Syntax, file.Err = parse(tree.fset, file)
		}
		tree.Files = append(tree.Files, file)
	}
	return tree, nil
}

// list returns the paths of the tree's files, sorted.
func list(root string) ([]string, error) {
	if _, err := os.Stat(filepath.Join(root, ".git")); err == nil {
		git := exec.Command("git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
		if out, err := git.Output(); err == nil {
			paths := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
			slices.Sort(paths)
			return slices.Compact(paths), nil
		}
	}
	return walk(root)
}

// walk lists the files below root when git cannot.
func walk(root string) ([]string, error) {
	var paths []string
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case entry.Type().IsRegular():
			paths = append(paths, name)
		}
		return nil
	})
	return paths, err
}

// nestedModules returns the folders below the root that hold a go.mod.
func nestedModules(paths []string) []string {
	var folders []string
	for _, name := range paths {
		if path.Base(name) == "go.mod" && name != "go.mod" {
			folders = append(folders, path.Dir(name))
		}
	}
	return folders
}

// isCode reports whether the go command could build name as part of the module.
func isCode(name string, foreign []string) bool {
	if path.Ext(name) != ".go" {
		return false
	}
	for _, folder := range foreign {
		if within(name, folder) {
			return false
		}
	}
	for _, part := range strings.Split(name, "/") {
		if part == "testdata" || part == "vendor" || part[0] == '.' || part[0] == '_' {
			return false
		}
	}
	return true
}

// parse keeps the parser's object resolution: importedName needs it.
func parse(fset *token.FileSet, file *File) (*ast.File, error) {
	syntax, err := parser.ParseFile(fset, file.Path, file.Text, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	return syntax, nil
}

// Dir returns the folder of f, "." for the root.
func (f *File) Dir() string { return path.Dir(f.Path) }

// IsTest reports whether the go command builds f for tests only.
func (f *File) IsTest() bool { return strings.HasSuffix(f.Path, "_test.go") }

// code returns the Go files of the module that parse.
func (t *Tree) code() []*File {
	var files []*File
	for _, file := range t.Files {
		if file.Syntax != nil {
			files = append(files, file)
		}
	}
	return files
}

// packages returns the module's package folders, sorted, with their files.
func (t *Tree) packages() (folders []string, files map[string][]*File) {
	files = make(map[string][]*File)
	for _, file := range t.code() {
		if files[file.Dir()] == nil {
			folders = append(folders, file.Dir())
		}
		files[file.Dir()] = append(files[file.Dir()], file)
	}
	slices.Sort(folders)
	return folders, files
}

// file returns the file at name, or nil.
func (t *Tree) file(name string) *File {
	for _, file := range t.Files {
		if file.Path == name {
			return file
		}
	}
	return nil
}

// line returns the line of pos in a file of the tree.
func (t *Tree) line(pos token.Pos) int { return t.fset.Position(pos).Line }

// within reports whether name is folder or lies below it.
func within(name, folder string) bool {
	return name == folder || strings.HasPrefix(name, folder+"/")
}

// withinAny reports whether name is one of the folders or lies below one.
func withinAny(name string, folders []string) bool {
	return slices.ContainsFunc(folders, func(folder string) bool { return within(name, folder) })
}
