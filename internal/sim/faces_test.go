package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/internal/node"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/net/nettest"
	"github.com/walletnode/walletnode/proposal"
)

// hall is a place at which topics are spoken on, and others asked.
type hall struct{ place }

func (h hall) OpenTopic(cfg net.TopicConfig) (node.Talk, error) {
	topic, err := h.Member.OpenTopic(cfg)
	if err != nil {
		return nil, err
	}
	return topic, nil
}

func (h hall) Inquire(ctx context.Context, name string, of chain.Operator) (exchange.Line, error) {
	line, err := h.Member.Inquire(ctx, protocol.ID(name), of)
	if err != nil {
		return nil, err
	}
	return line, nil
}

// The devnet's scenario two-faced-leader-partitioned with whole nodes in virtual time: each side of a cut hears another face, each agrees
// on what it heard and accuses nobody, and from block c+99 on nothing crosses but heads, comparisons and proofs. What the nodes have on
// record is judged as the devnet's nodes are (rule R10), with the verifier in a process of its own.
func TestATwoFacedLeaderAcrossACutIsProvedWithinOneWindow(t *testing.T) {
	wallet := newWallet(1, 0, 1, 2, 3, 4)
	staged, nodes := playFaces(t, wallet)
	verifier := newVerifier(t, wallet)
	for i, n := range nodes {
		for j, p := range n.proofs {
			nodes[i].proofs[j].exit = verifier.verify(p.encoded)
			damaged := bytes.Clone(p.encoded)
			damaged[len(damaged)*(i+1)/(len(nodes)+1)] ^= 1 << i
			require.Equal(t, 1, verifier.verify(damaged), "a copy with a flipped bit")
			t.Logf("operator %v had the proof at block %d", n.operator, p.at)
		}
	}
	require.Empty(t, staged.judge(nodes))

	first := func(nodes []onRecord) *onRecord { return &nodes[0] }
	honest := nodes[1].operator
	for about, row := range map[string]struct {
		spoil func(nodes []onRecord)
		want  string
	}{
		"a node lacks the proof":         {func(n []onRecord) { first(n).proofs = nil }, "0 proofs"},
		"it came with the next window":   {func(n []onRecord) { first(n).proofs[0].at = staged.next }, "not within one window"},
		"the verifier refuses it":        {func(n []onRecord) { first(n).proofs[0].exit = 1 }, "ends with 1"},
		"a proof is damaged":             {func(n []onRecord) { first(n).proofs[0].encoded = []byte{1} }, "no proof"},
		"an honest operator is proved":   {func(n []onRecord) { first(n).proofs = append(first(n).proofs, frameUp(t, wallet, honest)) }, "against operator " + honest.String()},
		"the culprit did not say it":     {func(n []onRecord) { first(n).proofs[0] = frameUp(t, wallet, staged.slot.Operator) }, "did not send"},
		"an honest operator is accused":  {func(n []onRecord) { first(n).faults = append(first(n).faults, accused(wallet, honest)) }, "faults"},
		"the culprit is, by who saw one": {func(n []onRecord) { first(n).faults = append(first(n).faults, accused(wallet, staged.slot.Operator)) }, "faults"},
		"it agreed on the other face": {
			func(n []onRecord) { n[0].rows, n[1].rows = n[1].rows, n[0].rows }, "it must be",
		},
		"a row is missing":  {func(n []onRecord) { first(n).rows = first(n).rows[1:] }, "1 rows"},
		"a node is missing": {func(n []onRecord) { first(n).operator = n[1].operator }, "0 nodes"},
	} {
		t.Run(about, func(t *testing.T) {
			spoilt := slices.Clone(nodes)
			for i, n := range spoilt {
				spoilt[i].rows, spoilt[i].faults, spoilt[i].proofs = slices.Clone(n.rows), slices.Clone(n.faults), slices.Clone(n.proofs)
			}
			row.spoil(spoilt)
			require.Contains(t, strings.Join(staged.judge(spoilt), "\n"), row.want)
		})
	}
}

