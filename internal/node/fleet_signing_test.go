package node

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/chaintest"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/executor"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/store/pgtest"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
	"github.com/walletnode/walletnode/proposal/action/signer/placement"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
	"github.com/walletnode/walletnode/proposal/action/signer/vault"
)

// signatory is a fleet whose instances share a signer, and another operator with a node of his own. They have generated a
// wallet's key together, of which each has one seat and both must sign.
type signatory struct {
	*fleet
	warden *warden
	a      *craft // the instance of the fleet that serves the wallet
	theirs *craft // the other operator's node
	wallet chain.Wallet
}

// newSignatory makes them; leads is whether the fleet leads the windows with heartbeats. The chain stands at block 801.
func newSignatory(t *testing.T, leads bool) *signatory {
	t.Helper()
	return newSignatoryWith(t, leads, nil)
}

// newSignatoryWith has the signer take what leaders propose from a mailbox, unless it is nil.
func newSignatoryWith(t *testing.T, leads bool, letters vault.Mailbox) *signatory {
	t.Helper()
	s := &signatory{fleet: newFleet(t, pgtest.Database(t), 0)}
	cfg := vaultIn(t)
	if letters != nil {
		s.feeds, cfg.Mailbox, cfg.Wait = true, letters, 5*time.Second
	}
	w, reached := newWardenWith(t, cfg)
	s.warden, s.signing = w, &SigningConfig{Backends: []SignerConfig{reached}, Policy: placement.Derived, Transactions: t.TempDir()}
	s.theirs = s.lone(s.partner(leads))
	s.a = s.start("a")
	s.pass(801, s.a, s.theirs)
	s.wallet = s.generate(s.a, s.theirs)
	s.wallets = append(s.wallets, s.wallet)
	s.awaitAll(s.a)
	return s
}

// succeed starts another instance, and waits until it serves the wallet.
func (s *signatory) succeed() *craft {
	s.t.Helper()
	b := s.start("b")
	s.awaitAll(b)
	return b
}

// breath is how long a block lasts while something is waited for that has several attempts: each is some ten seconds long then, and
// one that a busy machine has lost, with an instance's lease, is followed by another.
const breath = 250 * time.Millisecond

// drift lets the chain go on for as long as something has not come about, to a height at most.
func (f *fleet) drift(what string, to chain.Height, come func() bool, all ...*craft) {
	f.t.Helper()
	ticker := time.NewTicker(breath)
	defer ticker.Stop()
	for !come() {
		<-ticker.C
		require.Less(f.t, f.chain.Tip(), to, what)
		f.pass(f.chain.Tip()+1, all...)
	}
}

// partner names an operator with whom the fleet's leads the windows with heartbeats, or does not: of two operators it is always the
// same one, since one number of the seed's generator decides on the heartbeat and on the order of two.
func (f *fleet) partner(leads bool) string {
	own := operatorOf(f.key)
	var seed [32]byte
	for !slices.Contains(executor.Checklist(seed, 1), proposal.KindHeartbeat) {
		seed = sha256.Sum256(seed[:])
	}
	for n := 0; ; n++ {
		name := fmt.Sprintf("partner %d", n)
		if (executor.Leader(seed, []chain.Operator{own, operatorOf(keyOf(name))}) == own) == leads {
			return name
		}
	}
}

// lone starts the only node of an operator, with a signer in its process.
func (f *fleet) lone(name string) *craft {
	f.t.Helper()
	embedded := vaultIn(f.t)
	return f.loneIn(f.t.TempDir(), name, SigningConfig{Embedded: &embedded, Policy: placement.Derived, Transactions: f.t.TempDir()})
}

// loneIn starts it in a directory, with the signers it is told of.
func (f *fleet) loneIn(dir, name string, signing SigningConfig) *craft {
	f.t.Helper()
	c := &craft{t: f.t, dir: dir, ended: make(chan error, 1)}
	key := keyOf(name)
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(f.t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo})).With("instance", name)
	}
	var err error
	c.Node, err = Assemble(f.t.Context(), Config{
		Operator:  keys.Operator{Key: key, Address: operatorOf(key)},
		Freshness: chain.Freshness{MaxSilence: time.Hour}, BlockTime: time.Second, FeeRate: 1,
		Store:   store.Config{DSN: filepath.Join(c.dir, "walletnode.db")},
		Signing: &signing, Feed: f.feed(name),
		Logger: func(room string) *slog.Logger { return log.With("room", room) },
	}, Parts{Chain: beats{blocks{f.chain}, &c.beats}, Network: func(_ net.Config, deps net.Deps) (Network, error) {
		c.member = f.net.Add(onNetwork(key), deps.Height)
		c.member.OnInvited(deps.Invited)
		return booth{line{c.member}}, nil
	}})
	require.NoError(f.t, err)
	c.run()
	return c
}

