// Package view holds the documents that a node shows: what the API answers and what commands print with --json are the
// same structs, and the text of a command is made from them. Pure functions build them from rows of the store and
// from values of the running node.
//
// Names are snake_case and keep their meaning; new ones may be added. Heights are numbers, times RFC 3339 in UTC, bytes
// hex. What is not known is null, so that zero always means zero.
//
//	view.go, span.go, errors.go, records.go              what documents have in common; those that are made of the store alone
//	window.go, trace.go, election.go, event.go, news.go  windows: listed, in full, who leads, and as they happen
//	fault.go, score.go, verification.go                  faults, operators by their faults, what a second look at a window shows
//	evidence.go, proof.go                                what faults rest on, and whether an export proves it; proofs, comparisons
//	action.go, signing.go, keygen.go, signer.go          actions, signatures, key generations, signer backends
//	wallet.go, instances.go, peer.go, endpoint.go        wallets, siblings, the network, the chain's endpoints
//	status.go, store.go                                  whether all is well, and what the store holds
//	board.go, boardsigner.go                             what the dashboard shows
//	feed.go                                              mailboxes, their entries, and who altered some
package view

import (
	"encoding/json"
	"time"

	"github.com/walletnode/walletnode/proposal"
)

// Time writes a time as documents do; empty for the zero time.
func Time(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// moment is Time to the millisecond, for what belongs to the order in which messages came.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z07:00")
}

// pointer returns nil for the zero value, so that JSON shows null for what there is not.
func pointer[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// each builds a list, never null, of documents.
func each[A, B any](rows []A, build func(A) B) []B {
	list := make([]B, len(rows))
	for i, row := range rows {
		list[i] = build(row)
	}
	return list
}

var null = json.RawMessage("null")

// message writes a stored coordination message as the command message decode does. One that cannot be decoded is null:
// the signed bytes beside it tell the rest.
func message(payload []byte) json.RawMessage {
	m, err := proposal.DecodeMessage(payload)
	if err != nil {
		return null
	}
	out, err := proposal.MarshalMessageJSON(m)
	if err != nil {
		return null
	}
	return out
}

// fields writes the fields of a proposal, null for none.
func fields(p proposal.Proposal) json.RawMessage {
	var inner struct {
		Proposal json.RawMessage `json:"proposal"`
	}
	if p == nil {
		return null
	}
	out, err := proposal.MarshalMessageJSON(proposal.Message{Proposal: p})
	if err != nil || json.Unmarshal(out, &inner) != nil {
		return null
	}
	return inner.Proposal
}

func kindName(p proposal.Proposal) string {
	if p == nil {
		return ""
	}
	return p.Kind().String()
}