// playFaces returns what was staged, and what the honest nodes recorded of that window and the next one.
func playFaces(t *testing.T, wallet chain.Wallet) (staged staging, nodes []onRecord) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newWorld(t, wallet), &sky{members: make(map[int]*nettest.Member)}
		w.network = func(n int) func(net.Config, net.Deps) (node.Network, error) {
			return func(cfg net.Config, deps net.Deps) (node.Network, error) {
				if s.Network == nil {
					s.Network = nettest.New(1, cfg.Schedule, deps.Inspect)
				}
				s.members[n] = s.Add(cfg.Operator, deps.Height)
				s.members[n].OnInquired(deps.Inquiries)
				return hall{place{s.members[n]}}, nil
			}
		}
		for n := range 5 {
			w.start(n)
		}
		defer synctest.Wait()
		defer s.Close()
		defer w.stopAll()
		w.pass(880)
		leader := w.leader(wallet, 900)
		liar := numberOf(t, leader)
		w.stop(liar)
		var honest []int
		var sides [2][]*nettest.Member
		for n := range 5 {
			if n != liar {
				sides[len(honest)%2] = append(sides[len(honest)%2], s.members[n])
				honest = append(honest, n)
			}
		}
		s.Partition(sides[:]...)
		w.pass(903)
		staged = staging{
			slot: evidence.Slot{Wallet: wallet.ID(), Window: 900, Operator: leader}, next: 1800, told: make(map[chain.Operator]proposal.Proposal),
		}
		faces := [2]proposal.Proposal{proposal.Noop{}, proposal.Redemption{OutputScripts: [][]byte{{0, 20}}, TxFee: big.NewInt(1000)}}
		for i, face := range faces {
			envelope := message(liar, wallet, 900, wallet.LowestSeat(leader), face)
			staged.said = append(staged.said, envelope)
			s.Inject(secret(liar), wallet, envelope, sides[i]...)
		}
		w.pass(999)
		s.Heal()
		w.pass(1910)
		staged.then = w.leader(wallet, 1800)
		for i, n := range honest {
			staged.told[operator(n)] = faces[i%2]
			nodes = append(nodes, w.onRecord(n))
		}
	})
	return staged, nodes
}

// onRecord reads all that a node has recorded of windows, faults and proofs.
func (w *world) onRecord(n int) onRecord {
	rows, err := w.nodes[n].Store().Windows(w.t.Context(), store.WindowFilter{})
	require.NoError(w.t, err)
	held, err := w.nodes[n].Store().Proofs(w.t.Context(), exchange.ProofFilter{})
	require.NoError(w.t, err)
	found := onRecord{operator: operator(n), rows: rows, faults: w.faults(n)}
	for _, p := range held {
		found.proofs = append(found.proofs, heldProof{at: p.At, encoded: p.Encoded, exit: -1}) // not verified yet
	}
	return found
}

// frameUp is a proof that whoever had an operator's key could make, and that operator did not earn in the play.
func frameUp(t *testing.T, wallet chain.Wallet, op chain.Operator) heldProof {
	t.Helper()
	n := numberOf(t, op)
	var said []evidence.Statement
	for fee := range int64(2) {
		envelope := message(n, wallet, 900, wallet.LowestSeat(op), proposal.Redemption{OutputScripts: [][]byte{{0, 21}}, TxFee: big.NewInt(fee + 1)})
		s, err := evidence.ReadStatement(wire.SignPubsub(secret(n), wire.ChannelName(wallet.Key()), envelope, make([]byte, 8)).Bytes())
		require.NoError(t, err)
		said = append(said, s)
	}
	proof, err := evidence.Prove(1337, said[0], said[1])
	require.NoError(t, err)
	return heldProof{at: 1100, encoded: proof.Encode()}
}

// accused is a fault of the play's window.
func accused(wallet chain.Wallet, op chain.Operator) faults.Record {
	return faults.Record{Fault: faults.Fault{
		Key: faults.Key{Wallet: wallet.ID(), Window: 900, Kind: faults.LeaderEquivocation, Culprit: op}, Attributed: true,
	}}
}

// verifier is "walletnode evidence verify", with the list of a wallet's operators and nothing else.
type verifier struct {
	t                      *testing.T
	program, proof, roster string
}

func newVerifier(t *testing.T, w chain.Wallet) verifier {
	t.Helper()
	dir := t.TempDir()
	v := verifier{t, filepath.Join(dir, "walletnode"), filepath.Join(dir, "proof"), filepath.Join(dir, "operators.json")}
	says, err := exec.CommandContext(t.Context(), "go", "build", "-o", v.program, "../../cmd/walletnode").CombinedOutput() //nolint:gosec // our own
	require.NoError(t, err, "%s", says)
	list, err := json.Marshal(map[string]any{"chain": 1337, "walletPublicKey": w.Key().String(), "operators": w.Roster()})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(v.roster, list, 0o600))
	return v
}

// verify returns what the process ends with: 0 for valid, 1 for invalid, 2 for what cannot be judged.
func (v verifier) verify(proof []byte) int {
	require.NoError(v.t, os.WriteFile(v.proof, proof, 0o600))
	process := exec.CommandContext(v.t.Context(), v.program, "evidence", "verify", v.proof, "--operators", v.roster) //nolint:gosec // our own
	says, err := process.CombinedOutput()
	if exit := new(exec.ExitError); !errors.As(err, &exit) {
		require.NoError(v.t, err, "%s", says)
	}
	return process.ProcessState.ExitCode()
}
