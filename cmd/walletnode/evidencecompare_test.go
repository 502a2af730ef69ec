package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/compare"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net"
)

// pinned is one of the proofs that package evidence pins.
func pinned(t testing.TB, kind string) evidence.Proof {
	t.Helper()
	text, err := os.ReadFile("../../faults/evidence/testdata/" + kind + ".hex")
	require.NoError(t, err)
	raw, err := hex.DecodeString(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	p, err := evidence.Decode(raw)
	require.NoError(t, err)
	return p
}

// heardOf stores a proof that another operator told of.
func (r running) heardOf(t testing.TB) evidence.Proof {
	t.Helper()
	p := pinned(t, "fork")
	_, first, err := r.store.Evidence(store.EvidenceConfig{}).SaveProof(t.Context(), p, chain.Operator{7}, 4600)
	require.NoError(t, err)
	require.True(t, first)
	return p
}

func TestEvidenceHasStoredProofsBesideFaults(t *testing.T) {
	node := newRunning(t)
	impostor := node.history(t).ID()
	id := node.caught(t)
	proof := node.heardOf(t)

	table := succeed(t, "", "evidence", "list", "--offline", "--data-dir", node.dir)
	require.Regexp(t, proof.ID()+` +\d+ +- +fork .* 2 +stored\n`, table)
	require.Contains(t, table, id)
	require.Contains(t, table, impostor)
	listed := succeed(t, "", "evidence", "list", "--offline", "--json", "--data-dir", node.dir)
	readSchema(t, "evidence-list.json").requireFits(t, listed)
	var list view.EvidenceList
	require.NoError(t, json.Unmarshal([]byte(listed), &list))
	require.Len(t, list.Evidence, 2)
	require.Len(t, list.Proofs, 1)
	require.Equal(t, proof.ID(), list.Proofs[0].ID)
	for _, kind := range []string{"two-statements", "two-heads", "denial"} {
		_, _, err := node.store.Evidence(store.EvidenceConfig{}).SaveProof(t.Context(), pinned(t, kind), chain.Operator{}, 4700)
		require.NoError(t, err)
	}
	listed = succeed(t, "", "evidence", "list", "--offline", "--json", "--data-dir", node.dir)
	readSchema(t, "evidence-list.json").requireFits(t, listed)
	require.NoError(t, json.Unmarshal([]byte(listed), &list))
	require.Len(t, list.Proofs, 4)
	for _, p := range list.Proofs {
		readSchema(t, "evidence-proof.json").requireFits(t, succeed(t, "", "evidence", "show", p.ID, "--json", "--offline", "--data-dir", node.dir))
	}

	text := succeed(t, "", "evidence", "show", proof.ID(), "--offline", "--data-dir", node.dir)
	require.Contains(t, text, "proof     "+proof.ID()+", fork")
	require.Contains(t, text, "told by "+chain.Operator{7}.String())
	require.Contains(t, text, "at block 4600")

	file := filepath.Join(t.TempDir(), "proof")
	succeed(t, "", "evidence", "export", proof.ID(), "--output", file, "--data-dir", node.dir)
	exported, err := os.ReadFile(file) //nolint:gosec // the test's own
	require.NoError(t, err)
	require.Equal(t, proof.Encode(), exported)
	require.Equal(t, codeOK, call(t, "", "evidence", "verify", file, "--operators", "../../faults/evidence/testdata/operators.json").code)
}

// Two statements of which the store has made a proof are one thing with the fault that records them.
func TestAFaultNamesItsStoredProof(t *testing.T) {
	node := newRunning(t)
	node.history(t)
	id := node.caught(t)
	before := succeed(t, "", "faults", "show", id, "--offline", "--data-dir", node.dir)
	require.Regexp(t, `proof +-\n`, before)
	both := make([]evidence.Statement, 2)
	for i := range both {
		s, err := evidence.ReadStatement(said(t, byte(i)+1))
		require.NoError(t, err)
		both[i] = s
	}
	proof, err := evidence.Prove(1, both[0], both[1])
	require.NoError(t, err)
	_, _, err = node.store.Evidence(store.EvidenceConfig{}).SaveProof(t.Context(), proof, chain.Operator{}, 3690)
	require.NoError(t, err)

	require.Regexp(t, "proof +"+proof.ID(), succeed(t, "", "faults", "show", id, "--offline", "--data-dir", node.dir))
	var list view.EvidenceList
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "", "evidence", "list", "--offline", "--json", "--data-dir", node.dir)), &list))
	require.Empty(t, list.Proofs, "it stands beside its fault")
	for _, e := range list.Evidence {
		if e.Fault == id {
			require.Equal(t, proof.ID(), *e.ProofID)
		}
	}
	require.Contains(t, succeed(t, "", "evidence", "show", proof.ID(), "--offline", "--data-dir", node.dir), "fault     "+id)
	require.Equal(t, string(proof.Encode()), succeed(t, "", "evidence", "export", id, "--data-dir", node.dir))
}

