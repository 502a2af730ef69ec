package daemon

import (
	"context"
	"net/http"
	"slices"

	"github.com/walletnode/walletnode/proposal/action/signer"
)

// GenerateBody asks for one round of a key generation; session and round stand in the path.
type GenerateBody struct {
	Term signer.Term     `json:"term"`
	Open *signer.Opening `json:"open,omitempty"` // in round 1, nowhere else
	In   [][]byte        `json:"in,omitempty"`   // signed pubsub messages of the round before, one for each other operator
}

// SignBody asks for one round of a signing session; session and round stand in the path.
type SignBody struct {
	Term signer.Term      `json:"term"`
	Open *signer.SignOpen `json:"open,omitempty"` // in round 1, nowhere else
	In   [][]byte         `json:"in,omitempty"`   // signed pubsub messages of the round before, one for each other operator that signs
}

// SealKey is what others seal to.
type SealKey struct {
	SealTo signer.PublicKey `json:"seal_to"` // X25519, 32 bytes
}

// KeyList is a page of keys. One that is shorter than the limit is the last.
type KeyList struct {
	Keys []signer.Key `json:"keys"`
}

// route is one operation. The server's handlers and the OpenAPI document are both made from the list.
type route struct {
	method, path string
	summary      string
	parameters   []parameter
	body         any // of a request, a value of its type; nil for none
	answer       any // a value of the document's type; nil for an empty answer, 204
	codes        []string
	alone        bool // the backend has no part in it
	handle       func(s *Server, ctx context.Context, c client, q request) (any, error)
}

// parameter is a parameter of the path or the query.
type parameter struct {
	name, about, kind string
	query             bool
}

// Most of what a request may ask for.
const (
	maxRounds   = 64   // of a session; today's schemes have at most 9
	maxPage     = 1000 // keys
	defaultPage = 100
)

var (
	walletParameter  = parameter{name: "wallet", kind: "string", about: "Public key hash of a wallet."}
	sessionParameter = parameter{name: "session", kind: "string", about: "Session: 64 hex digits."}
	roundParameter   = parameter{name: "r", kind: "integer", about: "Round, counted from 1."}
)

var (
	// alwaysCodes can be the answer to anything; ofBackend to what the backend is asked for; ofSessions to rounds.
	alwaysCodes = []string{"forbidden", "malformed", "busy"}
	ofBackend   = []string{"sealed", "store_failed", codeFailed}
	ofSessions  = []string{"unknown_key", "unknown_session", "conflict", "split", "session_gone", codeRefused, "frozen"}
)

