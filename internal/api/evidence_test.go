package api

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/compare"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net"
)

// sampleProof is one of the proofs that package evidence pins.
func sampleProof(t testing.TB, kind string) evidence.Proof {
	t.Helper()
	text, err := os.ReadFile("../../faults/evidence/testdata/" + kind + ".hex")
	require.NoError(t, err)
	raw, err := hex.DecodeString(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	p, err := evidence.Decode(raw)
	require.NoError(t, err)
	return p
}

// keepProof stores a proof that somebody told of and that somebody else has.
func keepProof(t testing.TB, s *store.Store, kind string) evidence.Proof {
	t.Helper()
	p, log := sampleProof(t, kind), s.Evidence(store.EvidenceConfig{})
	id, first, err := log.SaveProof(t.Context(), p, chain.Operator{7}, 4600)
	require.NoError(t, err)
	require.True(t, first)
	_, err = log.Holds(t.Context(), id, chain.Operator{7})
	require.NoError(t, err)
	return p
}

// neighbours compares histories as it is told to.
type neighbours struct {
	report exchange.Report
	err    error
}

func (n *neighbours) Compare(_ context.Context, operator chain.Operator) (exchange.Report, error) {
	report := n.report
	report.Peer = operator
	return report, n.err
}

// found is a report with one finding of each sort.
func found(t testing.TB) exchange.Report {
	p := sampleProof(t, "two-statements")
	slot, said := p.Slot(), p.Statements()[0]
	mine := evidence.Entry{Wallet: slot.Wallet, Window: slot.Window, Status: evidence.None, Leader: slot.Operator}
	theirs := evidence.Entry{Wallet: slot.Wallet, Window: slot.Window, Status: evidence.Said, Leader: slot.Operator, Sender: slot.Operator, Statement: said.Digest}
	return exchange.Report{
		Window: slot.Window, Head: sampleProof(t, "two-heads").Heads()[0], Traffic: compare.Traffic{Rounds: 7, Bytes: 2453, Statements: 779},
		Complete: true, Proofs: []string{p.ID()},
		Findings: []compare.Finding{
			{Kind: compare.Ours, Wallet: slot.Wallet, Window: slot.Window, Mine: &mine, Theirs: &theirs, Statement: &said},
			{Kind: compare.Contradiction, Wallet: slot.Wallet, Window: slot.Window, Mine: &theirs, Theirs: &theirs, Proof: &p},
			{Kind: compare.Theirs, Wallet: slot.Wallet, Window: slot.Window, Mine: &theirs},
		},
	}
}

func TestProofsAreListedAndShown(t *testing.T) {
	w := newWorld(t)
	both := sampleProof(t, "two-statements")
	ask := func(path string, doc any) {
		answer := w.send(t, http.MethodGet, path, "")
		require.Equal(t, http.StatusOK, answer.Code, "%s", answer.Body)
		require.NoError(t, json.Unmarshal(answer.Body.Bytes(), doc))
	}
	var list view.Proofs
	ask("/v1/evidence/proofs", &list)
	require.Len(t, list.Proofs, 2)
	require.False(t, list.More)
	ask("/v1/evidence/proofs?limit=1", &list)
	require.Len(t, list.Proofs, 1)
	require.True(t, list.More)
	ask("/v1/evidence/proofs?kind=two_statements&culprit="+both.Slot().Operator.String(), &list)
	require.Len(t, list.Proofs, 1)
	stored := list.Proofs[0]
	require.Equal(t, both.ID(), stored.ID)
	require.Equal(t, both.Slot().Wallet, *stored.Wallet)
	require.Equal(t, chain.Operator{7}, *stored.From)
	require.Equal(t, []chain.Operator{{7}}, stored.Holders)
	require.EqualValues(t, 4600, stored.Block)
	require.False(t, stored.Told)
	require.Nil(t, stored.Fault)
	ask("/v1/evidence/proofs?kind=fork", &list)
	require.Empty(t, list.Proofs)

	var detail view.ProofDetail
	ask("/v1/evidence/proofs/"+both.ID(), &detail)
	require.Equal(t, hex.EncodeToString(both.Encode()), detail.Encoded)
	require.Equal(t, view.NewProof(both), detail.Proof)

	require.Equal(t, "not_found", w.problem(t, http.StatusNotFound, "/v1/evidence/proofs/0123").Error.Code)
	require.Equal(t, "invalid", w.problem(t, http.StatusBadRequest, "/v1/evidence/proofs?kind=gossip").Error.Code)
	require.Equal(t, "invalid", w.problem(t, http.StatusBadRequest, "/v1/evidence/proofs?culprit=him").Error.Code)
}

func TestAComparisonIsAskedFor(t *testing.T) {
	w := newWorld(t)
	peer := chain.Operator{9}
	compared := func() (int, []byte) {
		answer := w.send(t, http.MethodPost, "/v1/evidence/compare/"+peer.String(), "")
		return answer.Code, answer.Body.Bytes()
	}
	code, body := compared()
	require.Equal(t, http.StatusOK, code)
	var c view.Comparison
	require.NoError(t, json.Unmarshal(body, &c))
	require.Equal(t, peer, c.Operator)
	require.Equal(t, []int{7, 2453, 779}, []int{c.Rounds, c.Bytes, c.Statements})
	require.True(t, c.Complete)
	require.Nil(t, c.Refusal)
	require.Len(t, c.Findings, 3)
	require.Equal(t, "none", c.Findings[0].Mine.Status)
	require.Nil(t, c.Findings[0].Mine.Sender)
	require.NotNil(t, c.Findings[0].Statement)
	require.Equal(t, c.Proofs[0], *c.Findings[1].Proof)
	require.Nil(t, c.Findings[2].Theirs)

	// One that is cut off half way tells what it has found, and why there is no more.
	n := w.Evidence.(*neighbours)
	n.report.Complete, n.err = false, compare.ErrRefused
	code, body = compared()
	require.Equal(t, http.StatusOK, code)
	require.NoError(t, json.Unmarshal(body, &c))
	require.Contains(t, *c.Refusal, compare.ErrRefused.Error())
	require.False(t, c.Complete)

	// One that did not begin is a problem.
	n.report = exchange.Report{}
	for code, err := range map[string]error{
		"not_connected": net.ErrOutOfReach, "declined": net.ErrDeclined, "nothing_shared": exchange.ErrStranger, "not_attested": exchange.ErrNoHead,
	} {
		n.err = err
		status, body := compared()
		require.Equal(t, http.StatusConflict, status)
		var p Problem
		require.NoError(t, json.Unmarshal(body, &p))
		require.Equal(t, code, p.Error.Code)
	}
	answer := w.send(t, http.MethodPost, "/v1/evidence/compare/him", "")
	require.Equal(t, http.StatusBadRequest, answer.Code)
	w.Evidence = nil
	status, _ := compared()
	require.Equal(t, http.StatusServiceUnavailable, status)
}