// generate has nodes make a wallet over the network: one seat each, all of which sign.
func (f *fleet) generate(first *craft, others ...*craft) (w chain.Wallet) {
	f.t.Helper()
	all := append([]*craft{first}, others...)
	var roster []chain.Operator
	for _, c := range all {
		roster = append(roster, c.cfg.Operator.Address)
		f.await("the signers are there", func() bool {
			for _, b := range c.Signers().Backends() {
				if b.Standing != placement.Healthy {
					return false
				}
			}
			return true
		})
	}
	session, err := first.Keygen().Create(f.t.Context(), keygen.Request{Roster: roster, Threshold: len(all), Scheme: signer.FROST})
	require.NoError(f.t, err)
	for _, c := range others {
		f.await("the invitation is there", func() bool {
			status, err := c.Keygen().Status(f.t.Context(), session)
			return err == nil && status.State == keygen.Invited
		})
		require.NoError(f.t, c.Keygen().Accept(f.t.Context(), session))
	}
	for _, c := range all {
		f.await("the wallet is in the registry", func() bool {
			status, err := c.Keygen().Status(f.t.Context(), session)
			require.NoError(f.t, err)
			require.NotEqual(f.t, keygen.Failed, status.State, status.Detail)
			return status.State == keygen.Active
		})
		made, err := c.Store().Wallets(f.t.Context())
		require.NoError(f.t, err)
		require.Len(f.t, made, 1)
		w = made[0]
		f.await("its channel is joined", func() bool { return len(c.members.ids()) == 1 })
	}
	require.Equal(f.t, roster, w.Roster())
	return w
}

// elect makes the chain's blocks such that an operator leads the wallet in a window, with a heartbeat on its checklist. They are
// not there yet.
func (f *fleet) elect(w chain.Wallet, block chain.Height, leader chain.Operator) {
	f.t.Helper()
	window, ok := coordination.RFC12().Window(block)
	require.True(f.t, ok)
	require.Less(f.t, f.chain.Tip(), window.SeedBlock)
	ahead := chaintest.New(block) // the same chain, further on
	for _, fork := range f.forks {
		ahead.Fork(fork)
	}
	for range 10_000 {
		ahead.Fork(window.SeedBlock)
		f.chain.Fork(window.SeedBlock)
		f.forks = append(f.forks, window.SeedBlock)
		header, err := ahead.Header(f.t.Context(), window.SeedBlock)
		require.NoError(f.t, err)
		seed := executor.Seed(w.ID(), header.Hash)
		if slices.Contains(executor.Checklist(seed, window.Index), proposal.KindHeartbeat) {
			require.Equal(f.t, leader, executor.Leader(seed, w.Roster()))
			return
		}
	}
	require.FailNow(f.t, "no block asks for a heartbeat")
}

// agree takes the chain to the last block before the action of a window in which the elected leader proposes a heartbeat. parties
// coordinate the wallet, one of them as the leader.
func (f *fleet) agree(w chain.Wallet, block chain.Height, parties []*craft, others ...*craft) {
	f.t.Helper()
	all := append(slices.Clone(parties), others...)
	before := make([]int64, len(parties))
	for i, c := range parties {
		before[i] = c.beats.Load()
	}
	f.pass(block+2, all...)
	for i, c := range parties {
		f.await("the heartbeat is proposed and validated", func() bool { return c.beats.Load() > before[i] })
	}
	f.pass(block+90, all...)
	for _, c := range parties {
		f.await("it is agreed on", func() bool {
			row, err := c.row(w, block)
			return err == nil && row.Reason == coordination.ReasonOK
		})
	}
	f.pass(block+99, all...)
}

// signingOf reads what is on record of the wallet's signature in a window.
func (c *craft) signingOf(w chain.Wallet, window chain.Height) signing.Signing {
	row, _, err := c.Store().Signing(c.t.Context(), w.ID(), window)
	require.NoError(c.t, err)
	return row
}

// awaitSigned waits until all have the wallet's signature in a window, and returns what they have on record.
func (f *fleet) awaitSigned(w chain.Wallet, window chain.Height, all ...*craft) (rows []signing.Signing) {
	f.t.Helper()
	for _, c := range all {
		f.drift("it is signed", window+290, func() bool { return len(c.signingOf(w, window).Signed) > 0 }, all...)
		rows = append(rows, c.signingOf(w, window))
		f.await("the action ends well", func() bool { return c.outcome(w, window) == action.OK })
	}
	return rows
}

