// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
)

// sdk is what the source of a service's SDK says.
type sdk struct {
	structs  map[string]*ast.StructType
	required map[string]map[string]bool   // shape -> field
	request  map[string]map[string]string // shape -> field -> name in requests
	answer   map[string]map[string]string // shape -> field -> name in answers
	lists    map[string]map[string]string // shape -> field -> list in answers
	items    map[string]string            // list -> name of its elements in answers
	protocol string                       // as the SDK's functions spell it
}

func readSDK(dir string) (*sdk, error) {
	s := &sdk{
		structs: map[string]*ast.StructType{}, required: map[string]map[string]bool{}, request: map[string]map[string]string{},
		answer: map[string]map[string]string{}, lists: map[string]map[string]string{}, items: map[string]string{},
	}
	fset := token.NewFileSet()
	for _, pattern := range []string{"api_op_*.go", "types/*.go", "serializers.go", "deserializers.go"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return nil, err
		}
		for _, name := range files {
			f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution|parser.ParseComments)
			if err != nil {
				return nil, err
			}
			s.read(f)
		}
	}
	if len(s.structs) == 0 {
		return nil, fmt.Errorf("no SDK source in %s", dir)
	}
	return s, nil
}

func (s *sdk) read(f *ast.File) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if ts, ok := spec.(*ast.TypeSpec); ok {
					if st, ok := ts.Type.(*ast.StructType); ok {
						s.structs[ts.Name.Name] = st
						s.required[ts.Name.Name] = requiredFields(st)
					}
				}
			}
		case *ast.FuncDecl:
			s.readFunc(d)
		}
	}
}

func requiredFields(st *ast.StructType) map[string]bool {
	required := map[string]bool{}
	for _, f := range st.Fields.List {
		if len(f.Names) == 1 && strings.Contains(f.Doc.Text(), "This member is required.") {
			required[f.Names[0].Name] = true
		}
	}
	return required
}

// readFunc reads the names that a (de)serializer of one shape uses.
func (s *sdk) readFunc(d *ast.FuncDecl) {
	for _, protocol := range []string{"awsEc2query", "awsAwsquery"} {
		for infix, names := range map[string]map[string]map[string]string{
			"_serializeOpDocument": s.request, "_serializeDocument": s.request,
			"_deserializeOpDocument": s.answer, "_deserializeDocument": s.answer,
		} {
			if shape, ok := strings.CutPrefix(d.Name.Name, protocol+infix); ok {
				names[shape] = wireNames(d.Body)
				s.protocol = protocol
				if strings.HasPrefix(infix, "_deserialize") {
					s.lists[shape] = listNames(d.Body, protocol+"_deserializeDocument")
				}
			}
		}
		if list, ok := strings.CutPrefix(d.Name.Name, protocol+"_deserializeDocument"); ok {
			s.items[list] = firstName(d.Body)
		}
	}
}

// listNames pairs each field with the shape that a deserializer reads it as,
// where it is a list; some that are none come along.
func listNames(body *ast.BlockStmt, prefix string) map[string]string {
	names := map[string]string{}
	ast.Inspect(body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		f, isName := call.Fun.(*ast.Ident)
		ref, isRef := call.Args[0].(*ast.UnaryExpr)
		if !isName || !isRef {
			return true
		}
		if field, ok := ref.X.(*ast.SelectorExpr); ok && strings.HasPrefix(f.Name, prefix) {
			names[field.Sel.Name] = strings.TrimPrefix(f.Name, prefix)
		}
		return true
	})
	return names
}

// firstName is the first element that a deserializer looks for.
func firstName(body *ast.BlockStmt) (name string) {
	ast.Inspect(body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || name != "" || len(call.Args) == 0 {
			return name == ""
		}
		sel, isSel := call.Fun.(*ast.SelectorExpr)
		lit, isLit := call.Args[0].(*ast.BasicLit)
		if isSel && isLit && sel.Sel.Name == "EqualFold" {
			name, _ = strconv.Unquote(lit.Value)
		}
		return true
	})
	return name
}

// wireNames pairs, in the order of the source, each field that a (de)serializer
// touches (v.F or sv.F) with the string that names it on the wire.
func wireNames(body *ast.BlockStmt) map[string]string {
	names := map[string]string{}
	var field, wire string
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			switch {
			case ok && x.Name == "v":
				field = n.Sel.Name
			case ok && x.Name == "sv" && wire != "":
				names[n.Sel.Name] = wire
			}
		case *ast.CallExpr:
			sel, ok := n.Fun.(*ast.SelectorExpr)
			if !ok || len(n.Args) == 0 {
				return true
			}
			lit, ok := n.Args[0].(*ast.BasicLit)
			switch {
			case ok && (sel.Sel.Name == "Key" || sel.Sel.Name == "FlatKey"):
				names[field], _ = strconv.Unquote(lit.Value)
			case ok && sel.Sel.Name == "EqualFold":
				wire, _ = strconv.Unquote(lit.Value)
			}
		}
		return true
	})
	return names
}
