package node

import (
	"context"
	"encoding/binary"
	"log/slog"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/chaintest"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/executor"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/store/pgtest"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/net/nettest"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

// parlour is a place on the network of a test where operators talk, and ask each other.
type parlour struct{ booth }

// Inquire implements Inquirer.
func (p parlour) Inquire(ctx context.Context, name string, of chain.Operator) (exchange.Line, error) {
	line, err := p.Member.Inquire(ctx, protocol.ID(name), of)
	if err != nil {
		return nil, err
	}
	return line, nil
}

// stand is a node that hears a leader who says two things.
type stand struct {
	*Node
	net     *nettest.Network
	member  *nettest.Member
	wallets []chain.Wallet
}

// newStand starts a node at block 905, with wallets that another operator leads in the window of block 900.
func newStand(tb testing.TB, wallets int) *stand {
	tb.Helper()
	key, leader := keyOf("ours"), operatorOf(keyOf("two-faced"))
	eth := chaintest.New(800)
	seed, err := chaintest.New(900).Header(tb.Context(), 868)
	require.NoError(tb, err)
	s := &stand{net: nettest.New(1, net.Schedule{Frequency: 900, Duration: 100}, inspect)}
	tb.Cleanup(s.net.Close)
	for n := uint64(1); len(s.wallets) < wallets; n++ {
		walletKey, err := crypto.ToECDSA(binary.BigEndian.AppendUint64(make([]byte, 24), n))
		require.NoError(tb, err)
		w, err := chain.NewWallet(chain.PublicKey(crypto.FromECDSAPub(&walletKey.PublicKey)), []chain.Operator{operatorOf(key), leader})
		require.NoError(tb, err)
		if executor.Leader(executor.Seed(w.ID(), seed.Hash), w.Roster()) == leader {
			s.wallets = append(s.wallets, w)
		}
	}
	dir := tb.TempDir()
	s.Node, err = Assemble(tb.Context(), Config{
		Operator:  keys.Operator{Key: key, Address: operatorOf(key)},
		Freshness: chain.Freshness{MaxSilence: time.Hour}, BlockTime: time.Second, FeeRate: 1,
		Store: store.Config{DSN: filepath.Join(dir, "walletnode.db")}, Dir: dir,
		Logger: func(string) *slog.Logger { return slog.New(slog.DiscardHandler) },
	}, Parts{Chain: blocks{eth}, Network: func(_ net.Config, deps net.Deps) (Network, error) {
		s.member = s.net.Add(onNetwork(key), deps.Height)
		s.member.OnInquired(deps.Inquiries)
		return parlour{booth{line{s.member}}}, nil
	}})
	require.NoError(tb, err)
	other := s.net.Add(onNetwork(keyOf("two-faced")), func() chain.Height { return 905 })
	for _, w := range s.wallets {
		require.NoError(tb, s.Store().ImportWallet(tb.Context(), w, time.Now()))
		_, err := other.Join(w)
		require.NoError(tb, err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	tb.Cleanup(func() {
		cancel()
		require.NoError(tb, <-ended)
	})
	eth.Show(905)
	s.await(tb, func() (bool, error) { // what is said before is lost
		return s.Clock().Height() == 905 && len(s.members.ids()) == wallets, nil
	})
	return s
}

// says has the leader of a wallet say something.
func (s *stand) says(w chain.Wallet, what byte) {
	key := keyOf("two-faced")
	payload := proposal.EncodeMessage(proposal.Message{
		Sender: w.LowestSeat(operatorOf(key)), Block: 900, Wallet: w.ID(), Proposal: proposal.Heartbeat{Message: [16]byte{what}},
	})
	s.net.Inject(onNetwork(key), w, net.Seal(wire.PublicKeyOf(onNetwork(key)), payload, 1), s.member)
}

// await returns when a condition holds; the node is asked without a pause, for what is measured is how soon.
func (s *stand) await(tb testing.TB, condition func() (bool, error)) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patient)
	defer cancel()
	for {
		ok, err := condition()
		require.NoError(tb, err)
		if ok {
			return
		}
		require.NoError(tb, ctx.Err())
		runtime.Gosched()
	}
}

// proved waits for the proof about a wallet.
func (s *stand) proved(tb testing.TB, w chain.Wallet) exchange.StoredProof {
	tb.Helper()
	id := w.ID()
	var found []exchange.StoredProof
	s.await(tb, func() (ok bool, err error) {
		found, err = s.Store().Proofs(tb.Context(), exchange.ProofFilter{Wallet: &id})
		return len(found) > 0, err
	})
	return found[0]
}

// heard waits until the node has stored what a leader said.
func (s *stand) heard(tb testing.TB, w chain.Wallet) {
	tb.Helper()
	s.await(tb, func() (bool, error) {
		statements, err := s.Store().Statements(tb.Context(), w.ID(), 900)
		return len(statements) > 0, err
	})
}

// The window still lasts, and the proof is stored.
func TestASecondProposalIsProvedWhenItIsHeard(t *testing.T) {
	t.Parallel()
	s := newStand(t, 1)
	w := s.wallets[0]
	s.says(w, 1)
	s.heard(t, w)
	s.says(w, 2)
	p := s.proved(t, w)
	require.Equal(t, evidence.TwoStatements, p.Kind)
	require.Equal(t, operatorOf(keyOf("two-faced")), p.Slot.Operator)
	_, err := evidence.Verify(p.Encoded, evidence.Operators{Chain: 1337, Wallet: w})
	require.NoError(t, err)
	require.Less(t, s.Clock().Height(), chain.Height(980), "the window lasts")
}

// Of two instances on one database one makes the head of a window, under the proof of its session; it is told, and both can open it.
func TestTwoInstancesMakeOneHeadOfAWindow(t *testing.T) {
	t.Parallel()
	f := newFleet(t, pgtest.Database(t), 2)
	f.attests = true
	told, err := f.other.OpenTopic(net.TopicConfig{Name: evidence.HeadsTopic, Operators: f.wallets[0].Operators(), MaxMessage: 1024, PerOperator: 8})
	require.NoError(t, err)
	f.pass(801)
	a, b := f.start("a"), f.start("b")
	f.await("all wallets are served", func() bool { return len(a.serves(f))+len(b.serves(f)) == 2 })
	f.pass(902, a, b)
	for _, w := range f.wallets {
		f.await("the leader speaks", func() bool { return len(f.heard(w, 900, nil)) == 1 })
	}
	f.pass(985, a, b)
	for _, w := range f.wallets {
		f.await("the window is judged", func() bool {
			row, err := a.row(w, 900)
			return err == nil && row.Reason != ""
		})
	}
	f.pass(1010, a, b)
	var opened []chain.Hash
	f.await("both have the head", func() bool {
		opened = nil
		for _, c := range []*craft{a, b} {
			if made, ok := c.Evidence().Attested(900); ok {
				opened = append(opened, made.Head.ID())
			}
		}
		return len(opened) == 2
	})
	require.Equal(t, opened[0], opened[1])
	require.EqualValues(t, 1, a.Evidence().Counters().HeadsMade+b.Evidence().Counters().HeadsMade)
	said, err := told.Next(t.Context())
	require.NoError(t, err)
	h, err := evidence.ReadHead(said.Signed)
	require.NoError(t, err)
	require.Equal(t, opened[0], chain.Hash(h.ID()))
	require.Equal(t, 2, h.Wallets)
	written := 0
	for _, c := range []*craft{a, b} {
		entries, err := c.home.heads.Entries()
		require.NoError(t, err)
		written += len(entries)
		entries, err = c.home.sent.Entries()
		require.NoError(t, err)
		require.False(t, slices.ContainsFunc(entries, func(e cluster.Entry) bool { return e.Wallet == chain.WalletID{} }), "an earlier version would take it for a proposal")
	}
	require.Positive(t, written, "it was written down first")
}

// The database was put back, and the journal of heads knows of one in it that is gone: nothing is signed or proposed in its window, from the first
// moment on.
func TestAHeadThatTheDatabaseForgotBarsItsWindowFromTheStart(t *testing.T) {
	t.Parallel()
	key, dir := keyOf("ours"), t.TempDir()
	head := evidence.Head{Chain: 1337, Window: 900, Windows: 1, Wallets: 1, Root: [32]byte{1}}
	signed := wire.SignPubsub(onNetwork(key), evidence.HeadsTopic, evidence.EncodeHead(head), make([]byte, 8)).Bytes()
	head, err := evidence.ReadHead(signed)
	require.NoError(t, err)
	id := head.ID()
	own := coordination.OwnProposal{Payload: id[:], Envelope: signed}
	journal, _, err := cluster.OpenJournal(filepath.Join(dir, headsFile))
	require.NoError(t, err)
	require.NoError(t, journal.Append(cluster.Entry{Window: 900, Own: own, Digest: cluster.Digest(own)}))
	require.NoError(t, journal.Close())

	network := nettest.New(1, net.Schedule{Frequency: 900, Duration: 100}, inspect)
	t.Cleanup(network.Close)
	n, err := Assemble(t.Context(), Config{
		Operator:  keys.Operator{Key: key, Address: operatorOf(key)},
		Freshness: chain.Freshness{MaxSilence: time.Hour}, BlockTime: time.Second, FeeRate: 1,
		Store: store.Config{DSN: filepath.Join(dir, "walletnode.db")}, Dir: dir,
		Logger: func(string) *slog.Logger { return slog.New(slog.DiscardHandler) },
	}, Parts{Chain: blocks{chaintest.New(800)}, Network: func(_ net.Config, deps net.Deps) (Network, error) {
		return parlour{booth{line{network.Add(onNetwork(key), deps.Height)}}}, nil
	}})
	require.NoError(t, err)
	defer func() { require.NoError(t, n.close()) }()
	wallet := chain.WalletID{1}
	_, err = n.store.SaveOwn(t.Context(), wallet, 900, coordination.OwnProposal{Payload: []byte{1}, Envelope: []byte{2}})
	require.ErrorIs(t, err, signing.ErrBarred)
	_, err = n.store.SaveOwn(t.Context(), wallet, 1800, coordination.OwnProposal{Payload: []byte{1}, Envelope: []byte{2}})
	require.NoError(t, err)
}

// A proof is of a second message: how soon is what this measures, from the message's arrival to the proof on the disk.
func BenchmarkSecondProposalToProof(b *testing.B) {
	s := newStand(b, b.N)
	for _, w := range s.wallets {
		s.says(w, 1)
		s.heard(b, w)
	}
	took := make([]time.Duration, 0, b.N)
	for _, w := range s.wallets {
		began := time.Now()
		s.says(w, 2)
		s.proved(b, w)
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2].Seconds(), "s-p50")
	b.ReportMetric(took[len(took)-1].Seconds(), "s-max")
	b.ReportMetric(0, "ns/op")
}
