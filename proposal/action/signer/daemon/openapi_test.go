package daemon

import (
	"encoding"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

var update = flag.Bool("update", false, "write openapi.json instead of comparing it")

type object = map[string]any

// schemas makes JSON schemas of Go types.
type schemas struct {
	components object
	comments   map[string]string // "Type" or "Type.Field" to its comment
}

func (s schemas) of(t reflect.Type) object {
	hex := func(digits int) object {
		return object{"type": "string", "pattern": "^[0-9a-f]{" + strconv.Itoa(digits) + "}$"}
	}
	switch t {
	case reflect.TypeFor[chain.WalletID](), reflect.TypeFor[chain.Operator]():
		return object{"type": "string", "pattern": "^0x[0-9a-fA-F]{40}$"}
	case reflect.TypeFor[signer.SessionID](), reflect.TypeFor[signer.Digest]():
		return hex(64)
	case reflect.TypeFor[signer.HexBytes]():
		return object{"type": "string", "pattern": "^([0-9a-f]{2})*$"}
	case reflect.TypeFor[signer.Scheme]():
		return object{"type": "string", "enum": texts(signer.Schemes())}
	case reflect.TypeFor[signer.KeyState]():
		return object{"type": "string", "enum": texts([]signer.KeyState{signer.KeyPending, signer.KeyActive, signer.KeyFrozen})}
	}
	if t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) {
		panic("no schema for " + t.String())
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 { // seats too: a byte each
			return object{"type": []string{"string", "null"}, "contentEncoding": "base64"}
		}
		return object{"type": []string{"array", "null"}, "items": s.of(t.Elem())}
	case reflect.Map:
		if t.Elem().Kind() == reflect.Interface {
			return object{"type": "object"}
		}
		return object{"type": []string{"object", "null"}, "additionalProperties": s.of(t.Elem())}
	case reflect.Struct:
		if _, known := s.components[t.Name()]; !known {
			s.components[t.Name()] = object{} // a type may hold itself
			s.components[t.Name()] = s.structure(t)
		}
		return object{"$ref": "#/components/schemas/" + t.Name()}
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		return object{"type": "integer", "minimum": 0}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer"}
	}
	panic("no schema for " + t.String())
}

func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}

func (s schemas) structure(t reflect.Type) object {
	properties, required := object{}, []string{}
	s.fields(t, properties, &required)
	slices.Sort(required)
	schema := object{"type": "object", "properties": properties, "required": required}
	if comment := s.comments[t.Name()]; comment != "" {
		schema["description"] = comment
	}
	return schema
}

// fields lists them as encoding/json does: those of an embedded struct are its holder's.
func (s schemas) fields(t reflect.Type, properties object, required *[]string) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous && f.Tag.Get("json") == "" {
			s.fields(f.Type, properties, required)
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		schema := s.of(f.Type)
		if comment := s.comments[t.Name()+"."+f.Name]; comment != "" {
			schema["description"] = comment
		}
		properties[name] = schema
		if options == "" {
			*required = append(*required, name)
		}
	}
}