// outcome returns how the wallet's action in a window ended; empty until it has.
func (c *craft) outcome(w chain.Wallet, window chain.Height) action.Outcome {
	rows, err := c.Store().Actions(c.t.Context(), store.ActionFilter{From: window, To: window})
	require.NoError(c.t, err)
	for _, r := range rows {
		if r.Wallet == w.ID() {
			return action.Outcome(r.Outcome)
		}
	}
	return ""
}

// requireSaidBy requires that what signers were shown is what the leader has signed.
func (f *fleet) requireSaidBy(leader chain.Operator, rows ...signing.Signing) {
	f.t.Helper()
	for _, row := range rows {
		said, err := wire.ParsePubsub(row.Intent.Statement)
		require.NoError(f.t, err)
		author, err := said.Verify()
		require.NoError(f.t, err)
		require.Equal(f.t, leader, author.Operator())
		envelope, err := wire.DecodeEnvelope(said.Data(), said.From())
		require.NoError(f.t, err)
		m, err := proposal.DecodeMessage(envelope.Payload)
		require.NoError(f.t, err)
		require.Equal(f.t, []any{row.Wallet, row.Window, proposal.KindHeartbeat}, []any{m.Wallet, m.Block, m.Proposal.Kind()})
		require.Equal(f.t, row.Digest, row.Intent.Digest(m.Proposal))
	}
}

// requireOnce requires that the shared signer has released one share, for one intent, and that under a later term than one.
func (s *signatory) requireOnce(digest signer.Digest, earlier signer.Term) {
	s.t.Helper()
	p, err := s.warden.Protection(s.t.Context(), s.wallet.ID())
	require.NoError(s.t, err)
	require.EqualValues(s.t, 1, p.Signatures)
	require.Equal(s.t, []signer.Slot{{Window: 900, Intent: digest}}, p.Slots)
	require.Equal(s.t, earlier.Generation, p.Term.Generation)
	require.Greater(s.t, p.Term.Epoch, earlier.Epoch)
}

// An owner that dies before anybody was asked for anything leaves what is to be signed; its successor signs that.
func TestASuccessorSignsWhatTheOwnerMeantToSign(t *testing.T) {
	t.Parallel()
	s := newSignatory(t, true)
	s.elect(s.wallet, 900, operatorOf(s.key))
	s.agree(s.wallet, 900, []*craft{s.a, s.theirs})
	s.pass(1000, s.a, s.theirs) // attempts begin a block later
	s.await("the intent is stored", func() bool { return s.a.signingOf(s.wallet, 900).Digest != (signer.Digest{}) })
	meant := s.a.signingOf(s.wallet, 900)
	require.Zero(t, meant.Begun)
	term, served := s.a.sharing.term(s.wallet.ID())
	require.True(t, served)
	s.a.crash()
	rows := s.awaitSigned(s.wallet, 900, s.succeed(), s.theirs)
	require.Equal(t, meant.Digest, rows[0].Digest)
	require.Equal(t, meant.Intent, rows[0].Intent)
	require.Equal(t, rows[0].Signed, rows[1].Signed)
	s.requireSaidBy(operatorOf(s.key), rows...) // of the leader's operator, whose successor did not say it, and of the follower
	s.requireOnce(meant.Digest, term)
}

// An instance that loses its database while its question to the signer is under way is superseded. Its successor signs the same
// in a later attempt, and what the first one had asked for arrives in vain.
func TestAQuestionOfASupersededInstanceIsRefused(t *testing.T) {
	t.Parallel()
	s := newSignatory(t, false)
	s.elect(s.wallet, 900, s.theirs.cfg.Operator.Address)
	s.agree(s.wallet, 900, []*craft{s.a, s.theirs})
	s.warden.catch(1)
	q := s.awaitCaught()
	meant := s.a.signingOf(s.wallet, 900)
	require.Equal(t, meant.Intent, q.asked.Open.Intent)
	s.a.gate.set(true)
	rows := s.awaitSigned(s.wallet, 900, s.succeed(), s.theirs)
	require.Equal(t, meant.Digest, rows[0].Digest)
	require.Greater(t, rows[0].Begun, meant.Begun)
	require.Equal(t, rows[0].Signed, rows[1].Signed)
	s.requireSaidBy(s.theirs.cfg.Operator.Address, rows...)
	s.requireOnce(meant.Digest, q.asked.Term)

	s.requireTerm(q.letGo())
	s.requireOnce(meant.Digest, q.asked.Term)
}