// neighbours answers what a comparison is to find.
type neighbours struct {
	report exchange.Report
	err    error
}

func (n *neighbours) Compare(_ context.Context, operator chain.Operator) (exchange.Report, error) {
	n.report.Peer = operator
	return n.report, n.err
}

func TestEvidenceCompareTellsWhatDiffers(t *testing.T) {
	p := pinned(t, "two-statements")
	slot, statement := p.Slot(), p.Statements()[0]
	none := evidence.Entry{Wallet: slot.Wallet, Window: slot.Window, Status: evidence.None, Leader: slot.Operator}
	one := evidence.Entry{Wallet: slot.Wallet, Window: slot.Window, Status: evidence.Said, Leader: slot.Operator, Sender: slot.Operator, Statement: statement.Digest}
	n := &neighbours{report: exchange.Report{
		Window: slot.Window, Head: pinned(t, "two-heads").Heads()[0], Traffic: compare.Traffic{Rounds: 7, Bytes: 2453, Statements: 779}, Complete: true,
		Proofs: []string{p.ID()},
		Findings: []compare.Finding{
			{Kind: compare.Ours, Wallet: slot.Wallet, Window: slot.Window, Mine: &none, Theirs: &one, Statement: &statement},
			{Kind: compare.Contradiction, Wallet: slot.Wallet, Window: slot.Window, Mine: &one, Theirs: &one, Proof: &p},
			{Kind: compare.Theirs, Wallet: slot.Wallet, Window: slot.Window, Mine: &one},
		},
	}}
	server := api.Server{Cluster: alone{}, Evidence: n, Logger: slog.New(slog.DiscardHandler)}
	running := httptest.NewServer(server.Handler())
	t.Cleanup(running.Close)
	ask := func(more ...string) outcome {
		args := append([]string{"evidence", "compare", slot.Operator.String(), "--api", strings.TrimPrefix(running.URL, "http://"), "--data-dir", t.TempDir()}, more...)
		return call(t, "", args...)
	}
	got := ask()
	require.Equal(t, codeOK, got.code, got.stderr)
	require.Contains(t, got.stdout, "7 round trips, 2453 bytes and 779 of messages")
	require.Contains(t, got.stdout, "3 differences\n")
	require.Contains(t, got.stdout, "none here, said by "+slot.Operator.String()+" there")
	require.Contains(t, got.stdout, "proof "+p.ID())
	require.Contains(t, got.stdout, "nothing attested there")
	got = ask("--json")
	require.Equal(t, codeOK, got.code, got.stderr)
	readSchema(t, "comparison.json").requireFits(t, got.stdout)

	n.report.Complete, n.err = false, compare.ErrRefused
	for _, more := range [][]string{nil, {"--json"}} {
		got = ask(more...)
		require.Equal(t, codeFailure, got.code, "what was found is told, and that it is not all")
		require.Contains(t, got.stderr, "broken off")
		require.NotEmpty(t, got.stdout)
	}
	n.report, n.err = exchange.Report{}, net.ErrOutOfReach
	got = ask()
	require.Equal(t, codeFailure, got.code)
	require.Contains(t, got.stderr, net.ErrOutOfReach.Error())
	require.Empty(t, got.stdout)

	require.Equal(t, codeUsage, call(t, "", "evidence", "compare").code)
	require.Equal(t, codeUsage, call(t, "", "evidence", "compare", "him").code)
	require.Equal(t, codeUsage, call(t, "", "evidence", "compare", slot.Operator.String(), "--offline").code)
}
