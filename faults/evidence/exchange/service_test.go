package exchange_test

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/internal/bubble"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/proposal"
)

func TestMain(m *testing.M) { bubble.Main(m) }

const (
	chainID = 11155111
	block   = 12 * time.Second
)

func key(n byte) *secp256k1.PrivateKey { return secp256k1.PrivKeyFromBytes([]byte{n}) }

func operator(n byte) chain.Operator { return wire.PublicKeyOf(key(n)).Operator() }

// wallet makes the n-th wallet, with one seat for each operator.
func wallet(t require.TestingT, n byte, operators ...byte) chain.Wallet {
	var roster []chain.Operator
	for _, op := range operators {
		roster = append(roster, operator(op))
	}
	w, err := chain.NewWallet(chain.PublicKey(wire.PublicKeyOf(key(200+n)).Uncompressed()), roster)
	require.NoError(t, err)
	return w
}

// says makes what an operator says as leader.
func says(t require.TestingT, op byte, w chain.Wallet, window chain.Height, what byte) evidence.Statement {
	return saysWith(t, op, w, window, what, binary.BigEndian.AppendUint64(nil, 7))
}

// saysWith does so under a sequence number, of which the network limits neither form nor length.
func saysWith(t require.TestingT, op byte, w chain.Wallet, window chain.Height, what byte, seqno []byte) evidence.Statement {
	payload := proposal.EncodeMessage(proposal.Message{Sender: 1, Block: window, Wallet: w.ID(), Proposal: proposal.Heartbeat{Message: [16]byte{15: what}}})
	envelope := wire.EncodeEnvelope(wire.Envelope{Sender: wire.PublicKeyOf(key(op)), Payload: payload, Type: wire.CoordinationMessage, Sequence: 1})
	s, err := evidence.ReadStatement(wire.SignPubsub(key(op), wire.ChannelName(w.Key()), envelope, seqno).Bytes())
	require.NoError(t, err)
	return s
}

// world is some operators on one network and one chain.
type world struct {
	t      *testing.T
	hub    *hub
	clock  *chain.Clock
	wallet chain.Wallet
	leader byte
	ops    map[byte]*operatorAt
}

// operatorAt is one operator with one instance.
type operatorAt struct {
	*port
	log     *memory
	service *exchange.Service
	stop    context.CancelFunc
	done    chan error
}

// newWorld makes operators of one wallet, the first of whom leads every window, at the height 900.
func newWorld(t *testing.T, operators ...byte) *world {
	t.Helper()
	w := &world{
		t: t, hub: &hub{}, clock: chain.NewClock(chain.Freshness{MaxSilence: time.Hour}, 0), leader: operators[0],
		wallet: wallet(t, 1, operators...), ops: map[byte]*operatorAt{},
	}
	w.height(900)
	for _, n := range operators {
		w.ops[n] = &operatorAt{log: newMemory(chainID, operator(n), operator(w.leader), w.wallet)}
	}
	return w
}

// inWorld runs a test in virtual time.
func inWorld(t *testing.T, operators []byte, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, operators...)
		defer func() {
			for n := range w.ops {
				w.halt(n)
			}
		}()
		test(t, w)
	})
}

// start starts an operator's only instance; change may alter what it is made of.
func (w *world) start(n byte, change ...func(*exchange.Config)) {
	w.t.Helper()
	o := w.ops[n]
	o.port = w.hub.plug(string(rune('a'+n)), key(n))
	o.service, o.stop, o.done = w.run(o.port, o.log, change...)
}

func (w *world) run(p *port, log *memory, change ...func(*exchange.Config)) (*exchange.Service, context.CancelFunc, chan error) {
	w.t.Helper()
	cfg := exchange.Config{
		Chain: chainID, Key: p.key, Instance: p.name, Clock: w.clock, Log: log, Network: p,
		Wallets: func(context.Context) ([]chain.Wallet, error) { return log.wallets, nil }, Logger: slog.New(slog.DiscardHandler),
	}
	for _, c := range change {
		c(&cfg)
	}
	service, err := exchange.New(cfg)
	require.NoError(w.t, err)
	w.hub.mu.Lock()
	p.service = service
	w.hub.mu.Unlock()
	ctx, stop := context.WithCancel(w.t.Context())
	done := make(chan error, 1)
	go func() { done <- service.Run(ctx) }()
	return service, stop, done
}

func (w *world) startAll() {
	for n := range w.ops {
		w.start(n)
	}
	synctest.Wait()
}

// halt ends an operator's instance, if it runs.
func (w *world) halt(n byte) {
	w.t.Helper()
	o := w.ops[n]
	if o.stop == nil {
		return
	}
	o.stop()
	require.NoError(w.t, <-o.done)
	o.stop = nil
	w.hub.unplug(o.port)
}

// height has the chain show a height.
func (w *world) height(h chain.Height) {
	w.clock.Observe(chain.Header{Height: h, Hash: chain.Hash(binary.BigEndian.AppendUint64(make([]byte, 24), uint64(h))), Time: time.Now()})
}

// to lets the chain come to a height, block by block.
func (w *world) to(h chain.Height) {
	for next := w.clock.Height() + 1; next <= h; next++ {
		w.height(next)
		time.Sleep(block)
	}
	synctest.Wait()
}

// hears has operators hear the leader in a window.
func (w *world) hears(window chain.Height, what byte, who ...byte) {
	for _, n := range who {
		w.ops[n].log.hear(says(w.t, w.leader, w.wallet, window, what))
	}
}

// over is the height at which all that follows a window is done.
const over chain.Height = 300

func TestHeadsAreMadeAndToldAfterEachWindow(t *testing.T) {
	inWorld(t, []byte{1, 2, 3}, func(t *testing.T, w *world) {
		w.startAll()
		w.to(900 + 99)
		require.Empty(t, w.ops[1].log.attested(), "the window still lasts")
		for _, window := range []chain.Height{900, 1800, 2700} {
			w.hears(window, 1, 1, 2, 3)
			w.to(window + over)
		}
		for n := range w.ops {
			made := w.ops[n].log.attested()
			require.Len(t, made, 3)
			require.Equal(t, evidence.Follows, evidence.LinkOf(made[1], made[2]))
			require.Len(t, w.ops[n].log.others, 6, "of two others, three windows")
			require.Empty(t, w.ops[n].log.kept())
			c := w.ops[n].service.Counters()
			require.EqualValues(t, 3, c.HeadsMade)
			require.EqualValues(t, 6, c.HeadsHeard["fresh"])
			require.EqualValues(t, 6, c.Comparisons)
			require.Equal(t, exchange.NewCounters().Findings, c.Findings)
		}
	})
}

// Two hear one proposal and two the other; what crosses are heads and comparisons.
func TestATwoFacedLeaderIsProvedWithinOneWindow(t *testing.T) {
	inWorld(t, []byte{1, 2, 3, 4, 5}, func(t *testing.T, w *world) {
		w.startAll()
		w.hears(900, 1, 1, 2, 3)
		w.hears(900, 2, 4, 5)
		w.to(1800)
		for _, n := range []byte{2, 3, 4, 5} {
			proofs := w.ops[n].log.kept()
			require.Len(t, proofs, 1, "operator %d", n)
			require.Equal(t, evidence.TwoStatements, proofs[0].Kind)
			p, err := evidence.Verify(proofs[0].Encoded, evidence.Operators{Chain: chainID, Wallet: w.wallet})
			require.NoError(t, err)
			require.Equal(t, evidence.Slot{Wallet: w.wallet.ID(), Window: 900, Operator: operator(1)}, p.Slot())
		}
		w.to(900 + 3*900)
		for _, n := range []byte{2, 3, 4, 5} {
			require.True(t, w.ops[n].log.kept()[0].Told, "operator %d knows that all others have it", n)
			require.Len(t, w.ops[n].log.kept(), 1)
		}
	})
}

func TestASilentGapIsFilledAndNobodyIsGuilty(t *testing.T) {
	inWorld(t, []byte{1, 2, 3}, func(t *testing.T, w *world) {
		w.startAll()
		w.hears(900, 1, 1, 2)
		w.to(900 + over)
		require.Equal(t, evidence.Late, w.ops[3].log.entry(w.wallet.ID(), 900).Status)
		w.hears(1800, 1, 1, 2, 3)
		w.to(1800 + over)
		w.hears(2700, 1, 1, 2, 3)
		w.to(2700 + over)
		for n := range w.ops {
			require.Empty(t, w.ops[n].log.kept())
			require.EqualValues(t, 6, w.ops[n].service.Counters().Comparisons)
		}
		r, err := w.ops[1].service.Compare(t.Context(), operator(3))
		require.NoError(t, err)
		require.True(t, r.Complete)
		require.Empty(t, r.Findings, "it was explained before")
		require.Equal(t, 1, r.Traffic.Rounds)
	})
}

// A head is stored, and the process is killed before it is sent: the next one sends it, and makes no other.
func TestAKillBetweenStoreAndSendMakesNoSecondHead(t *testing.T) {
	inWorld(t, []byte{1, 2}, func(t *testing.T, w *world) {
		w.start(2)
		w.start(1, func(c *exchange.Config) { c.Network = mute{c.Network} })
		w.to(900 + over)
		made := w.ops[1].log.attested()
		require.Len(t, made, 1)
		require.Empty(t, w.ops[2].log.others, "nothing was sent")
		w.halt(1)
		w.ops[1].log.hear(says(t, 1, w.wallet, 900, 1)) // it would make another one now
		w.start(1)
		w.to(900 + over + 10)
		require.Equal(t, made, w.ops[1].log.attested())
		require.Equal(t, made[0].ID(), w.ops[2].log.others[0].ID())
		w.to(1800 + over)
		require.Len(t, w.ops[2].log.others, 2)
		require.Empty(t, w.ops[2].log.kept())
		require.Equal(t, evidence.Follows, evidence.LinkOf(w.ops[2].log.others[0], w.ops[2].log.others[1]))
	})
}

// mute is a network on which nothing can be said.
type mute struct{ exchange.Network }

func (m mute) Open(c exchange.Conversation) (exchange.Topic, error) {
	t, err := m.Network.Open(c)
	return silent{t}, err
}

type silent struct{ exchange.Topic }

func (silent) Publish(context.Context, []byte) error { return errors.New("nothing can be said") }

// Restarts, and an instance that ends for a window, leave one head of each window, and no suspicion but for what was skipped.
func TestRestartsMakeNoSecondHead(t *testing.T) {
	inWorld(t, []byte{1, 2}, func(t *testing.T, w *world) {
		w.startAll()
		for window := chain.Height(900); window <= 9000; window += 900 {
			w.hears(window, 1, 1, 2)
			w.to(window + 50)
			w.halt(1)
			if window%1800 == 0 {
				w.to(window + 150) // it was away when the window ended
			}
			w.start(1)
			w.to(window + 101 + window/900) // anywhere while the head is made and told
			w.halt(1)
			w.start(1)
			w.to(window + over)
		}
		require.Len(t, w.ops[1].log.attested(), 10)
		require.Len(t, w.ops[2].log.others, 10)
		require.Empty(t, w.ops[2].log.kept())
		require.Zero(t, w.ops[2].service.Counters().HeadsHeard["suspect"])
	})
}

// Of two instances of one operator one makes the head of a window; the other takes it over, and answers with it.
func TestInstancesMakeOneHeadOfAWindow(t *testing.T) {
	inWorld(t, []byte{1, 2}, func(t *testing.T, w *world) {
		w.startAll()
		sibling := w.hub.plug("sibling", key(1))
		service, stop, done := w.run(sibling, w.ops[1].log)
		for _, window := range []chain.Height{900, 1800, 2700} {
			w.hears(window, 1, 1, 2)
			w.to(window + over)
		}
		stop()
		require.NoError(t, <-done)
		made := w.ops[1].log.attested()
		require.Len(t, made, 3)
		require.EqualValues(t, 3, service.Counters().HeadsMade+w.ops[1].service.Counters().HeadsMade)
		for _, s := range []*exchange.Service{service, w.ops[1].service} {
			a, ok := s.Attested(2700)
			require.True(t, ok)
			require.Equal(t, made[2].ID(), a.Head.ID())
		}
		require.Len(t, w.ops[2].log.others, 3)
		require.Empty(t, w.ops[2].log.kept())
	})
}

// Operator 4 is away for 140 windows, more than twice as many as proofs are told after each of.
func TestWhoWasAwayForLongIsToldOfAProofAllTheSame(t *testing.T) {
	const away, until = 140, 260
	inWorld(t, []byte{1, 2, 3, 4}, func(t *testing.T, w *world) {
		for _, n := range []byte{1, 2, 3} {
			w.start(n)
		}
		w.hears(900, 1, 1, 2)
		w.hears(900, 2, 3)
		w.to(1800)
		pass := func(from, to chain.Height) {
			for n := from; n <= to; n++ {
				w.height(n*900 + 99)
				w.to(n*900 + 115)
			}
		}
		pass(2, away)
		w.start(4)
		pass(away+1, until)
		late := w.ops[4].log.kept()
		require.Len(t, late, 1)
		_, err := evidence.Verify(late[0].Encoded, evidence.Operators{Chain: chainID, Wallet: w.wallet})
		require.NoError(t, err)
		require.Greater(t, late[0].At, 900+exchange.Late)
		for _, n := range []byte{2, 3} {
			proofs := w.ops[n].log.kept()
			require.Len(t, proofs, 1)
			require.Contains(t, proofs[0].Holders, operator(4))
			require.Greater(t, w.told(n, proofs[0].ID, 900, 67*900), 60)
			rare := w.told(n, proofs[0].ID, 67*900, until*900)
			require.GreaterOrEqual(t, rare, 1, "operator %d tells it still", n)
			require.LessOrEqual(t, rare, 3, "and rarely")
		}
	})
}

// told counts after how many windows from one to before another an operator told of a proof.
func (w *world) told(n byte, id string, from, to chain.Height) int {
	w.t.Helper()
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	windows := map[chain.Height]bool{}
	for _, data := range w.ops[n].news {
		window, ids, err := exchange.ToldIn(data)
		require.NoError(w.t, err)
		if slices.Contains(ids, id) && window >= from && window < to {
			windows[window] = true
		}
	}
	return len(windows)
}
