package dashboard_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"errors"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/chaintest"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/executor"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/node"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/net/nettest"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/bitcoin"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
	"github.com/walletnode/walletnode/proposal/action/signer/vault"
)

// blocks is a chain without requests, on which nothing is pending.
type blocks struct{ *chaintest.Chain }

var errNothing = errors.New("this chain has nothing but blocks")

func (blocks) Close()                                      {}
func (blocks) ChainID(context.Context) (uint64, error)     { return 1337, nil }
func (blocks) Genesis(context.Context) (chain.Hash, error) { return chain.Hash{1}, nil }
func (blocks) PendingRedemptions(context.Context, chain.WalletID, chain.Height) ([]chain.RedemptionRequest, error) {
	return nil, nil
}

func (blocks) RedemptionLimits(context.Context) (chain.RedemptionLimits, error) {
	return chain.RedemptionLimits{}, nil
}

func (blocks) MainUTXOHash(context.Context, chain.WalletID) ([32]byte, error) {
	return [32]byte{}, errNothing
}

func (blocks) RedemptionRequests(context.Context, chain.WalletID, [][]byte) ([]chain.RedemptionRequest, error) {
	return nil, chain.ErrNoRequest
}

func (blocks) ValidateHeartbeat(context.Context, chain.WalletID, [16]byte) error { return errNothing }

func (blocks) ValidateRedemption(context.Context, chain.WalletID, [][]byte, *big.Int) error {
	return errNothing
}

func (blocks) ValidateMovedFundsSweep(context.Context, chain.WalletID, [32]byte, uint32, *big.Int) error {
	return errNothing
}

// seat is a node's place on a network of a test, where its operators can also talk about signatures.
type seat struct{ *nettest.Member }

func (s seat) Join(w chain.Wallet) (executor.Channel, error)    { return s.Member.Join(w) }
func (s seat) OpenTopic(cfg net.TopicConfig) (node.Talk, error) { return s.Member.OpenTopic(cfg) }
func (seat) Run(ctx context.Context) error                      { <-ctx.Done(); return nil }
func (seat) Close() error                                       { return nil }
func nothingIsSaid([]byte) (net.Slot, error)                    { return net.Slot{}, errNothing }
func ours() (key *ecdsa.PrivateKey, self chain.Operator, e error) {
	seed := sha256.Sum256([]byte("ours"))
	key, e = crypto.ToECDSA(seed[:])
	return key, chain.Operator(crypto.PubkeyToAddress(key.PublicKey)), e
}

// newNode assembles a node with an SQLite database and, if it signs, a signer in its process.
func newNode(t *testing.T, signs bool) (n *node.Node, eth *chaintest.Chain, self chain.Operator) {
	t.Helper()
	key, self, err := ours()
	require.NoError(t, err)
	dir := t.TempDir()
	eth = chaintest.New(8000)
	netw := nettest.New(1, net.Schedule{}, nothingIsSaid)
	t.Cleanup(netw.Close)
	cfg := node.Config{
		Operator: keys.Operator{Key: key, Address: self}, Freshness: chain.Freshness{MaxSilence: time.Hour}, BlockTime: time.Second, FeeRate: 1,
		Store:  store.Config{DSN: filepath.Join(dir, "walletnode.db")},
		Logger: func(string) *slog.Logger { return slog.New(slog.DiscardHandler) },
	}
	if signs {
		password := filepath.Join(dir, "password")
		require.NoError(t, os.WriteFile(password, []byte("a password of a test\n"), 0o600))
		cfg.Signing = &node.SigningConfig{
			Embedded: &vault.Config{Dir: filepath.Join(dir, "signer"), PasswordFile: password, Capacity: 40, Work: 10}, Policy: "derived",
		}
	}
	n, err = node.Assemble(t.Context(), cfg, node.Parts{Chain: blocks{eth}, Network: func(_ net.Config, deps net.Deps) (node.Network, error) {
		return seat{netw.Add(secp256k1.PrivKeyFromBytes(crypto.FromECDSA(key)), deps.Height)}, nil
	}})
	require.NoError(t, err)
	return n, eth, self
}

// start runs a node until the test ends.
func start(t *testing.T, n *node.Node) {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
}

