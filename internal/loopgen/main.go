// Loopgen writes the inner measuring loops of a design, compiled against its concrete allocator type.
//
// Go's generics share one body between all pointer types and call methods through a dictionary, which costs as much as an interface: too much
// beside a path of a few nanoseconds. So the loops are one template, written out once for each type:
//
//	//go:generate go run headroom/internal/loopgen -type Pool
//
// The type designs.Allocator gives the loops that call through the interface.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"go/format"
	"os"
	"strings"
	"text/template"
)

func main() {
	typeName := flag.String("type", "", "the allocator type, in the package of the current folder")
	pkg := flag.String("package", os.Getenv("GOPACKAGE"), "the package name; go generate sets it")
	flag.Parse()
	if *typeName == "" || *pkg == "" {
		fmt.Fprintln(os.Stderr, "loopgen: give -type, and run it by go generate")
		os.Exit(2)
	}
	source, err := Source(*pkg, *typeName)
	if err == nil {
		err = os.WriteFile(fileName(*typeName), source, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "loopgen:", err)
		os.Exit(1)
	}
}

// interfaceType is the type whose loops call through the interface.
const interfaceType = "designs.Allocator"

// bareName is a type's name without its package.
func bareName(typeName string) string { return typeName[strings.LastIndexByte(typeName, '.')+1:] }

// fileName is the file of a type's loops, in the folder of its package.
func fileName(typeName string) string { return "loops_" + strings.ToLower(bareName(typeName)) + ".go" }

// Source is the text of the loops of one type.
func Source(pkg, typeName string) ([]byte, error) {
	var b bytes.Buffer
	name := bareName(typeName)
	words := map[string]string{"Package": pkg, "Lower": strings.ToLower(name[:1]) + name[1:], "Type": "*" + typeName, "Concrete": "a.(*" + typeName + ")"}
	if typeName == interfaceType {
		words["Type"], words["Concrete"] = typeName, "a"
	}
	for _, part := range []*template.Template{untimed, every, sampled} {
		if err := part.Execute(&b, words); err != nil {
			return nil, err
		}
	}
	return format.Source(b.Bytes())
}