// awaitCaught has the action begin, and waits for the question that is caught.
func (s *signatory) awaitCaught() (q *question) {
	s.t.Helper()
	s.pass(1001, s.a, s.theirs) // seats announce themselves
	s.drift("the signer is asked", 1290, func() bool {
		select {
		case q = <-s.warden.caught:
			return true
		default:
			return false
		}
	}, s.a, s.theirs)
	return q
}

// requireTerm requires that an answer is the refusal of who was superseded.
func (s *signatory) requireTerm(err error) {
	s.t.Helper()
	refusal, ok := errors.AsType[*signer.Refused](err)
	require.True(s.t, ok, "%v", err)
	require.Equal(s.t, signer.RuleTerm, refusal.Rule)
}

// The same after the first round: the signer is ready to release its share, and the owner is killed. The share is released for
// the successor's attempt alone.
func TestATakeOverInTheMiddleOfAnAttemptSignsTheSameInALaterOne(t *testing.T) {
	t.Parallel()
	s := newSignatory(t, true)
	s.elect(s.wallet, 900, operatorOf(s.key))
	s.agree(s.wallet, 900, []*craft{s.a, s.theirs})
	s.warden.catch(2)
	q := s.awaitCaught()
	meant := s.a.signingOf(s.wallet, 900)
	s.a.crash()
	rows := s.awaitSigned(s.wallet, 900, s.succeed(), s.theirs)
	require.Equal(t, meant.Digest, rows[0].Digest)
	require.Greater(t, rows[0].Begun, meant.Begun)
	require.Equal(t, rows[0].Signed, rows[1].Signed)
	s.requireOnce(meant.Digest, q.asked.Term)
	s.requireTerm(q.letGo())
	s.requireOnce(meant.Digest, q.asked.Term)
}

// Rule R3: what the store says to be revoked while an attempt is under way is not signed, and nobody gets our share.
func TestAnActionThatIsRevokedInTheSharedStoreIsNotSigned(t *testing.T) {
	t.Parallel()
	s := newSignatory(t, false)
	s.elect(s.wallet, 900, s.theirs.cfg.Operator.Address)
	s.agree(s.wallet, 900, []*craft{s.a, s.theirs})
	s.warden.catch(1)
	q := s.awaitCaught()
	window, ok := coordination.RFC12().Window(900)
	require.True(t, ok)
	require.NoError(t, s.a.store.Under(s.a.sharing.siblings.custody.fence).RecordAmendment(t.Context(), coordination.Amendment{
		Wallet: s.wallet.ID(), Window: window, Revoke: true,
		Fault: faults.Fault{Key: faults.Key{Wallet: s.wallet.ID(), Window: 900, Culprit: s.theirs.cfg.Operator.Address, Kind: faults.LeaderEquivocation}, ObservedAt: 985},
	}))
	require.NoError(t, q.letGo(), "the question was asked before")
	s.await("the action is over", func() bool { return s.a.outcome(s.wallet, 900) == action.Revoked })
	s.pass(s.chain.Tip()+45, s.a, s.theirs) // another attempt
	p, err := s.warden.Protection(t.Context(), s.wallet.ID())
	require.NoError(t, err)
	require.Zero(t, p.Signatures)
	for _, c := range []*craft{s.a, s.theirs} {
		require.Empty(t, c.signingOf(s.wallet, 900).Signed)
	}
}

