package executor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/chaintest"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/proposal"
)

// stage is one executor with everything around it in the test's hand: heads, messages, the validator's verdicts and
// what the journal keeps across restarts. Whoever speaks is named by role, since the seed elects.
type stage struct {
	t         *testing.T
	chain     *chaintest.Chain
	clock     *chain.Clock
	channel   *fakeChannel
	journal   *fakeJournal
	generator *fakeGenerator
	validator *fakeValidator
	wallet    chain.Wallet
	window    coordination.Window
	leader    chain.Operator
	followers []chain.Operator
	self      chain.Operator

	banned bool         // the leader is
	lines  bytes.Buffer // what is logged at info and above; read it when nobody writes

	hold   chan struct{} // the first message makes the processor busy, the second frees it
	mu     sync.Mutex
	got    []coordination.Report
	cancel context.CancelFunc
	done   chan struct{}
}

// newStage sets up window 900 of a wallet with three operators, A B C A B: every operator but C has two seats.
func newStage(t *testing.T, asLeader bool) *stage {
	t.Helper()
	s := &stage{t: t, chain: chaintest.New(0), journal: newJournal(), generator: &fakeGenerator{}, validator: &fakeValidator{}, hold: make(chan struct{})}
	key, err := chain.ParsePublicKey(vectors(t)[0].WalletPublicKey)
	require.NoError(t, err)
	a, b, c := chain.Operator{0xaa}, chain.Operator{0xbb}, chain.Operator{0xcc}
	s.wallet, err = chain.NewWallet(key, []chain.Operator{a, b, c, a, b})
	require.NoError(t, err)
	s.window, _ = coordination.RFC12().Window(900)
	s.elect()
	s.self = s.followers[0]
	if asLeader {
		s.self = s.leader
	}
	s.restart()
	return s
}

// elect finds out who leads by the chain as it is, which is what the executor must find out too.
func (s *stage) elect() {
	s.chain.Show(s.window.SeedBlock)
	safe, err := s.chain.Header(s.t.Context(), s.window.SeedBlock)
	require.NoError(s.t, err)
	s.leader = Leader(Seed(s.wallet.ID(), safe.Hash), s.wallet.Roster())
	s.followers = nil
	for _, op := range s.wallet.Operators() {
		if op != s.leader {
			s.followers = append(s.followers, op)
		}
	}
}

// restart makes a new process: a new clock and channel on the same chain and journal.
func (s *stage) restart() {
	s.clock = chain.NewClock(chain.Freshness{MaxSilence: time.Minute}, 0)
	s.chain.Follow(s.clock)
	s.channel = &fakeChannel{arrived: make(chan struct{}), clock: s.clock}
	s.channel.sight = net.Sight{Subscribed: true, Operators: 2}
}

// open starts the executor at a height, as the layer does.
func (s *stage) open(at chain.Height) { s.run(at, at, false) }

func (s *stage) run(at, openedAt chain.Height, linger bool) {
	s.t.Helper()
	s.show(at)
	e, err := New(Config{
		Wallet: s.wallet, Self: s.self, Clock: s.clock, Headers: s.chain, Channel: s.channel, Journal: s.journal,
		Generator: s.generator, Validator: s.validator, Logger: slog.New(slog.NewTextHandler(&s.lines, nil)),
		Banned: func(op chain.Operator) bool { return s.banned && op == s.leader },
	})
	require.NoError(s.t, err)
	var ctx context.Context
	ctx, s.cancel = context.WithCancel(s.t.Context())
	reports := make(chan coordination.Report)
	s.done = make(chan struct{})
	done := s.done
	go func() {
		defer close(done)
		if linger {
			e.Linger(ctx, s.window, reports)
		} else {
			e.Coordinate(ctx, s.window, openedAt, reports)
		}
	}()
	go func() {
		for {
			select {
			case <-s.hold:
				<-s.hold
			case r := <-reports:
				s.mu.Lock()
				s.got = append(s.got, r)
				s.mu.Unlock()
			case <-done:
				return
			}
		}
	}()
	synctest.Wait()
}

