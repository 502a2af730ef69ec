// Package openapitest makes the schemas of OpenAPI documents from Go types, and checks values against such documents. It is for
// the tests that hold a document against its routes and its answers.
package openapitest

import (
	"encoding"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// Object is a JSON object.
type Object = map[string]any

// Schemas makes JSON schemas of Go types as encoding/json writes them.
type Schemas struct {
	Components Object            // gets each named struct, by its name
	Comments   map[string]string // "Type" or "Type.Field" to its comment, as Comments reads them
	// Special returns the schema of a type with a form of its own, such as one that writes itself as text; nil for all others.
	Special func(reflect.Type) Object
	// NullLists has lists and maps be null where they are empty, and pointers left out where they are nil. Else lists and maps
	// are always written, and pointers are null.
	NullLists bool
}

// Of returns the schema of a type. It panics if a type has none, which is the document's author's to mend.
func (s Schemas) Of(t reflect.Type) Object {
	if special := s.Special(t); special != nil {
		return special
	}
	switch {
	case t == reflect.TypeFor[json.RawMessage]():
		return Object{}
	case t.Kind() != reflect.Pointer && t.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return Object{"type": "string"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		if s.NullLists {
			return s.Of(t.Elem())
		}
		return Object{"anyOf": []any{s.Of(t.Elem()), Object{"type": "null"}}}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return Object{"type": s.perhaps("string"), "contentEncoding": "base64"}
		}
		return Object{"type": s.perhaps("array"), "items": s.Of(t.Elem())}
	case reflect.Map:
		if t.Elem().Kind() == reflect.Interface {
			return Object{"type": "object"}
		}
		return Object{"type": s.perhaps("object"), "additionalProperties": s.Of(t.Elem())}
	case reflect.Struct:
		if t.Name() == "" {
			return s.structure(t)
		}
		if _, known := s.Components[t.Name()]; !known {
			s.Components[t.Name()] = Object{} // a type may hold itself
			s.Components[t.Name()] = s.structure(t)
		}
		return Object{"$ref": "#/components/schemas/" + t.Name()}
	case reflect.String:
		return Object{"type": "string"}
	case reflect.Bool:
		return Object{"type": "boolean"}
	case reflect.Float64:
		return Object{"type": "number"}
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		return Object{"type": "integer", "minimum": 0}
	case reflect.Int, reflect.Int64:
		return Object{"type": "integer"}
	}
	panic("no schema for " + t.String())
}

// perhaps is a type that may be null where empty lists are.
func (s Schemas) perhaps(name string) any {
	if s.NullLists {
		return []string{name, "null"}
	}
	return name
}

func (s Schemas) structure(t reflect.Type) Object {
	properties, required := Object{}, []string{}
	s.fields(t, properties, &required)
	slices.Sort(required)
	schema := Object{"type": "object", "properties": properties, "required": required}
	if comment := s.Comments[t.Name()]; comment != "" {
		schema["description"] = comment
	}
	return schema
}

// fields lists them as encoding/json does: those of an embedded struct are its holder's.
func (s Schemas) fields(t reflect.Type, properties Object, required *[]string) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous && f.Tag.Get("json") == "" {
			s.fields(f.Type, properties, required)
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" { // it is not told
			continue
		}
		schema := s.Of(f.Type)
		if comment := s.Comments[t.Name()+"."+f.Name]; comment != "" {
			schema["description"] = comment
		}
		properties[name] = schema
		if options == "" {
			*required = append(*required, name)
		}
	}
}

// Comments reads the comments of structs and their fields in Go files, which reflection does not know. Each pattern must match.
func Comments(patterns ...string) (map[string]string, error) {
	comments := map[string]string{}
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			return nil, fmt.Errorf("no Go file is called %s: %w", pattern, err)
		}
		for _, file := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
			if err != nil {
				return nil, err
			}
			for _, d := range parsed.Decls {
				if declaration, ok := d.(*ast.GenDecl); ok && declaration.Tok == token.TYPE {
					read(declaration, comments)
				}
			}
		}
	}
	return comments, nil
}

func read(declaration *ast.GenDecl, comments map[string]string) {
	for _, spec := range declaration.Specs {
		typed := spec.(*ast.TypeSpec) //nolint:forcetypeassert // a declaration of types
		structure, ok := typed.Type.(*ast.StructType)
		if !ok {
			continue
		}
		comments[typed.Name.Name] = oneLine(declaration.Doc.Text())
		for _, field := range structure.Fields.List {
			for _, name := range field.Names {
				comments[typed.Name.Name+"."+name.Name] = oneLine(field.Doc.Text() + " " + field.Comment.Text())
			}
		}
	}
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
