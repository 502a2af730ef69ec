package api

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
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/internal/view"
)

var update = flag.Bool("update", false, "write openapi.json instead of comparing it")

type object = map[string]any

// schemas makes JSON schemas of Go types.
type schemas struct {
	components object
	comments   map[string]string // "Type" or "Type.Field" to its comment
}

var textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()

func (s schemas) of(t reflect.Type) object {
	switch t {
	case reflect.TypeFor[json.RawMessage]():
		return object{}
	case reflect.TypeFor[chain.WalletID](), reflect.TypeFor[chain.Operator]():
		return object{"type": "string", "pattern": "^0x[0-9a-fA-F]{40}$"}
	case reflect.TypeFor[chain.Hash]():
		return object{"type": "string", "pattern": "^0x[0-9a-f]{64}$"}
	case reflect.TypeFor[faults.Kind]():
		return object{"type": "string", "enum": texts(faults.Kinds())}
	case reflect.TypeFor[coordination.Reason]():
		return object{"type": "string", "enum": texts(coordination.Reasons())}
	}
	if t.Kind() != reflect.Pointer && t.Implements(textMarshaler) {
		return object{"type": "string"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return object{"anyOf": []any{s.of(t.Elem()), object{"type": "null"}}}
	case reflect.Slice:
		return object{"type": "array", "items": s.of(t.Elem())}
	case reflect.Map:
		if t.Elem().Kind() == reflect.Interface {
			return object{"type": "object"}
		}
		return object{"type": "object", "additionalProperties": s.of(t.Elem())}
	case reflect.Struct:
		if t.Name() == "" {
			return s.structure(t, "Problem")
		}
		if _, known := s.components[t.Name()]; !known {
			s.components[t.Name()] = object{} // a type may hold itself
			s.components[t.Name()] = s.structure(t, t.Name())
		}
		return object{"$ref": "#/components/schemas/" + t.Name()}
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.Uint8, reflect.Uint64:
		return object{"type": "integer", "minimum": 0}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer"}
	default:
		panic("no schema for " + t.String())
	}
}

func (s schemas) structure(t reflect.Type, name string) object {
	properties, required := object{}, []string{}
	for _, f := range s.flatten(t, name) {
		properties[f.name] = f.schema
		if !f.optional {
			required = append(required, f.name)
		}
	}
	slices.Sort(required)
	schema := object{"type": "object", "properties": properties, "required": required}
	if comment := s.comments[name]; comment != "" {
		schema["description"] = comment
	}
	return schema
}

type property struct {
	name     string
	schema   object
	optional bool
}

// flatten lists the fields as encoding/json does: those of an embedded struct are its holder's.
func (s schemas) flatten(t reflect.Type, owner string) []property {
	var all []property
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous && f.Tag.Get("json") == "" {
			all = append(all, s.flatten(f.Type, f.Type.Name())...)
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		schema := s.of(f.Type)
		if comment := s.comments[owner+"."+f.Name]; comment != "" {
			schema["description"] = comment
		}
		all = append(all, property{name, schema, options == "omitempty"})
	}
	return all
}

// readComments reads the comments of types and fields, which reflection does not know.
func readComments(t *testing.T, patterns ...string) map[string]string {
	comments := map[string]string{}
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
			require.NoError(t, err)
			ast.Inspect(parsed, func(n ast.Node) bool {
				declaration, ok := n.(*ast.GenDecl)
				if !ok || declaration.Tok != token.TYPE {
					return true
				}
				for _, spec := range declaration.Specs {
					typed := spec.(*ast.TypeSpec) //nolint:forcetypeassert // a declaration of types
					structure, ok := typed.Type.(*ast.StructType)
					if !ok {
						continue
					}
					comments[typed.Name.Name] = oneLine(declaration.Doc)
					for _, field := range structure.Fields.List {
						for _, name := range field.Names {
							comments[typed.Name.Name+"."+name.Name] = oneLine(field.Comment)
						}
					}
				}
				return true
			})
		}
	}
	return comments
}

func oneLine(group *ast.CommentGroup) string {
	return strings.Join(strings.Fields(group.Text()), " ")
}

