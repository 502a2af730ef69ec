package api

import (
	"net/http"

	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/client"
)

// route is one operation of the API. The server's handlers and the OpenAPI document are both made from the list.
type route struct {
	method, path string
	summary      string
	parameters   []parameter
	body         any // of a request, a value of its type; nil for none
	answer       any // a value of the document's type
	elsewhere    any // of a redirect, nil where there is none
	media        string
	handle       handler
	alone        bool // not counted among the requests that are answered at once
	kept         bool // while the database is away the last answer is given, with staleHeader

	right          Right // what a subscriber of the feed needs for it; none: it is not for them,
	forSubscribers bool  // unless it is for all of them
}

// handler returns the document, nil if it has answered by itself.
type handler func(s *Server, w http.ResponseWriter, r *http.Request, q *query) (any, error)

const (
	mediaJSON  = "application/json"
	mediaLines = "application/x-ndjson"
	mediaText  = "text/plain; charset=utf-8"
)

// parameter is a parameter of the path or the query.
type parameter struct {
	name, about string
	kind        string // integer, boolean or string
	enum        []string
	required    bool
	many        bool
}

var (
	walletParameter = parameter{name: "wallet", kind: "string", about: "Public key hash of a wallet."}
	rangeParameters = []parameter{
		walletParameter,
		{name: "from", kind: "integer", about: "Only windows from this coordination block on."},
		{name: "to", kind: "integer", about: "Only windows up to this coordination block."},
	}
	limitParameter  = parameter{name: "limit", kind: "integer", about: "At most so many rows, newest first: 1 to 1000, 100 unless given."}
	faultParameters = append([]parameter{
		{name: "kind", kind: "string", enum: texts(faults.Kinds()), about: "Only faults of this kind."},
		{name: "culprit", kind: "string", about: "Only faults of the operator with this address (EIP-55)."},
		{name: "attributed", kind: "boolean", about: "Only accusations, or only what is recorded without one."},
	}, rangeParameters...)
	endpointParameter = parameter{name: "name", kind: "string", required: true, about: "Name of a chain endpoint, as configured."}

	instanceParameter = parameter{name: "id", kind: "string", required: true, about: "Name of an instance."}
	ownedParameter    = parameter{name: "id", kind: "string", required: true, about: "Public key hash of the wallet."}

	peerParameter = parameter{name: "id", kind: "string", required: true, about: "Peer ID."}

	blockParameter = parameter{name: "block", kind: "integer", about: "Coordination block of a window.", required: true}
)

func with(list []parameter, more ...parameter) []parameter {
	return append(append([]parameter{}, list...), more...)
}

func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}

