package tidy

import (
	"go/ast"
	"go/token"
	"go/types"
	"os"
	"path"
	"path/filepath"
	"sync"

	"golang.org/x/tools/go/packages"
)

// typedFolders are the folders whose packages are type-checked: those that the
// sequence and words rules cover, and no more, since loading takes the time.
var typedFolders = []string{"designs", "kernel/sim", "fuzz/explore"}

// builds are the tags of the two builds that share one source.
var builds = []string{"", "sim"}

// typedPackage is one package as one build sees it, without its tests.
type typedPackage struct {
	dir    string // relative to the root
	fset   *token.FileSet
	pkg    *types.Package
	info   *types.Info
	files  []*ast.File
	root   string
	errors []packages.Error
}

// loadTyped loads the typed folders in both builds at once. Only the packages
// of these folders are checked from source; what they import comes from the
// compiler's export data.
func (t *Tree) loadTyped() ([]*typedPackage, error) {
	var patterns []string
	for _, folder := range typedFolders {
		if info, err := os.Stat(filepath.Join(t.Root, filepath.FromSlash(folder))); err == nil && info.IsDir() {
			patterns = append(patterns, "./"+folder+"/...")
		}
	}
	if len(patterns) == 0 {
		return nil, nil
	}
	loaded := make([][]*typedPackage, len(builds))
	failed := make([]error, len(builds))
	var group sync.WaitGroup
	for i, tags := range builds {
		group.Go(func() { loaded[i], failed[i] = loadBuild(t.Root, tags, patterns) })
	}
	group.Wait()
	var all []*typedPackage
	for i := range builds {
		if failed[i] != nil {
			return nil, failed[i]
		}
		all = append(all, loaded[i]...)
	}
	return all, nil
}

// loadBuild loads patterns as the build with the given tags.
func loadBuild(root, tags string, patterns []string) ([]*typedPackage, error) {
	config := &packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports |
			packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedExportFile,
		Dir:        root,
		BuildFlags: []string{"-tags=" + tags},
	}
	found, err := packages.Load(config, patterns...)
	if err != nil {
		return nil, err
	}
	var loaded []*typedPackage
	for _, pkg := range found {
		p := &typedPackage{
			fset: pkg.Fset, pkg: pkg.Types, info: pkg.TypesInfo,
			files: pkg.Syntax, root: root, errors: pkg.Errors,
		}
		p.dir = relative(root, pkg.Dir)
		loaded = append(loaded, p)
	}
	return loaded, nil
}

// relative returns name below root, with slashes.
func relative(root, name string) string {
	rel, err := filepath.Rel(root, name)
	if err != nil {
		return filepath.ToSlash(name)
	}
	return path.Clean(filepath.ToSlash(rel))
}

// finding places a finding at pos.
func (p *typedPackage) finding(pos token.Pos, message, remedy string) Finding {
	position := p.fset.Position(pos)
	return Finding{
		File: relative(p.root, position.Filename), Line: position.Line,
		Message: message, Remedy: remedy,
	}
}
