package signing

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/wire"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	nodewire "github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/scheme"
)

const blockTime = 12 * time.Second

// world is one wallet, its operators, their backends and the chain, inside a synctest bubble. Blocks come by themselves once
// it runs.
type world struct {
	t         testing.TB
	clock     *chain.Clock
	hub       *hub
	wallet    chain.Wallet
	threshold int
	members   []*member
	lines     bytes.Buffer // what is logged at warn and above; read it when all has ended
	linesMu   sync.Mutex

	mu        sync.Mutex
	proposals map[chain.Height]proposal.Proposal
	main      chain.UTXO
	requests  map[string]chain.RedemptionRequest // by script
	known     []*wire.MsgTx
	blind     bool // the chain cannot be read
}

// member is one operator with one backend.
type member struct {
	*world
	op      chain.Operator
	key     *secp256k1.PrivateKey
	backend *enclave
	log     *memory
	service *Service
	tamper  func(content any) []any
	stop    context.CancelFunc
	stopped chan struct{}

	memberMu  sync.Mutex
	noBackend error
	revoked   map[chain.Height]bool
	term      signer.Term
	away      bool // not served
	ignorant  bool // has no directory of transactions
	sends     Broadcaster
	attempts  []Attempt
	quoted    [][]byte
}

// newWorld makes a wallet whose operators hold as many seats as is said, at height 1000.
func newWorld(t testing.TB, threshold int, seats ...int) *world {
	w := &world{
		t: t, clock: chain.NewClock(chain.Freshness{MaxSilence: time.Hour}, 0), threshold: threshold,
		proposals: map[chain.Height]proposal.Proposal{}, requests: map[string]chain.RedemptionRequest{},
	}
	var roster []chain.Operator
	for i, n := range seats {
		key := secp256k1.PrivKeyFromBytes([]byte{31: byte(i + 1)})
		m := &member{
			world: w, key: key, op: nodewire.PublicKeyOf(key).Operator(), log: newMemory(), revoked: map[chain.Height]bool{},
			term: signer.Term{Generation: 1, Epoch: 1},
		}
		w.members = append(w.members, m)
		for range n {
			roster = append(roster, m.op)
		}
	}
	all := sharesOf(t, len(roster), threshold)
	group := all[1].Key()
	wallet, err := chain.NewWallet(group, roster)
	require.NoError(t, err)
	w.wallet, w.hub = wallet, &hub{name: signer.SigningTopic(wallet.ID())}
	for _, m := range w.members {
		own := map[chain.Seat]scheme.Share{}
		for _, s := range seatsOf(wallet, m.op, allSeats(wallet)) {
			own[s] = all[s]
		}
		m.backend = &enclave{
			self: m.op, shares: own, sessions: map[signer.SessionID]*ceremony{}, aborted: map[signer.SessionID]bool{},
			key: signer.KeyDetail{Roster: roster, Key: signer.Key{
				Wallet: wallet.ID(), Scheme: signer.FROST, Threshold: threshold, SeatCount: len(roster), GroupKey: group[:], State: signer.KeyActive,
				Seats: seatsOf(wallet, m.op, allSeats(wallet)),
			}},
			proposals: m.proposal,
		}
		m.proposalsFrom()
	}
	w.at(1000)
	return w
}

// proposalsFrom lets the backend read proposals as its operator was told them.
func (m *member) proposalsFrom() { m.backend.proposals = m.proposal }

func (w *world) proposal(window chain.Height) proposal.Proposal {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.proposals[window]
}

func (w *world) at(h chain.Height) {
	w.clock.Observe(chain.Header{Height: h, Hash: sha256.Sum256(fmt.Append(nil, h))})
}

// mine makes blocks up to a height, one every twelve seconds.
func (w *world) mine(to chain.Height) {
	for h := w.clock.Height() + 1; h <= to; h++ {
		time.Sleep(blockTime)
		w.at(h)
	}
	synctest.Wait()
}

// start runs everybody.
func (w *world) start(members ...*member) {
	if members == nil {
		members = w.members
	}
	for _, m := range members {
		m.start()
	}
}

// end stops everybody; synctest then fails the test if a goroutine is left.
func (w *world) end() {
	for _, m := range w.members {
		if m.stop != nil {
			m.halt()
		}
	}
}

func (m *member) start() {
	service, err := New(Config{
		Self: m.op, Clock: m.clock, Log: m.log, Source: m, Chain: m, Transactions: m, Backends: m, Logger: m.logger(),
		Open: func(wallet chain.Wallet) (Topic, error) {
			require.Equal(m.t, m.wallet.ID(), wallet.ID())
			return m.hub.open(m.op, m.key, m.tamper), nil
		},
		Broadcaster: m.sends,
		Term: func(chain.WalletID) (signer.Term, bool) {
			m.memberMu.Lock()
			defer m.memberMu.Unlock()
			return m.term, !m.away
		},
		Quote: func(signed []byte) {
			m.memberMu.Lock()
			defer m.memberMu.Unlock()
			m.quoted = append(m.quoted, signed)
		},
		Observe: func(_ proposal.Order, a Attempt) {
			m.memberMu.Lock()
			defer m.memberMu.Unlock()
			m.attempts = append(m.attempts, a)
		},
	})
	require.NoError(m.t, err)
	ctx, stop := context.WithCancel(m.t.Context())
	m.service, m.stop, m.stopped = service, stop, make(chan struct{})
	go func() {
		defer close(m.stopped)
		_ = service.Run(ctx)
	}()
}

func (m *member) halt() {
	m.stop()
	<-m.stopped
	m.stop = nil
}

// logger writes into the world's lines; operators write at once.
func (m *member) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(lockedWriter{m.world}, &slog.HandlerOptions{Level: slog.LevelWarn})).With("self", m.op)
}