// known enters a wallet of this and other operators into a node's registry.
func known(t *testing.T, n *node.Node, name string, roster ...chain.Operator) chain.Wallet {
	t.Helper()
	seed := sha256.Sum256([]byte(name))
	key, err := crypto.ToECDSA(seed[:])
	require.NoError(t, err)
	w, err := chain.NewWallet(chain.PublicKey(crypto.FromECDSAPub(&key.PublicKey)), roster)
	require.NoError(t, err)
	require.NoError(t, n.Store().ImportWallet(t.Context(), w, time.Now()))
	return w
}

// shares writes down that a signer holds a wallet's shares.
func shares(t *testing.T, n *node.Node, w chain.Wallet, session byte, backend string) {
	t.Helper()
	id := signer.SessionID{session}
	_, err := n.Store().Assign(t.Context(), id, backend, "derived")
	require.NoError(t, err)
	require.NoError(t, n.Store().Confirm(t.Context(), id, w.ID()))
}

// agreed stores a window in which a redemption was agreed on.
func agreed(t *testing.T, n *node.Node, w chain.Wallet, block chain.Height) {
	t.Helper()
	window, ok := coordination.RFC12().Window(block)
	require.True(t, ok)
	require.NoError(t, n.Store().OpenWindow(t.Context(), coordination.Opened{Block: block, At: block, Time: time.Now()}))
	won, err := n.Store().RecordResult(t.Context(), coordination.Result{
		Wallet: w.ID(), Window: window, Role: coordination.RoleFollower, Leader: w.Roster()[1], OpenedAt: block, ReceivedAt: block + 5,
		Proposal: proposal.Redemption{OutputScripts: [][]byte{append([]byte{0, 20}, make([]byte, 20)...)}, TxFee: big.NewInt(1000)}, Reason: coordination.ReasonOK,
	})
	require.NoError(t, err)
	require.True(t, won)
}

// asked stores that signers were asked for a transaction, with two attempts: in the first one operator was absent and another
// one cheated, the second one came to a signature.
func asked(t *testing.T, n *node.Node, w chain.Wallet, block chain.Height, detail string, outcome action.Outcome) (txid string) {
	t.Helper()
	own := bitcoin.ScriptOf(signer.FROST, w.Key())
	tx := wire.NewMsgTx(1)
	tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Hash: [32]byte{1}, Index: 3}, Sequence: wire.MaxTxInSequenceNum})
	tx.AddTxOut(wire.NewTxOut(59_000, own))
	tx.AddTxOut(wire.NewTxOut(40_000, append([]byte{0, 20}, make([]byte, 20)...)))
	var raw bytes.Buffer
	require.NoError(t, tx.SerializeNoWitness(&raw))
	s, id, ctx := n.Store(), w.ID(), t.Context()
	require.NoError(t, s.SaveIntent(ctx, signing.Signing{
		Wallet: id, Window: block, Digest: signer.Digest{7}, BegunAt: block + 100,
		Intent: signer.Intent{Wallet: id, Window: block, Statement: []byte("said"), Transaction: &signer.Transaction{
			Raw: raw.Bytes(), Prevouts: []signer.Prevout{{Value: 100_000, Script: own}},
		}},
	}))
	require.NoError(t, s.BeginAttempt(ctx, id, block, 1))
	require.NoError(t, s.EndAttempt(ctx, id, block, signing.Attempt{
		Number: 1, Begun: block + 101, Ended: block + 137, Coordinator: w.Roster()[1], Signers: []int{1, 2, 3}, Active: 3, Whole: true,
		Absent: []chain.Operator{w.Roster()[3]}, Silent: []chain.Operator{w.Roster()[2]}, Result: signing.ResultCheated, Detail: detail,
	}, []signing.Blame{{Attempt: 1, Operator: w.Roster()[1], Seat: 2, Misdeed: signing.MisdeedLists, Detail: detail, Proof: [][]byte{{1}, {2}}}}))
	require.NoError(t, s.BeginAttempt(ctx, id, block, 2))
	require.NoError(t, s.EndAttempt(ctx, id, block, signing.Attempt{
		Number: 2, Begun: block + 138, Ended: block + 141, Coordinator: w.Roster()[0], Signers: []int{1, 3, 4}, Active: 3, Whole: true,
		Result: signing.ResultSigned,
	}, nil))
	require.NoError(t, s.SaveSigned(ctx, id, block, signing.Success{Raw: raw.Bytes(), TxHash: signer.Digest{9}, At: block + 141}))
	require.NoError(t, s.FinishAction(ctx, id, block, outcome, "", block+141))
	return tx.TxID()
}