// routes lists every operation.
func routes() []route {
	list := []route{
		{
			path: "/v1/health", summary: "Whether the backend can work. Any listed client may ask. 507 has the same document where the backend says itself that it cannot write.",
			answer: signer.Health{}, handle: (*Server).health,
		},
		{
			path: "/v1/keys", summary: "The keys in the order of their names: those that the client may touch. Role read.", answer: KeyList{}, handle: (*Server).keys,
			parameters: []parameter{
				{name: "after", kind: "string", query: true, about: "Only keys after this wallet; the first ones unless given."},
				{name: "limit", kind: "integer", query: true, about: "At most so many: 1 to 1000, 100 unless given."},
			},
		},
		{
			path: "/v1/keys/{wallet}", summary: "One key with its roster and verification shares. Role read.", answer: signer.KeyDetail{}, handle: (*Server).key,
			parameters: []parameter{walletParameter}, codes: []string{"unknown_key"},
		},
		{
			path: "/v1/keys/{wallet}/brief", summary: "One key as the list has it. Role read.", answer: signer.Key{}, handle: (*Server).brief,
			parameters: []parameter{walletParameter}, codes: []string{"unknown_key"},
		},
		{
			method: http.MethodPost, path: "/v1/keys/{wallet}/dkg/{session}/round/{r}", body: GenerateBody{}, answer: signer.RoundReply{}, handle: (*Server).generate,
			summary:    "One round of a key generation. The wallet is the session's placeholder: its first 20 bytes. A round that was answered is answered with the same again. Role dkg.",
			parameters: []parameter{walletParameter, sessionParameter, roundParameter}, codes: ofSessions,
		},
		{
			path: "/v1/keys/{wallet}/dkg/{session}", answer: SealKey{}, handle: (*Server).sealTo,
			summary:    "What others seal to for this backend in a key generation; its operator signs it when it accepts. The same each time. The wallet is the session's placeholder. Role dkg.",
			parameters: []parameter{walletParameter, sessionParameter},
		},
		{
			method: http.MethodPost, path: "/v1/keys/{wallet}/state", body: signer.StateChange{}, handle: (*Server).setState,
			summary:    "Freezes a key, or puts it to use. Role admin; dkg suffices to put to use what is not frozen, and to freeze what is pending; dkg or sign to freeze as rolled_back.",
			parameters: []parameter{walletParameter}, codes: []string{"unknown_key", "conflict", codeRefused, "frozen"},
		},
		{
			method: http.MethodPost, path: "/v1/sign/{session}/round/{r}", body: SignBody{}, answer: signer.RoundReply{}, handle: (*Server).sign,
			summary:    "One round of a signing session. A round that was answered is answered with the same again. Role sign.",
			parameters: []parameter{sessionParameter, roundParameter}, codes: ofSessions,
		},
		{
			path: "/v1/sign/{session}", summary: "How far a session has come, with the newest stored reply; key generations too. Role sign, or dkg.", answer: signer.SessionState{},
			handle: (*Server).session, parameters: []parameter{sessionParameter}, codes: []string{"unknown_session"},
		},
		{
			method: http.MethodPost, path: "/v1/sign/{session}/abort", summary: "Forgets a session's secrets; key generations too. Role sign, or dkg.",
			handle: (*Server).abort, parameters: []parameter{sessionParameter},
		},
		{
			path: "/v1/protection/{wallet}", summary: "What the backend remembers so that it never signs twice. Role read.", answer: signer.Protection{}, handle: (*Server).protection,
			parameters: []parameter{walletParameter}, codes: []string{"unknown_key"},
		},
		{
			path: "/v1/feed/trail", answer: octets(nil), alone: true, handle: (*Server).trail, codes: []string{"not_kept"},
			summary: "What the signer keeps of its mailbox of the operator's feed, epoch by epoch, for another signer who compares. Role read.",
			parameters: []parameter{
				{name: "instance", kind: "string", query: true, about: "Whose feed; that of who had the signer's mailbox in the first epoch unless given."},
				{name: "mailbox", kind: "string", query: true, about: "The mailbox of who compares."},
				{name: "from", kind: "integer", query: true, about: "The first epoch."},
				{name: "whole", kind: "integer", query: true, about: "The first epoch that who compares keeps whole."},
			},
		},
		{
			path: "/v1/feed/epoch", answer: octets(nil), alone: true, handle: (*Server).epoch, codes: []string{"not_kept"},
			summary: "One epoch as the signer keeps it, for another signer who compares. Role read.",
			parameters: []parameter{
				{name: "instance", kind: "string", query: true, about: "Whose feed."},
				{name: "epoch", kind: "integer", query: true, about: "Which epoch."},
				{name: "after", kind: "integer", query: true, about: "Only entries after this number, at most 16384; the first ones unless given."},
			},
		},
		{path: "/openapi.json", summary: "This document. Any listed client may ask.", answer: map[string]any{}, handle: (*Server).openAPI, alone: true},
	}
	for i := range list {
		r := &list[i]
		if r.method == "" {
			r.method = http.MethodGet
		}
		r.codes = slices.Concat(r.codes, alwaysCodes)
		if !r.alone {
			r.codes = append(r.codes, ofBackend...)
		}
		if r.body != nil {
			r.codes = append(r.codes, "too_large")
		}
	}
	return list
}
