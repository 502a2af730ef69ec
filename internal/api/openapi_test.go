package api

import (
	"encoding/json"
	"flag"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/openapitest"
	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/internal/view"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
)

var update = flag.Bool("update", false, "write openapi.json instead of comparing it")

type object = openapitest.Object

// special are the types with a form of their own.
func special(t reflect.Type) object {
	switch t {
	case reflect.TypeFor[chain.WalletID](), reflect.TypeFor[chain.Operator]():
		return object{"type": "string", "pattern": "^0x[0-9a-fA-F]{40}$"}
	case reflect.TypeFor[feedclient.PublicKey]():
		return object{"type": "string", "pattern": "^[0-9a-f]{64}$"}
	case reflect.TypeFor[chain.Hash]():
		return object{"type": "string", "pattern": "^0x[0-9a-f]{64}$"}
	case reflect.TypeFor[faults.Kind]():
		return object{"type": "string", "enum": texts(faults.Kinds())}
	case reflect.TypeFor[coordination.Reason]():
		return object{"type": "string", "enum": texts(coordination.Reasons())}
	}
	return nil
}

// describe makes the whole document from the routes.
func describe(t *testing.T) object {
	comments, err := openapitest.Comments("../view/*.go", "*.go", "../../faults/faults.go", "../../net/client/directory.go", "../../net/client/signature.go", "../../net/client/wallet.go", "../../net/feed/client/*.go")
	require.NoError(t, err)
	s := openapitest.Schemas{Components: object{}, Comments: comments, Special: special}
	paths := object{}
	for _, r := range routes() {
		parameters := []any{}
		for _, p := range r.parameters {
			parameters = append(parameters, describeParameter(r, p))
		}
		content := func(doc any) object {
			return object{r.media: object{"schema": s.Of(reflect.TypeOf(doc))}}
		}
		problem := object{"description": "Why there is no answer.", "content": object{mediaJSON: object{"schema": s.Of(reflect.TypeFor[Problem]())}}}
		responses := object{"200": object{"description": "The answer.", "content": content(r.answer)}, "default": problem}
		if r.kept {
			responses["200"].(object)["headers"] = object{staleHeader: object{
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
			"title": "walletnode", "version": "1",
			"description": "The API of a running walletnode, on a unix socket, a loopback address, or for other machines with a token. Within version 1 fields are added, never renamed or removed.",
		},
		"servers":    []any{object{"url": "http://localhost"}},
		"paths":      paths,
		"security":   []any{object{}, object{"token": []any{}}},
		"components": object{"schemas": s.Components, "securitySchemes": object{"token": object{"type": "http", "scheme": "bearer"}}},
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
	openapitest.Hold(t, describe(t), document, *update)
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
	w.Feeds = newMailroom(t)
	bodies := map[string]string{
		"/v1/feed/mailboxes/{mailbox}/acknowledge": `{"number":0}`, "/v1/feed/mailboxes/{mailbox}/move": `{"to":"beta"}`,
		"/v1/log-level": `{"subsystem":"net","level":"debug"}`, "/v1/bans": `{"operator":"` + banned + `"}`,
		"/v1/signers/{id}/state": `{"state":"retired","rekey":true}`, "/v1/signers/{id}/wallets": `{"wallet":"` + id + `"}`,
		"/v1/keygens": `{"operators":["` + banned + `"],"seats":[3],"threshold":2,"scheme":"cmp"}`,
	}
	replace := strings.NewReplacer(
		"/proofs/{id}", "/proofs/"+sampleProof(t, "two-statements").ID(), "/compare/{operator}", "/compare/"+banned,
		"/windows/{block}", "/windows/3600", "/faults/{id}", "/faults/"+w.fault.ID(), "/wallets/{id}", "/wallets/"+id, "/peers/{id}/ping", "/peers/p/ping", "/peers/{id}", "/peers/"+w.live.Peers().Peers[0].ID,
		"/instances/{id}", "/instances/b", "/signers/{id}", "/signers/enclave-1", "/keygens/{session}", "/keygens/"+someSession.String(), "/bans/{subject}", "/bans/"+banned,
		"/proposals/{block}", "/proposals/3600", "/actions/{block}/retry", "/actions/3600/retry?wallet="+id, "/actions/{block}", "/actions/3600", "/endpoints/{name}", "/endpoints/primary", "/mailboxes/{mailbox}", "/mailboxes/a",
		"/v1/explain", "/v1/explain?window=900&wallet="+id)
	for path, operations := range doc["paths"].(object) {
		for method, operation := range operations.(object) {
			body := ""
			if operation.(object)["requestBody"] != nil {
				body = bodies[path]
			}
			if path == "/v1/windows/watch" || path == "/v1/feed/mailboxes/{mailbox}" {
				continue // they have tests of their own
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
				require.NoError(t, openapitest.Conforms(doc, content[media].(object)["schema"].(object), have, "answer"))
			})
		}
	}
	open := w.send(t, http.MethodGet, "/v1/windows/4500", "") // with what we said ourselves
	var have any
	require.NoError(t, json.Unmarshal(open.Body.Bytes(), &have))
	require.NoError(t, openapitest.Conforms(doc, object{"$ref": "#/components/schemas/Trace"}, have, "answer"))
}

func TestLinesOfAMailboxHaveTheFormThatTheDocumentSays(t *testing.T) {
	var doc object
	require.NoError(t, json.Unmarshal(document, &doc))
	for _, line := range []feedclient.Line{
		{Begin: &feedclient.Begin{Mailbox: "a", Instance: "alpha", Number: 7, Acknowledged: 6}},
		{Entry: []byte{1}, Payload: []byte{2}},
		{Seal: []byte{1}, Subscriptions: []byte{2}},
		{Handover: []byte{1}},
		{End: &feedclient.End{Code: feedclient.EndMoved, Message: "to beta"}},
	} {
		raw, err := marshal(line)
		require.NoError(t, err)
		var have any
		require.NoError(t, json.Unmarshal(raw, &have))
		require.NoError(t, openapitest.Conforms(doc, object{"$ref": "#/components/schemas/Line"}, have, ""))
	}
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
		require.NoError(t, openapitest.Conforms(doc, object{"$ref": "#/components/schemas/Event"}, have, ""))
	}
}