// Two nodes with signers in their processes, as each has by default, make a wallet and sign with it. What a leader takes back by
// saying another thing, after the window was agreed on, is not signed.
func TestNodesWithSignersInTheirProcessesSignWhatTheyAgreeOn(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "", 0)
	leader, follower := f.lone("ours"), f.lone(f.partner(true))
	f.pass(801, leader, follower)
	w := f.generate(leader, follower)
	f.elect(w, 900, operatorOf(f.key))
	f.agree(w, 900, []*craft{leader, follower})
	f.pass(1001, leader, follower)
	rows := f.awaitSigned(w, 900, leader, follower)
	require.Equal(t, rows[0].Signed, rows[1].Signed)
	require.Equal(t, rows[0].Digest, rows[1].Digest)
	f.requireSaidBy(operatorOf(f.key), rows...)

	f.elect(w, 1800, operatorOf(f.key))
	f.agree(w, 1800, []*craft{leader, follower})
	other := proposal.EncodeMessage(proposal.Message{
		Sender: w.LowestSeat(operatorOf(f.key)), Block: 1800, Wallet: w.ID(),
		Proposal: proposal.Heartbeat{Message: [16]byte{255, 255, 255, 255, 255, 255, 255, 255, 7}},
	})
	f.net.Inject(onNetwork(f.key), w, net.Seal(wire.PublicKeyOf(onNetwork(f.key)), other, 2), follower.member)
	f.await("it is revoked", func() bool {
		revoked, err := follower.Store().ActionRevoked(t.Context(), w.ID(), 1800)
		return err == nil && revoked
	})
	f.pass(1901, leader, follower)
	f.await("the action is over", func() bool { return follower.outcome(w, 1800) == action.Revoked })
	f.pass(1942, leader, follower)
	require.Zero(t, follower.signingOf(w, 1800).Digest, "nobody was asked for anything")
	require.Empty(t, leader.signingOf(w, 1800).Signed)
	require.LessOrEqual(t, follower.Signers().Backends()[0].Calls.Signatures, uint64(1), "of the window before, if the leader's result did not come first")
}

// A wallet that was made by the signer in its node's own process moves to a signer of its own, as docs/placement.md has it: exported while
// the node is down, imported, and then served there by the operator's word. Until then nobody signs for it here.
func TestAWalletMovesFromItsNodesProcessToASigner(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "", 0)
	f.feeds = true
	name, dir := f.partner(true), t.TempDir()
	embedded := vaultIn(t)
	signs := SigningConfig{Embedded: &embedded, Policy: placement.Derived, Transactions: t.TempDir()}
	leader, mover := f.lone("ours"), f.loneIn(dir, name, signs)
	f.pass(801, leader, mover)
	w := f.generate(leader, mover)
	f.elect(w, 900, operatorOf(f.key))
	f.agree(w, 900, []*craft{leader, mover})
	f.pass(1001, leader, mover)
	f.awaitSigned(w, 900, leader, mover)
	f.await("the signature is counted", func() bool { return mover.assignment(w).Signatures == 1 })
	f.await("the signer in the node's process says that it takes leaders' messages from its mailbox", func() bool {
		all := mover.Signers().Backends()
		return len(all) == 1 && all[0].Feed == signer.FeedFollows
	})
	mover.stop()

	v, err := vault.Open(t.Context(), embedded)
	require.NoError(t, err)
	file, err := v.Export(t.Context(), w.ID(), "in between")
	require.NoError(t, err)
	require.NoError(t, v.Close())
	warden, reached := newWarden(t)
	signs.Backends, signs.EmbeddedState = []SignerConfig{reached}, placement.Retired
	moved := f.loneIn(dir, name, signs)
	f.pass(f.chain.Tip()+1, leader, moved)
	f.await("the signers are there", func() bool {
		return !slices.ContainsFunc(moved.Signers().Backends(), func(s placement.Status) bool { return s.Standing != placement.Healthy })
	})
	require.ErrorIs(t, moved.Signers().Unsignable(w.ID()), placement.ErrUnsound, "it is frozen where it was")
	require.ErrorContains(t, moved.Signers().Move(t.Context(), w.ID(), "enclave"), "key", "it is not there yet")
	_, err = warden.Import(t.Context(), file, "in between")
	require.NoError(t, err)
	require.NoError(t, moved.Signers().Move(t.Context(), w.ID(), "enclave"))
	f.await("the wallet is served there", func() bool { return moved.Signers().Unsignable(w.ID()) == nil })
	require.Equal(t, "enclave", moved.assignment(w).Backend)

	f.elect(w, 1800, operatorOf(f.key))
	f.agree(w, 1800, []*craft{leader, moved})
	f.pass(1901, leader, moved)
	rows := f.awaitSigned(w, 1800, leader, moved)
	require.Equal(t, rows[0].Signed, rows[1].Signed)
	p, err := warden.Protection(t.Context(), w.ID())
	require.NoError(t, err)
	require.EqualValues(t, 2, p.Signatures, "the first of which the other one made")
	require.Len(t, p.Slots, 2)
}

// assignment is what is written down of who holds the wallet.
func (c *craft) assignment(w chain.Wallet) placement.Assignment {
	all, err := c.Store().Assignments(c.t.Context())
	require.NoError(c.t, err)
	i := slices.IndexFunc(all, func(a placement.Assignment) bool { return a.Wallet == w.ID() })
	require.GreaterOrEqual(c.t, i, 0)
	return all[i]
}