// kill ends the process in the middle of whatever it does.
func (s *stage) kill() {
	s.cancel()
	<-s.done
	synctest.Wait()
}

// show moves the chain through heights, with twelve seconds between them.
func (s *stage) show(heights ...chain.Height) { showEach(s.chain, heights...) }

// showEach has a chain show heights, and everybody come to rest after each.
func showEach(c *chaintest.Chain, heights ...chain.Height) {
	for _, h := range heights {
		time.Sleep(12 * time.Second)
		c.Show(h)
		synctest.Wait()
	}
}

// pass lets every block up to h go by, so that the clock never goes stale.
func (s *stage) pass(h chain.Height) {
	for next := s.clock.Height() + 1; next <= h; next++ {
		s.show(next)
	}
}

// says delivers a message of an operator from a seat.
func (s *stage) says(author chain.Operator, seat chain.Seat, p proposal.Proposal) {
	s.channel.deliver(s.message(author, seat, p))
	synctest.Wait()
}

func (s *stage) message(author chain.Operator, seat chain.Seat, p proposal.Proposal) net.Message {
	m := proposal.Message{Sender: seat, Block: s.window.Block, Wallet: s.wallet.ID(), Proposal: p}
	payload := proposal.EncodeMessage(m)
	return net.Message{
		Slot:       net.Slot{Wallet: m.Wallet, Window: m.Block, Seat: seat, Digest: m.Digest()},
		Author:     author,
		Payload:    payload,
		Signed:     fmt.Appendf(nil, "%s signed %x", author, payload),
		ArrivedAt:  s.clock.Height(),
		ReceivedAt: time.Now(),
	}
}

func (s *stage) leaderSays(p proposal.Proposal) { s.says(s.leader, s.wallet.LowestSeat(s.leader), p) }

// result ends the active phase and returns the one result.
func (s *stage) result() coordination.Result {
	s.t.Helper()
	s.pass(s.window.ActiveEnd)
	s.mu.Lock()
	defer s.mu.Unlock()
	require.NotEmpty(s.t, s.got, "a window always ends in a result")
	r, ok := s.got[0].(coordination.Result)
	require.True(s.t, ok, "the result comes first")
	for _, later := range s.got[1:] {
		require.IsType(s.t, coordination.Amendment{}, later, "there is only one result")
	}
	return r
}

// amendments ends the window and returns what came after the result.
func (s *stage) amendments() []coordination.Amendment {
	s.t.Helper()
	s.pass(s.window.End)
	<-s.done
	synctest.Wait() // the last report is taken down too
	var found []coordination.Amendment
	for _, r := range s.got {
		if a, ok := r.(coordination.Amendment); ok {
			found = append(found, a)
		}
	}
	return found
}

// charge is what a fault says of whom.
type charge struct {
	kind       faults.Kind
	culprit    chain.Operator
	attributed bool
}

func charges(fs []faults.Fault) []charge {
	var cs []charge
	for _, f := range fs {
		cs = append(cs, charge{f.Kind, f.Culprit, f.Attributed})
	}
	return cs
}

// redemption is on every checklist.
func redemption(fee int64) proposal.Redemption {
	return proposal.Redemption{OutputScripts: [][]byte{{0, 20}}, TxFee: big.NewInt(fee)}
}

// fakeChannel delivers what the test says and remembers what is published.
type fakeChannel struct {
	clock *chain.Clock

	mu         sync.Mutex
	inbox      []net.Message
	arrived    chan struct{}
	sight      net.Sight
	mismatched map[chain.Operator]bool
	published  []published
	refusal    error // of Publish
}

type published struct {
	envelope string
	at       chain.Height
}

func (c *fakeChannel) deliver(m net.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inbox = append(c.inbox, m)
	close(c.arrived)
	c.arrived = make(chan struct{})
}