// routes lists every operation.
func routes() []route {
	list := []route{
		{path: "/healthz", summary: "The process answers.", answer: Health{}, handle: (*Server).health},
		{path: "/readyz", summary: "Whether the node can do its work now: 200 if every check is ok, 503 if not.", answer: view.Readiness{}, handle: (*Server).ready},
		{path: "/v1/status", summary: "The node at this moment.", answer: view.Status{}, handle: (*Server).status},
		{
			path: "/v1/windows", summary: "How windows ended, newest first, one row for each wallet.", answer: view.Windows{}, handle: (*Server).windows, kept: true,
			parameters: with(
				rangeParameters, limitParameter,
				parameter{name: "reason", kind: "string", enum: texts(coordination.Reasons()), many: true, about: "Only windows that ended for this reason; may be repeated."},
				parameter{name: "state", kind: "string", enum: texts(store.WindowStates()), many: true, about: "Only windows in this state; may be repeated."},
			),
		},
		{path: "/v1/windows/next", summary: "When the coming window begins and, once its seed block exists, who leads it.", answer: view.Next{}, handle: (*Server).next},
		{
			path: "/v1/windows/watch", summary: "Windows as they open, results and amendments as they are stored, one JSON object per line, empty lines as a sign of life. A client that is too slow is dropped, with a line that says so.",
			answer: view.Event{}, media: mediaLines, handle: (*Server).watch, alone: true,
		},
		{path: "/v1/windows/{block}", summary: "All that is stored of one window.", answer: view.Trace{}, parameters: []parameter{blockParameter, walletParameter}, handle: (*Server).window, kept: true},
		{path: "/v1/proposals", summary: "What was agreed, newest first.", answer: view.Proposals{}, parameters: with(rangeParameters, limitParameter), handle: (*Server).proposals, kept: true},
		{
			path: "/v1/proposals/{block}", summary: "What was agreed in one window, one row for each wallet.", answer: view.Proposals{},
			parameters: []parameter{blockParameter, walletParameter}, handle: (*Server).agreed, kept: true,
		},
		{path: "/v1/faults", summary: "What other operators did wrong, newest first.", answer: view.Faults{}, parameters: with(faultParameters, limitParameter), handle: (*Server).faults, kept: true},
		{path: "/v1/faults/summary", summary: "What is on record against each operator, worst first.", answer: view.Scores{}, parameters: faultParameters, handle: (*Server).scores, kept: true},
		{
			path: "/v1/faults/export", summary: "Every fault with its evidence, newest first, one JSON object per line. An answer that breaks off is not whole.",
			answer: view.Fault{}, media: mediaLines, parameters: faultParameters, handle: (*Server).exportFaults,
		},
		{path: "/v1/faults/{id}", summary: "One fault with its evidence.", answer: view.Fault{}, parameters: []parameter{{name: "id", kind: "string", required: true, about: "ID of a fault."}}, handle: (*Server).fault, kept: true},
		{
			path: "/v1/actions", summary: "What wallets agreed to do, and how far it has come, newest first.", answer: view.Actions{}, handle: (*Server).actions, kept: true,
			parameters: with(rangeParameters, limitParameter, parameter{name: "finished", kind: "boolean", about: "Only actions with an outcome, or only those without."}),
		},
		{
			path: "/v1/actions/{block}", summary: "What wallets agreed to do in one window, and how far it has come.", answer: view.Actions{},
			parameters: []parameter{blockParameter, walletParameter}, handle: (*Server).ordered, kept: true,
		},
		{path: "/v1/wallets", summary: "The imported wallets.", answer: view.Wallets{}, handle: (*Server).wallets, kept: true},
		{path: "/v1/wallets/{id}", summary: "One wallet.", answer: view.Wallet{}, parameters: []parameter{{name: "id", kind: "string", required: true, about: "Public key hash of the wallet."}}, handle: (*Server).wallet, kept: true},
		{
			path: "/v1/wallets/{id}/serving", summary: "The instance that serves the wallet, asked itself. Any other instance answers 307 and which one it is, or 503 and Retry-After while it is none.",
			answer: view.Owner{}, elsewhere: client.Redirect{}, parameters: []parameter{ownedParameter}, handle: (*Server).serving,
		},
		{method: http.MethodPost, path: "/v1/wallets/{id}/resume", summary: "Lets a wallet that was stopped go on, on all instances. Answers which are stopped still.", answer: view.Halts{}, parameters: []parameter{ownedParameter}, handle: (*Server).resume},
		{path: "/v1/halts", summary: "The wallets that are stopped on all instances, because somebody else spoke with the operator's key.", answer: view.Halts{}, handle: (*Server).halts, kept: true},
		{path: "/v1/instances", summary: "The operator's instances, as this one saw them last.", answer: view.Instances{}, handle: (*Server).instances},
		{path: "/v1/instances/{id}", summary: "One of the operator's instances.", answer: view.Instance{}, parameters: []parameter{instanceParameter}, handle: (*Server).instance},
		{method: http.MethodPost, path: "/v1/instances/{id}/drain", summary: "Has an instance give all its wallets away and take none.", answer: view.Wish{}, parameters: []parameter{instanceParameter}, handle: wish(shared.Drain)},
		{method: http.MethodPost, path: "/v1/instances/{id}/undrain", summary: "Takes back what an instance was asked for: it may have wallets again.", answer: view.Wish{}, parameters: []parameter{instanceParameter}, handle: wish(shared.None)},
		{method: http.MethodPost, path: "/v1/instances/{id}/resign", summary: "Has an instance give all its wallets away and end. One whose lease is over is removed.", answer: view.Wish{}, parameters: []parameter{instanceParameter}, handle: wish(shared.Resign)},
		{path: "/v1/directory", summary: "The operator's instances and where they are reached, signed with the operator's key: clients follow redirects to these hosts only.", answer: client.Directory{}, handle: (*Server).directory, forSubscribers: true},
		{path: "/v1/bans", summary: "Who is kept away, on all instances.", answer: view.Bans{}, handle: (*Server).bans, kept: true},
		{method: http.MethodPost, path: "/v1/bans", summary: "Keeps an operator or a peer away, on all instances.", body: BanWish{}, answer: view.Ban{}, handle: (*Server).addBan},
		{
			method: http.MethodDelete, path: "/v1/bans/{subject}", summary: "Lifts a ban. Answers which are left.", answer: view.Bans{}, handle: (*Server).removeBan,
			parameters: []parameter{{name: "subject", kind: "string", required: true, about: "Address of an operator (EIP-55), or peer ID."}},
		},
		{path: "/v1/peers", summary: "The known peers, connected or not.", answer: view.Peers{}, handle: (*Server).peers},
		{path: "/v1/peers/{id}", summary: "One known peer.", answer: view.Peer{}, parameters: []parameter{peerParameter}, handle: (*Server).peer},
		{path: "/v1/peers/{id}/ping", summary: "The way to a connected peer and back.", answer: view.Pong{}, parameters: []parameter{peerParameter}, handle: (*Server).ping},
		{path: "/v1/endpoints", summary: "The chain's endpoints: which are used, and why others are not.", answer: view.Endpoints{}, handle: (*Server).endpoints},
		{method: http.MethodPost, path: "/v1/endpoints/reload", summary: "Reads the configuration again and takes over its chain endpoints. If anything in it is wrong nothing changes.", answer: view.Reload{}, handle: (*Server).reloadEndpoints},
		{path: "/v1/endpoints/{name}/history", summary: "How a chain endpoint's status changed, oldest first.", answer: view.EndpointHistory{}, parameters: []parameter{endpointParameter}, handle: (*Server).endpointHistory},
		{method: http.MethodPost, path: "/v1/endpoints/{name}/cordon", summary: "Takes a chain endpoint out of use until it is let back or the node ends.", answer: view.Endpoints{}, parameters: []parameter{endpointParameter}, handle: (*Server).cordon},
		{method: http.MethodPost, path: "/v1/endpoints/{name}/uncordon", summary: "Lets a chain endpoint back into use.", answer: view.Endpoints{}, parameters: []parameter{endpointParameter}, handle: (*Server).uncordon},
		{
			path: "/v1/explain", summary: "Seed, leader and checklist of a wallet's window, derived from the chain.", answer: view.Election{}, handle: (*Server).explain,
			parameters: []parameter{
				{name: "wallet", kind: "string", required: true, about: walletParameter.about},
				{name: "window", kind: "integer", required: true, about: blockParameter.about},
			},
		},
		{path: "/v1/store", summary: "The size of the node's store and what it holds.", answer: view.StoreState{}, handle: (*Server).storeState},
		{path: "/v1/goroutines", summary: "What every goroutine does, for a report of a problem.", answer: "", media: mediaText, handle: (*Server).goroutines},
		{path: "/v1/log-level", summary: "The levels of the log by subsystem.", answer: LogLevels{}, handle: (*Server).logLevels},
		{method: http.MethodPut, path: "/v1/log-level", summary: "Changes a level of the log until the node ends.", body: LogLevel{}, answer: LogLevels{}, handle: (*Server).setLogLevel},
		{path: "/v1/openapi.json", summary: "This document.", answer: map[string]any{}, handle: (*Server).openAPI},
	}
	list = append(list, keygenRoutes()...)
	list = append(list, signerRoutes()...)
	list = append(list, actionRoutes()...)
	list = append(list, feedRoutes()...)
	list = append(list, evidenceRoutes()...)
	for i := range list {
		if list[i].method == "" {
			list[i].method = http.MethodGet
		}
		if list[i].media == "" {
			list[i].media = mediaJSON
		}
		if list[i].kept {
			list[i].handle = lasting(list[i].handle)
		}
	}
	return list
}
