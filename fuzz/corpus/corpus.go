// Package corpus holds what the fuzz targets begin with: raw files, one folder a target, each file the data of one call. They are what is kept and
// reviewed. go-fuzz takes them as they are; the native fuzzer's own files are made of them, and can be turned back.
package corpus

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"strconv"
)

//go:embed */*
var files embed.FS

// File is one input.
type File struct {
	Name string
	Data []byte
}

// Files are the inputs of a target, by name. The error is for a target without a folder.
func Files(target string) ([]File, error) {
	entries, err := files.ReadDir(target)
	if err != nil {
		return nil, fmt.Errorf("no corpus for the target %q: put at least one raw file into fuzz/corpus/%s", target, target)
	}
	list := make([]File, len(entries))
	for i, e := range entries {
		data, err := files.ReadFile(path.Join(target, e.Name()))
		if err != nil {
			return nil, err
		}
		list[i] = File{Name: e.Name(), Data: data}
	}
	return list, nil
}

// nativeHeader begins a file of the native fuzzer; the number is the version of that format.
const nativeHeader = "go test fuzz v1\n"

// Native writes an input as the native fuzzer keeps it, for a target of one []byte.
func Native(data []byte) []byte { return fmt.Appendf(nil, "%s[]byte(%q)\n", nativeHeader, data) }

// Raw reads a file of the native fuzzer, of a target of one []byte, such as it writes under testdata/fuzz for a failure.
func Raw(native []byte) ([]byte, error) {
	text, ok := bytes.CutPrefix(native, []byte(nativeHeader))
	if !ok {
		return nil, fmt.Errorf("not a file of the native fuzzer: the first line must be %q; a raw file needs no conversion", nativeHeader[:len(nativeHeader)-1])
	}
	literal, err := byteLiteral(string(bytes.TrimSpace(text)))
	if err != nil {
		return nil, fmt.Errorf("the second line must be one []byte(\"...\"), as for a target of one []byte, and be the last: %w", err)
	}
	return []byte(literal), nil
}

var errOther = errors.New("it is something else")

// byteLiteral is the string s of []byte("s").
func byteLiteral(text string) (string, error) {
	e, err := parser.ParseExpr(text)
	if err != nil {
		return "", err
	}
	call, ok := e.(*ast.CallExpr)
	if !ok || len(call.Args) != 1 {
		return "", errOther
	}
	slice, ok := call.Fun.(*ast.ArrayType)
	if !ok || slice.Len != nil {
		return "", errOther
	}
	element, ok := slice.Elt.(*ast.Ident)
	literal, isLiteral := call.Args[0].(*ast.BasicLit)
	if !ok || element.Name != "byte" || !isLiteral || literal.Kind != token.STRING {
		return "", errOther
	}
	return strconv.Unquote(literal.Value)
}