// describe makes the whole document from the routes.
func describe(t *testing.T) object {
	s := schemas{object{}, readComments(t, "../view/*.go", "*.go", "../../faults/faults.go", "../../net/client/directory.go", "../../net/client/wallet.go")}
	paths := object{}
	for _, r := range routes() {
		parameters := []any{}
		for _, p := range r.parameters {
			parameters = append(parameters, describeParameter(r, p))
		}
		content := func(doc any) object {
			return object{r.media: object{"schema": s.of(reflect.TypeOf(doc))}}
		}
		problem := object{"description": "Why there is no answer.", "content": object{mediaJSON: object{"schema": s.of(reflect.TypeFor[Problem]())}}}
		responses := object{"200": object{"description": "The answer.", "content": content(r.answer)}, "default": problem}
		if r.kept {
			responses["200"].(object)["headers"] = object{StaleHeader: object{
				"description": "How many seconds ago this was so: the database does not answer. Absent in an answer of now.",
				"schema":      object{"type": "integer", "minimum": 0},
			}}
		}
		if r.path == "/readyz" {
			responses["503"] = object{"description": "Some check is not ok.", "content": content(r.answer)}
		}
		if r.elsewhere != nil {
			responses["307"] = object{"description": "Another instance answers this.", "content": content(r.elsewhere)}
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
			"title": "walletnode", "version": "1",
			"description": "The API of a running walletnode, on a unix socket, a loopback address, or for other machines with a token. Within version 1 fields are added, never renamed or removed.",
		},
		"servers":    []any{object{"url": "http://localhost"}},
		"paths":      paths,
		"security":   []any{object{}, object{"token": []any{}}},
		"components": object{"schemas": s.components, "securitySchemes": object{"token": object{"type": "http", "scheme": "bearer"}}},
	}
}

func describeParameter(r route, p parameter) object {
	schema := object{"type": p.kind}
	if p.enum != nil {
		schema["enum"] = p.enum
	}
	if p.many {
		schema = object{"type": "array", "items": schema}
	}
	in := "query"
	if strings.Contains(r.path, "{"+p.name+"}") {
		in = "path"
	}
	return object{"name": p.name, "in": in, "required": p.required, "description": p.about, "schema": schema}
}

func TestOpenAPIDocumentIsThatOfTheRoutes(t *testing.T) {
	want, err := json.MarshalIndent(describe(t), "", "  ")
	require.NoError(t, err)
	want = append(want, '\n')
	if *update {
		require.NoError(t, os.WriteFile("openapi.json", want, 0o644)) //nolint:gosec // a file of the project
		return
	}
	require.Equal(t, string(want), string(document), "run go test ./internal/api -run OpenAPI -update")
}

func TestEveryPathParameterIsDescribed(t *testing.T) {
	for _, r := range routes() {
		for _, m := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(r.path, -1) {
			require.True(t, slices.ContainsFunc(r.parameters, func(p parameter) bool { return p.name == m[1] && p.required }), r.path)
		}
		require.NotEmpty(t, r.summary, r.path)
	}
}

// Every operation of the document is asked for once, and what it answers must have the form that the document says, with no
// field that it does not know.
func TestAnswersHaveTheFormThatTheDocumentSays(t *testing.T) {
	w := newWorld(t)
	var doc object
	require.NoError(t, json.Unmarshal(document, &doc))
	id, banned := w.live.wallet.ID().String(), chain.Operator{8}.String()
	w.cluster.bans = []shared.Ban{{Operator: chain.Operator{8}}, {Operator: chain.Operator{9}}}
	w.cluster.halts = []view.Halt{{Wallet: w.live.wallet.ID()}}
	bodies := map[string]string{
		"/v1/log-level": `{"subsystem":"net","level":"debug"}`, "/v1/bans": `{"operator":"` + banned + `"}`,
		"/v1/signers/{id}/state": `{"state":"retired","rekey":true}`,
		"/v1/keygens":            `{"operators":["` + banned + `"],"seats":[3],"threshold":2,"scheme":"cmp"}`,
	}
	replace := strings.NewReplacer(
		"/windows/{block}", "/windows/3600", "/faults/{id}", "/faults/"+w.fault.ID(), "/wallets/{id}", "/wallets/"+id, "/peers/{id}/ping", "/peers/p/ping", "/peers/{id}", "/peers/"+w.live.Peers().Peers[0].ID,
		"/instances/{id}", "/instances/b", "/signers/{id}", "/signers/enclave-1", "/keygens/{session}", "/keygens/"+someSession.String(), "/bans/{subject}", "/bans/"+banned,
		"/proposals/{block}", "/proposals/3600", "/actions/{block}/retry", "/actions/3600/retry?wallet="+id, "/actions/{block}", "/actions/3600", "/endpoints/{name}", "/endpoints/primary",
		"/v1/explain", "/v1/explain?window=900&wallet="+id)
	for path, operations := range doc["paths"].(object) {
		for method, operation := range operations.(object) {
			body := ""
			if operation.(object)["requestBody"] != nil {
				body = bodies[path]
			}
			if path == "/v1/windows/watch" {
				continue // it has a test of its own
			}
			t.Run(method+path, func(t *testing.T) {
				answer := w.send(t, strings.ToUpper(method), replace.Replace(path), body)
				require.Equal(t, http.StatusOK, answer.Code, "%s", answer.Body)
				media := answer.Header().Get("Content-Type")
				content := operation.(object)["responses"].(object)["200"].(object)["content"].(object)
				require.Contains(t, content, media)
				if media != mediaJSON {
					return
				}
				var have any
				require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &have))
				require.NoError(t, conforms(doc, content[media].(object)["schema"].(object), have, "answer"))
			})
		}
	}
	open := w.send(t, http.MethodGet, "/v1/windows/4500", "") // with what we said ourselves
	var have any
	require.NoError(t, json.Unmarshal(open.Body.Bytes(), &have))
	require.NoError(t, conforms(doc, object{"$ref": "#/components/schemas/Trace"}, have, "answer"))
}

// conforms checks the part of JSON Schema that schemas.of uses. Unknown fields are refused.
func conforms(doc, schema object, have any, at string) error {
	if ref, ok := schema["$ref"].(string); ok {
		name := strings.TrimPrefix(ref, "#/components/schemas/")
		return conforms(doc, doc["components"].(object)["schemas"].(object)[name].(object), have, at)
	}
	if any, ok := schema["anyOf"].([]any); ok {
		var err error
		for _, one := range any {
			if err = conforms(doc, one.(object), have, at); err == nil {
				return nil
			}
		}
		return err
	}
	wrong := fmt.Errorf("%s: %v is not %v", at, have, schema)
	switch schema["type"] {
	case nil:
		return nil
	case "null":
		if have != nil {
			return wrong
		}
	case "boolean":
		if _, ok := have.(bool); !ok {
			return wrong
		}
	case "number", "integer":
		n, ok := have.(float64)
		if !ok || schema["type"] == "integer" && n != float64(int64(n)) || schema["minimum"] != nil && n < schema["minimum"].(float64) {
			return wrong
		}
	case "string":
		text, ok := have.(string)
		if !ok {
			return wrong
		}
		if enum, ok := schema["enum"].([]any); ok && !slices.Contains(enum, any(text)) {
			return wrong
		}
		if pattern, ok := schema["pattern"].(string); ok && !regexp.MustCompile(pattern).MatchString(text) {
			return wrong
		}
	case "array":
		list, ok := have.([]any)
		if !ok {
			return wrong
		}
		for i, item := range list {
			if err := conforms(doc, schema["items"].(object), item, fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
	case "object":
		return conformsObject(doc, schema, have, at)
	}
	return nil
}

func conformsObject(doc, schema object, have any, at string) error {
	fields, ok := have.(object)
	if !ok {
		return fmt.Errorf("%s: %v is no object", at, have)
	}
	properties, described := schema["properties"].(object)
	if required, ok := schema["required"].([]any); ok {
		for _, name := range required {
			if _, there := fields[name.(string)]; !there {
				return fmt.Errorf("%s: %v is missing", at, name)
			}
		}
	}
	for name, field := range fields {
		property, known := properties[name].(object)
		if !known {
			property, known = schema["additionalProperties"].(object)
		}
		if !known && described {
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
	check := object{"$ref": "#/components/schemas/Check"}
	good := object{"name": "x", "ok": true, "reason": "", "current": "", "required": ""}
	require.NoError(t, conforms(doc, check, good, ""))
	for name, bad := range map[string]any{"ok": "yes", "name": nil, "current": 1.0} {
		changed := object{}
		for k, v := range good {
			changed[k] = v
		}
		changed[name] = bad
		require.Error(t, conforms(doc, check, changed, ""), name)
	}
	require.ErrorContains(t, conforms(doc, check, object{"name": "x"}, ""), "is missing")
	good["more"] = 1.0
	require.ErrorContains(t, conforms(doc, check, good, ""), "unknown field more")
	require.Error(t, conforms(doc, object{"type": "string", "pattern": "^a$"}, "b", ""))
	require.Error(t, conforms(doc, object{"type": "integer"}, 1.5, ""))
}

func TestWatchedEventsHaveTheFormThatTheDocumentSays(t *testing.T) {
	w := newWorld(t)
	var doc object
	require.NoError(t, json.Unmarshal(document, &doc))
	window, _ := coordination.RFC12().Window(900)
	for _, event := range []view.Event{
		view.NewOpening(coordination.Opened{Block: 900, At: 901}, "now"),
		view.NewEvent(coordination.Result{Window: window, Reason: coordination.ReasonLeaderIdle, Faults: []faults.Fault{w.fault}}, "now"),
		view.NewEvent(coordination.Amendment{Window: window, Fault: w.fault, Revoke: true}, "now"),
		view.NewDropped("now"),
		view.NewGap("then", "now"),
	} {
		raw, err := marshal(event)
		require.NoError(t, err)
		var have any
		require.NoError(t, json.Unmarshal(raw, &have))
		require.NoError(t, conforms(doc, object{"$ref": "#/components/schemas/Event"}, have, ""))
	}
}