// readComments reads the comments of types and fields, which reflection does not know.
func readComments(t *testing.T) map[string]string {
	comments := map[string]string{}
	var files []string
	for _, pattern := range []string{"../*.go", "*.go"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, found)
		files = append(files, found...)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		require.NoError(t, err)
		for _, d := range parsed.Decls {
			declaration, ok := d.(*ast.GenDecl)
			if !ok || declaration.Tok != token.TYPE {
				continue
			}
			for _, spec := range declaration.Specs {
				typed, _ := spec.(*ast.TypeSpec)
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
	}
	return comments
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// describe makes the whole document from the routes and the verdicts.
func describe(t *testing.T) object {
	s := schemas{object{}, readComments(t)}
	problem := object{mediaJSON: object{"schema": s.of(reflect.TypeFor[Problem]())}}
	paths := object{}
	for _, r := range routes() {
		responses := object{}
		codes := map[int][]string{}
		for _, v := range verdicts {
			if slices.Contains(r.codes, v.code) {
				codes[v.status] = append(codes[v.status], v.code)
			}
		}
		for status, list := range codes {
			answer := object{"description": "Code " + strings.Join(list, " or ") + ".", "content": problem}
			if status == http.StatusTooManyRequests {
				answer["headers"] = object{"Retry-After": object{"schema": object{"type": "integer"}, "description": "Seconds."}}
			}
			responses[strconv.Itoa(status)] = answer
		}
		if r.answer == nil {
			responses["204"] = object{"description": "Done."}
		} else {
			schema := s.of(reflect.TypeOf(r.answer))
			responses["200"] = object{"description": "The answer.", "content": object{mediaJSON: object{"schema": schema}}}
			if r.path == "/v1/health" {
				responses["507"].(object)["content"] = object{mediaJSON: object{"schema": object{"anyOf": []any{schema, problem[mediaJSON].(object)["schema"]}}}}
			}
		}
		parameters := []any{}
		for _, p := range r.parameters {
			in := map[bool]string{false: "path", true: "query"}[p.query]
			parameters = append(parameters, object{"name": p.name, "in": in, "required": !p.query, "description": p.about, "schema": object{"type": p.kind}})
		}
		operation := object{"summary": r.summary, "parameters": parameters, "responses": responses}
		if r.body != nil {
			operation["requestBody"] = object{"required": true, "content": object{mediaJSON: object{"schema": s.of(reflect.TypeOf(r.body))}}}
		}
		path, ok := paths[r.path].(object)
		if !ok {
			path = object{}
			paths[r.path] = path
		}
		path[strings.ToLower(r.method)] = operation
	}
	return object{
		"openapi": "3.1.0",
		"info": object{
			"title": "walletnode signer", "version": "1",
			"description": "What a signer backend answers to the node of its operator. Lists of bytes are base64; lists of seats too, one byte for each. Unknown fields of requests are refused. Within version 1 fields are added to answers, never renamed or removed.",
		},
		"paths": paths, "security": []any{object{"certificate": []any{}}},
		"components": object{"schemas": s.components, "securitySchemes": object{"certificate": object{
			"type": "mutualTLS", "description": "TLS 1.3. The client's key is listed with its roles and wallets; the server's is pinned. No authority is asked.",
		}}},
	}
}

func TestOpenAPIDocumentIsThatOfTheRoutes(t *testing.T) {
	want, err := json.MarshalIndent(describe(t), "", "  ")
	require.NoError(t, err)
	want = append(want, '\n')
	if *update {
		require.NoError(t, os.WriteFile("openapi.json", want, 0o644)) //nolint:gosec // a file of the project
		return
	}
	require.Equal(t, string(want), string(document), "run go test ./proposal/action/signer/daemon -run OpenAPI -update")
}

func TestEveryPathParameterIsDescribed(t *testing.T) {
	for _, r := range routes() {
		for _, m := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(r.path, -1) {
			require.True(t, slices.ContainsFunc(r.parameters, func(p parameter) bool { return p.name == m[1] && !p.query }), r.path)
		}
	}
}

func TestEveryFieldIsNamedAndDescribed(t *testing.T) {
	schemas := describe(t)["components"].(object)["schemas"].(object)
	snake := regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	require.Greater(t, len(schemas), 15)
	for name, schema := range schemas {
		for field := range schema.(object)["properties"].(object) {
			require.Regexp(t, snake, field, name)
		}
	}
}

// conforms checks the part of JSON Schema that schemas.of uses.
func conforms(doc, schema object, have any, at string) error {
	if ref, ok := schema["$ref"].(string); ok {
		return conforms(doc, doc["components"].(object)["schemas"].(object)[strings.TrimPrefix(ref, "#/components/schemas/")].(object), have, at)
	}
	if some, ok := schema["anyOf"].([]any); ok {
		var err error
		for _, one := range some {
			if err = conforms(doc, one.(object), have, at); err == nil {
				return nil
			}
		}
		return err
	}
	kinds, many := schema["type"].([]any)
	if !many {
		kinds = []any{schema["type"]}
	}
	kind, ok := map[reflect.Kind]string{
		reflect.Invalid: "null", reflect.Bool: "boolean", reflect.Float64: "integer", reflect.String: "string", reflect.Slice: "array", reflect.Map: "object",
	}[reflect.ValueOf(have).Kind()]
	if !ok || !slices.Contains(kinds, any(kind)) {
		return fmt.Errorf("%s: %v is not %v", at, have, schema)
	}
	switch have := have.(type) {
	case string:
		if enum, ok := schema["enum"].([]any); ok && !slices.Contains(enum, any(have)) {
			return fmt.Errorf("%s: %q is none of %v", at, have, enum)
		}
		if pattern, ok := schema["pattern"].(string); ok && !regexp.MustCompile(pattern).MatchString(have) {
			return fmt.Errorf("%s: %q is not %s", at, have, pattern)
		}
	case []any:
		for i, item := range have {
			if err := conforms(doc, schema["items"].(object), item, fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
	case object:
		return conformsObject(doc, schema, have, at)
	}
	return nil
}

func conformsObject(doc, schema, have object, at string) error {
	required, _ := schema["required"].([]any)
	for _, name := range required {
		if _, there := have[name.(string)]; !there {
			return fmt.Errorf("%s: %v is missing", at, name)
		}
	}
	properties, _ := schema["properties"].(object)
	for name, field := range have {
		property, known := properties[name].(object)
		if !known {
			property, known = schema["additionalProperties"].(object)
		}
		if !known && properties != nil {
			return fmt.Errorf("%s: unknown field %s", at, name)
		}
		if known {
			if err := conforms(doc, property, field, at+"."+name); err != nil {
				return err
			}
		}
	}
	return nil
}

// The checker itself must see what is wrong.
func TestConformsFindsWhatDiffers(t *testing.T) {
	var doc object
	require.NoError(t, json.Unmarshal(document, &doc))
	term := object{"$ref": "#/components/schemas/Term"}
	require.NoError(t, conforms(doc, term, object{"generation": 1.0, "epoch": 0.0}, ""))
	for _, bad := range []any{nil, "x", object{"generation": 1.0}, object{"generation": "1", "epoch": 0.0}, object{"generation": 1.0, "epoch": 0.0, "more": 1.0}} {
		require.Error(t, conforms(doc, term, bad, ""))
	}
	require.Error(t, conforms(doc, object{"type": "string", "pattern": "^a$"}, "b", ""))
	require.Error(t, conforms(doc, object{"type": "string", "enum": []any{"a"}}, "b", ""))
	require.Error(t, conforms(doc, object{"type": "array", "items": object{"type": "string"}}, []any{1.0}, ""))
}

// The page for operators has every status and code, and no other.
func TestTheManualHasEveryCode(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/signer.md")
	require.NoError(t, err)
	told := map[string]int{}
	for _, row := range regexp.MustCompile(`(?m)^\| (\d{3}) \| ([^|]*) \|`).FindAllStringSubmatch(string(page), -1) {
		status, err := strconv.Atoi(row[1])
		require.NoError(t, err)
		for _, code := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(row[2], -1) {
			told[code[1]] = status
		}
	}
	want := map[string]int{}
	for _, v := range verdicts {
		want[v.code] = v.status
	}
	require.Equal(t, want, told)
	for _, role := range Roles() {
		require.Contains(t, string(page), "| `"+string(role)+"` |")
	}
}