func (c *fakeChannel) see(change func(*net.Sight)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.sight)
}

func (c *fakeChannel) Take(window chain.Height) []net.Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := c.inbox
	c.inbox = nil
	return taken
}

func (c *fakeChannel) Return(_ chain.Height, messages []net.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inbox = slices.Concat(messages, c.inbox)
}

func (c *fakeChannel) Arrived() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.arrived
}

func (c *fakeChannel) Seal(payload []byte, sequence uint64) ([]byte, error) {
	return fmt.Appendf(nil, "%d:%x", sequence, payload), nil
}

func (c *fakeChannel) Publish(_ context.Context, envelope []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refusal == nil {
		c.published = append(c.published, published{string(envelope), c.clock.Height()})
	}
	return c.refusal
}

func (c *fakeChannel) Sight() net.Sight {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sight
}

func (c *fakeChannel) Mismatched(op chain.Operator) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mismatched[op]
}

// fakeJournal is what survives a restart.
type fakeJournal struct {
	mu         sync.Mutex
	failure    error
	hangs      int // of the next calls of Own, that have no answer before their context ends
	own        *coordination.OwnProposal
	statements []coordination.Statement
	saving     func(context.Context) error // runs before a proposal is saved
}

func newJournal() *fakeJournal { return &fakeJournal{} }

func (j *fakeJournal) fail(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.failure = err
}

func (j *fakeJournal) SaveOwn(ctx context.Context, _ chain.WalletID, _ chain.Height, own coordination.OwnProposal) (coordination.OwnProposal, error) {
	if j.saving != nil {
		if err := j.saving(ctx); err != nil {
			return coordination.OwnProposal{}, err
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failure != nil {
		return coordination.OwnProposal{}, j.failure
	}
	if j.own == nil {
		j.own = &own
	}
	return *j.own, nil
}

func (j *fakeJournal) Own(ctx context.Context, _ chain.WalletID, _ chain.Height) (coordination.OwnProposal, bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.hangs > 0 {
		j.hangs--
		j.mu.Unlock()
		<-ctx.Done()
		j.mu.Lock()
		return coordination.OwnProposal{}, false, ctx.Err()
	}
	if j.own == nil {
		return coordination.OwnProposal{}, false, j.failure
	}
	return *j.own, true, j.failure
}

func (j *fakeJournal) SaveStatement(_ context.Context, s coordination.Statement) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failure == nil {
		j.statements = append(j.statements, s)
	}
	return j.failure
}

func (j *fakeJournal) Statements(context.Context, chain.WalletID, chain.Height) ([]coordination.Statement, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]coordination.Statement(nil), j.statements...), j.failure
}

// fakeGenerator makes what the test puts into it.
type fakeGenerator struct {
	makes map[proposal.Kind]proposal.Proposal
	fails map[proposal.Kind]error
	// during runs while a proposal is being made.
	during func()
	last   proposal.Request
}

func (g *fakeGenerator) Generate(_ context.Context, kind proposal.Kind, r proposal.Request) (proposal.Proposal, error) {
	g.last = r
	if g.during != nil {
		g.during()
	}
	return g.makes[kind], g.fails[kind]
}

// fakeValidator passes everything unless told otherwise; verdicts are given per height.
type fakeValidator struct {
	mu      sync.Mutex
	verdict func(p proposal.Proposal) proposal.Verdict
	// during runs while a proposal is being validated.
	during func(ctx context.Context)
	calls  int
}

func (v *fakeValidator) Validate(ctx context.Context, _ chain.WalletID, p proposal.Proposal) proposal.Verdict {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calls++
	if v.during != nil {
		v.during(ctx)
	}
	if v.verdict == nil {
		return proposal.Verdict{Outcome: proposal.Valid}
	}
	return v.verdict(p)
}

var errDisk = errors.New("disk full")

func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }
