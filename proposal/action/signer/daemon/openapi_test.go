package daemon

import (
	"flag"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/openapitest"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

var update = flag.Bool("update", false, "write openapi.json instead of comparing it")

type object = openapitest.Object

// special are the types with a form of their own.
func special(t reflect.Type) object {
	switch t {
	case reflect.TypeFor[chain.WalletID](), reflect.TypeFor[chain.Operator]():
		return object{"type": "string", "pattern": "^0x[0-9a-fA-F]{40}$"}
	case reflect.TypeFor[signer.SessionID](), reflect.TypeFor[signer.Digest]():
		return object{"type": "string", "pattern": "^[0-9a-f]{64}$"}
	case reflect.TypeFor[signer.HexBytes]():
		return object{"type": "string", "pattern": "^([0-9a-f]{2})*$"}
	case reflect.TypeFor[signer.Scheme]():
		return object{"type": "string", "enum": texts(signer.Schemes())}
	case reflect.TypeFor[signer.FeedState]():
		return object{"type": "string", "enum": texts(signer.FeedStates())}
	case reflect.TypeFor[signer.KeyState]():
		return object{"type": "string", "enum": texts([]signer.KeyState{signer.KeyPending, signer.KeyActive, signer.KeyFrozen})}
	}
	return nil
}

func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}

// describe makes the whole document from the routes and the verdicts.
func describe(t *testing.T) object {
	comments, err := openapitest.Comments("../*.go", "*.go")
	require.NoError(t, err)
	s := openapitest.Schemas{Components: object{}, Comments: comments, Special: special, NullLists: true}
	problem := object{mediaJSON: object{"schema": s.Of(reflect.TypeFor[Problem]())}}
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
		} else if _, is := r.answer.(octets); is {
			responses["200"] = object{"description": "The answer, in the feed's canonical form.", "content": object{mediaBytes: object{}}}
		} else {
			schema := s.Of(reflect.TypeOf(r.answer))
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
			operation["requestBody"] = object{"required": true, "content": object{mediaJSON: object{"schema": s.Of(reflect.TypeOf(r.body))}}}
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
		"components": object{"schemas": s.Components, "securitySchemes": object{"certificate": object{
			"type": "mutualTLS", "description": "TLS 1.3. The client's key is listed with its roles and wallets; the server's is pinned. No authority is asked.",
		}}},
	}
}

func TestOpenAPIDocumentIsThatOfTheRoutes(t *testing.T) {
	openapitest.Hold(t, describe(t), document, *update)
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
	for _, role := range roles() {
		require.Contains(t, string(page), "| `"+string(role)+"` |")
	}
}