type lockedWriter struct{ w *world }

func (l lockedWriter) Write(p []byte) (int, error) {
	l.w.linesMu.Lock()
	defer l.w.linesMu.Unlock()
	return l.w.lines.Write(p)
}

func (m *member) Wallet(context.Context, chain.WalletID) (chain.Wallet, error) { return m.wallet, nil }

func (m *member) Statement(_ context.Context, o proposal.Order) ([]byte, error) {
	return fmt.Appendf(nil, "what the leader signed in window %d", o.Window), nil
}

func (m *member) Revoked(_ context.Context, _ chain.WalletID, window chain.Height) (bool, error) {
	m.memberMu.Lock()
	defer m.memberMu.Unlock()
	return m.revoked[window], nil
}

func (m *member) revoke(window chain.Height) {
	m.memberMu.Lock()
	defer m.memberMu.Unlock()
	m.revoked[window] = true
}

func (m *member) For(chain.WalletID) (signer.Backend, error) {
	m.memberMu.Lock()
	defer m.memberMu.Unlock()
	if m.noBackend != nil {
		return nil, m.noBackend
	}
	return m.backend, nil
}

var errBlind = errors.New("no endpoint answers")

func (w *world) MainUTXOHash(context.Context, chain.WalletID) ([32]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.blind {
		return [32]byte{}, errBlind
	}
	if w.main.IsZero() {
		return [32]byte{}, nil
	}
	return w.main.Hash(), nil
}

func (w *world) RedemptionRequests(_ context.Context, _ chain.WalletID, scripts [][]byte) ([]chain.RedemptionRequest, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []chain.RedemptionRequest
	for _, s := range scripts {
		r, ok := w.requests[string(s)]
		if !ok {
			return nil, chain.ErrNoRequest
		}
		found = append(found, r)
	}
	return found, nil
}

func (m *member) Candidates(context.Context, chain.WalletID) ([]*wire.MsgTx, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ignorant {
		return nil, nil
	}
	return m.known, nil
}

// heartbeat is an order of a window: signing from c+100 to c+400.
func (w *world) heartbeat(window chain.Height) proposal.Order {
	return w.order(window, proposal.Heartbeat{Message: proposal.HeartbeatMessage(w.wallet.ID(), window)})
}

func (w *world) order(window chain.Height, p proposal.Proposal) proposal.Order {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.proposals[window] = p
	return proposal.Order{Wallet: w.wallet.ID(), Window: window, Proposal: p, Start: window + 100, Expiry: window + 700}
}

// digest of a heartbeat.
func (w *world) digest(o proposal.Order) signer.Digest {
	return signer.Intent{Wallet: o.Wallet, Window: o.Window}.Digest(o.Proposal)
}

// outcomed is how an operator's action ended.
type outcomed struct {
	outcome action.Outcome
	detail  string
}

// handling is one operator's action under way.
type handling struct {
	cancel context.CancelFunc
	done   chan outcomed // holds one
}

// handle carries an order out as the dispatcher does: until signing must have ended, or until cancel.
func (m *member) handle(o proposal.Order) *handling {
	return m.handleBy(o, func(ctx context.Context) (action.Outcome, string) {
		return m.service.Handlers()[o.Proposal.Kind()].Handle(ctx, o)
	})
}

// handleBy is the same with another handler than the kind's.
func (m *member) handleBy(o proposal.Order, handle func(ctx context.Context) (action.Outcome, string)) *handling {
	ctx, end := context.WithCancelCause(m.t.Context())
	cancel := func() { end(nil) }
	h := &handling{cancel, make(chan outcomed, 1)}
	go func() {
		defer cancel()
		if m.clock.Until(ctx, o.SigningStart()) != nil {
			h.done <- outcomed{}
			return
		}
		go func() {
			if m.clock.Until(ctx, o.SigningEnd()) == nil {
				end(action.ErrExpired)
			}
		}()
		outcome, detail := handle(ctx)
		if outcome == "" && m.clock.Height() >= o.SigningEnd() {
			outcome = action.Expired
		}
		h.done <- outcomed{outcome, detail}
	}()
	return h
}

// over returns how an action ended; the test fails if it has not.
func (h *handling) over(t testing.TB) outcomed {
	t.Helper()
	select {
	case e := <-h.done:
		return e
	default:
		require.FailNow(t, "the action has not ended")
		return outcomed{}
	}
}

// play carries an order out by some operators, all if none are named, until signing must have ended. It returns how it ended.
func (w *world) play(o proposal.Order, members ...*member) map[*member]outcomed {
	w.t.Helper()
	if members == nil {
		members = w.members
	}
	under := map[*member]*handling{}
	for _, m := range members {
		under[m] = m.handle(o)
	}
	w.mine(o.SigningEnd() + 1)
	all := map[*member]outcomed{}
	for m, h := range under {
		all[m] = h.over(w.t)
	}
	return all
}

func (w *world) by(op chain.Operator) *member {
	for _, m := range w.members {
		if m.op == op {
			return m
		}
	}
	require.FailNow(w.t, "no such operator")
	return nil
}

// requireSigned demands that an action ended well, and that what is stored is the wallet's signature.
func (m *member) requireSigned(o proposal.Order, e outcomed) Signing {
	m.t.Helper()
	require.Equal(m.t, action.OK, e.outcome, "%v: %s", m.op, e.detail)
	row := m.log.get(o.Window)
	require.NotEmpty(m.t, row.Signed)
	require.NotZero(m.t, row.FinishedAt)
	if o.Proposal.Kind() == proposal.KindHeartbeat {
		require.NoError(m.t, scheme.Verify(signer.FROST, m.wallet.Key(), heartbeatHash(m.t, m.wallet, o), row.Signed))
	}
	return row
}
