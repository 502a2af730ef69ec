package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/internal/serve"
	"github.com/walletnode/walletnode/internal/view"
)

// Comparer compares histories with another operator; *exchange.Service is one.
type Comparer interface {
	// Compare asks an operator for its head of the last window, and walks down to what differs. With a report that has a head it may fail
	// all the same: then the other one did not answer to the end, or answered what is not below its head.
	Compare(ctx context.Context, operator chain.Operator) (exchange.Report, error)
}

// compareTimeout bounds a comparison that is asked for: it ends in time for the answer to be given.
const compareTimeout = serve.WriteTimeout - 5*time.Second

// proofKinds are the kinds of proofs.
var proofKinds = []evidence.Kind{evidence.TwoStatements, evidence.TwoHeads, evidence.Fork, evidence.Denial}

// parseProofKind reads the name of a kind of proofs.
func parseProofKind(text string) (evidence.Kind, error) {
	for _, kind := range proofKinds {
		if text == string(kind) {
			return kind, nil
		}
	}
	return "", fmt.Errorf("no kind of proofs is called %q; they are %v", text, proofKinds)
}

// evidenceRoutes are those of proofs and comparisons.
func evidenceRoutes() []route {
	return []route{
		{
			path: "/v1/evidence/proofs", summary: "The stored proofs, newest window first.", answer: view.Proofs{}, handle: (*Server).proofs, kept: true,
			parameters: with(rangeParameters, limitParameter,
				parameter{name: "kind", kind: "string", enum: texts(proofKinds), about: "Only proofs of this kind."},
				parameter{name: "culprit", kind: "string", about: "Only proofs against the operator with this address (EIP-55)."}),
		},
		{
			path: "/v1/evidence/proofs/{id}", summary: "One stored proof, with what it says.", answer: view.ProofDetail{}, handle: (*Server).proof, kept: true,
			parameters: []parameter{{name: "id", kind: "string", required: true, about: "ID of a proof."}},
		},
		{
			method: http.MethodPost, path: "/v1/evidence/compare/{operator}", answer: view.Comparison{}, handle: (*Server).compare,
			summary:    "Compares what this node attests with what another operator does, down to where they differ.",
			parameters: []parameter{{name: "operator", kind: "string", required: true, about: "Address of an operator (EIP-55)."}},
		},
	}
}

func (s *Server) proofs(_ http.ResponseWriter, r *http.Request, q *query) (any, error) {
	filter := q.proofs()
	return answer(q, func() (any, error) { return s.Records.Proofs(r.Context(), filter) })
}

func (s *Server) proof(_ http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	return s.Records.Proof(r.Context(), r.PathValue("id"))
}

func (s *Server) compare(_ http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	operator, err := chain.ParseOperator(r.PathValue("operator"))
	if err != nil {
		return nil, invalid{err}
	}
	if s.Evidence == nil {
		return nil, view.ErrNoNetwork
	}
	ctx, cancel := context.WithTimeout(r.Context(), compareTimeout)
	defer cancel()
	report, err := s.Evidence.Compare(ctx, operator)
	if err != nil && report.Head.Operator.IsZero() && report.Traffic.Rounds == 0 {
		return nil, err
	}
	return view.NewComparison(report, err), nil
}

func (q *query) proofs() exchange.ProofFilter {
	return exchange.ProofFilter{
		Wallet: q.wallet(), From: q.height("from"), To: q.height("to"), Limit: q.limit(), Kind: value(parsed(q, "kind", parseProofKind)),
		Culprit: value(parsed(q, "culprit", chain.ParseOperator)),
	}
}

// Proofs implements Records.
func (c *Client) Proofs(ctx context.Context, f exchange.ProofFilter) (view.Proofs, error) {
	v := encodeRange(f.Wallet, f.From, f.To, f.Limit)
	if f.Kind != "" {
		v.Set("kind", string(f.Kind))
	}
	if !f.Culprit.IsZero() {
		v.Set("culprit", f.Culprit.String())
	}
	return get[view.Proofs](ctx, c, "/v1/evidence/proofs", v)
}

// Proof implements Records.
func (c *Client) Proof(ctx context.Context, id string) (view.ProofDetail, error) {
	return get[view.ProofDetail](ctx, c, "/v1/evidence/proofs/"+url.PathEscape(id), nil)
}

// Compare has the node compare what it attests with what another operator does.
func (c *Client) Compare(ctx context.Context, operator chain.Operator) (found view.Comparison, err error) {
	return found, c.ask(ctx, http.MethodPost, "/v1/evidence/compare/"+operator.String(), nil, nil, &found)
}
