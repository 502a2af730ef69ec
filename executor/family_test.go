package executor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
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

// family is the instances of one operator on one database, each with its own clock, channels and belief about which wallets
// are its own. Whoever writes for a wallet that the database says is another's gets chain.ErrNotServed.
type family struct {
	t         *testing.T
	chain     *chaintest.Chain
	self      chain.Operator
	wallets   []chain.Wallet
	database  *database
	instances []*instance
}

// instance is one process of the family, as a node wires it.
type instance struct {
	family  *family
	number  int
	clock   *chain.Clock
	custody *belief
	lines   map[chain.WalletID]*line
	stop    func()
}

func newFamily(t *testing.T, size int, self chain.Operator, wallets ...chain.Wallet) *family {
	t.Helper()
	f := &family{t: t, chain: chaintest.New(0), self: self, wallets: wallets, database: newDatabase()}
	for n := range size {
		f.start(n)
	}
	return f
}

func (f *family) start(number int) {
	n := &instance{
		family: f, number: number, clock: chain.NewClock(chain.Freshness{MaxSilence: time.Minute}, 0),
		custody: &belief{terms: make(map[chain.WalletID]coordination.Term), changed: make(chan struct{})},
		lines:   make(map[chain.WalletID]*line),
	}
	f.instances = append(f.instances, n)
	f.chain.Follow(n.clock)
	for _, w := range f.wallets {
		n.lines[w.ID()] = newLine(n, w)
	}
	pen := pen{f.database, number}
	watcher, err := coordination.NewWatcher(coordination.WatcherConfig{
		Schedule: coordination.RFC12(), Clock: n.clock, Headers: f.chain, Log: pen, Logger: quietLog(),
	})
	require.NoError(f.t, err)
	layer, err := coordination.NewLayer(coordination.LayerConfig{
		Schedule: coordination.RFC12(), Clock: n.clock, Registry: registry(f.wallets), Log: pen, Custody: n.custody, Logger: quietLog(),
		Executor: func(w chain.Wallet) (coordination.Executor, error) {
			return New(Config{
				Wallet: w, Self: f.self, Clock: n.clock, Headers: f.chain, Channel: n.lines[w.ID()], Journal: pen,
				// Each instance would say something else, so that two that speak for one window are found out.
				Generator: &fakeGenerator{makes: map[proposal.Kind]proposal.Proposal{proposal.KindRedemption: redemption(int64(number))}},
				Validator: &fakeValidator{}, Logger: quietLog(),
			})
		},
	})
	require.NoError(f.t, err)
	processor, err := coordination.NewProcessor(coordination.ProcessorConfig{
		Log: pen, Dispatcher: noHandlers{}, Logger: quietLog(), Observe: func(coordination.Report) {},
	})
	require.NoError(f.t, err)
	ctx, cancel := context.WithCancel(f.t.Context())
	reports := make(chan coordination.Report)
	var running sync.WaitGroup
	running.Go(func() { _ = watcher.Run(ctx, layer.Open) })
	running.Go(func() { _ = layer.Run(ctx, reports) })
	running.Go(func() { _ = processor.Run(ctx, reports) })
	n.stop = func() {
		cancel()
		running.Wait()
	}
	synctest.Wait()
}

func (f *family) end() {
	for _, n := range f.instances {
		n.stop()
	}
}

// show moves the chain, with twelve seconds between heads.
func (f *family) show(heights ...chain.Height) {
	showEach(f.chain, heights...)
}

// pass lets every block up to h go by.
func (f *family) pass(h chain.Height) {
	for f.chain.Tip() < h {
		f.show(f.chain.Tip() + 1)
	}
}

// give makes an instance the owner of a wallet in the database; nobody for -1. Nobody knows yet.
func (f *family) give(wallet chain.Wallet, number int) {
	f.database.mu.Lock()
	defer f.database.mu.Unlock()
	o := f.database.owners[wallet.ID()]
	f.database.owners[wallet.ID()] = owner{number, o.epoch + 1}
}

// tell has an instance believe what the database says of a wallet.
func (f *family) tell(number int, wallet chain.Wallet) {
	f.database.mu.Lock()
	o := f.database.owners[wallet.ID()]
	f.database.mu.Unlock()
	term := coordination.Term(0)
	if o.number == number {
		term = o.epoch
	}
	f.instances[number].custody.set(wallet.ID(), term)
}

// move gives a wallet to an instance, and everybody knows: the one that loses it first.
func (f *family) move(wallet chain.Wallet, number int) {
	f.give(wallet, number)
	for n := range f.instances {
		if n != number {
			f.tell(n, wallet)
		}
	}
	synctest.Wait()
	if number >= 0 {
		f.tell(number, wallet)
	}
	synctest.Wait()
}

// leader elects by the chain as it is.
func (f *family) leader(wallet chain.Wallet, block chain.Height) chain.Operator {
	w, _ := coordination.RFC12().Window(block)
	safe, err := f.chain.Header(f.t.Context(), w.SeedBlock)
	require.NoError(f.t, err)
	return Leader(Seed(wallet.ID(), safe.Hash), wallet.Roster())
}

// says delivers what an operator says, from its lowest seat, to the instances that are named; to all if none is.
func (f *family) says(author chain.Operator, wallet chain.Wallet, block chain.Height, p proposal.Proposal, to ...int) {
	payload := proposal.EncodeMessage(proposal.Message{Sender: wallet.LowestSeat(author), Block: block, Wallet: wallet.ID(), Proposal: p})
	for n, i := range f.instances {
		if len(to) == 0 || slices.Contains(to, n) {
			i.lines[wallet.ID()].deliver(author, payload)
		}
	}
	synctest.Wait()
}

// result returns how a window ended for a wallet.
func (f *family) result(wallet chain.Wallet, block chain.Height) coordination.Result {
	f.t.Helper()
	f.database.mu.Lock()
	defer f.database.mu.Unlock()
	row := f.database.rows[row{wallet.ID(), block}]
	require.NotNil(f.t, row, "nobody began the window")
	require.True(f.t, row.Finished, "the window has no result")
	return row.result
}

func (f *family) finished(wallet chain.Wallet, block chain.Height) bool {
	f.database.mu.Lock()
	defer f.database.mu.Unlock()
	row := f.database.rows[row{wallet.ID(), block}]
	return row != nil && row.Finished
}

// said returns what the family sent for a window, each differing envelope once.
func (f *family) said(wallet chain.Wallet, block chain.Height) []string {
	f.database.mu.Lock()
	defer f.database.mu.Unlock()
	return slices.Collect(maps.Keys(f.database.sent[row{wallet.ID(), block}]))
}

// belief is the custody of an instance.
type belief struct {
	mu      sync.Mutex
	terms   map[chain.WalletID]coordination.Term
	changed chan struct{}
}

func (b *belief) set(wallet chain.WalletID, term coordination.Term) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.terms[wallet] == term {
		return
	}
	b.terms[wallet] = term
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *belief) Term(wallet chain.WalletID) coordination.Term {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.terms[wallet]
}

func (b *belief) Changed() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changed
}

// line is a wallet's channel as one instance has it.
type line struct {
	instance *instance
	wallet   chain.Wallet

	mu      sync.Mutex
	inbox   map[chain.Height][]net.Message
	known   map[[32]byte]bool
	arrived chan struct{}
	sight   net.Sight
}

func newLine(n *instance, w chain.Wallet) *line {
	return &line{
		instance: n, wallet: w, inbox: make(map[chain.Height][]net.Message), known: make(map[[32]byte]bool), arrived: make(chan struct{}),
		sight: net.Sight{Subscribed: true, Operators: 2},
	}
}

func (l *line) deliver(author chain.Operator, payload []byte) {
	m, err := proposal.DecodeMessage(payload)
	if err != nil {
		panic(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known[m.Digest()] {
		return // copies are not delivered
	}
	l.known[m.Digest()] = true
	l.put(m.Block, []net.Message{{
		Slot:   net.Slot{Wallet: m.Wallet, Window: m.Block, Seat: m.Sender, Digest: m.Digest()},
		Author: author, Payload: payload, Signed: fmt.Appendf(nil, "%s signed %x", author, payload),
		ArrivedAt: l.instance.clock.Height(), ReceivedAt: time.Now(),
	}})
}

func (l *line) put(window chain.Height, messages []net.Message) {
	l.inbox[window] = slices.Concat(messages, l.inbox[window])
	close(l.arrived)
	l.arrived = make(chan struct{})
}

func (l *line) Take(window chain.Height) []net.Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := l.inbox[window]
	delete(l.inbox, window)
	return taken
}

func (l *line) Return(window chain.Height, messages []net.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.put(window, messages)
}

func (l *line) Arrived() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.arrived
}

func (l *line) Seal(payload []byte, sequence uint64) ([]byte, error) {
	return slices.Concat(fmt.Appendf(nil, "%d:", sequence), payload), nil
}

// Publish sends to the siblings, unless the instance knows that the wallet is not its own.
func (l *line) Publish(_ context.Context, envelope []byte) error {
	if l.instance.custody.Term(l.wallet.ID()) == 0 {
		return fmt.Errorf("publish: %w", chain.ErrNotServed)
	}
	_, payload, _ := bytes.Cut(envelope, []byte(":"))
	m, err := proposal.DecodeMessage(payload)
	if err != nil {
		return err
	}
	f := l.instance.family
	f.database.note(m.Wallet, m.Block, string(envelope))
	for _, n := range f.instances {
		if n != l.instance {
			n.lines[m.Wallet].deliver(f.self, payload)
		}
	}
	return nil
}

func (l *line) Sight() net.Sight {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sight
}

func (l *line) Mismatched(chain.Operator) bool { return false }

type registry []chain.Wallet

func (r registry) Wallets(context.Context) ([]chain.Wallet, error) { return r, nil }

type noHandlers struct{}

func (noHandlers) Dispatch(proposal.Order)             {}
func (noHandlers) Revoke(chain.WalletID, chain.Height) {}
func (noHandlers) Reread()                             {}

// row names one wallet's part in one window.
type row struct {
	wallet chain.WalletID
	block  chain.Height
}

type owner struct {
	number int
	epoch  coordination.Term
}

// database is what the family shares.
type database struct {
	mu         sync.Mutex
	down       bool
	owners     map[chain.WalletID]owner
	windows    []coordination.Opened
	rows       map[row]*record
	own        map[row]coordination.OwnProposal
	statements map[row][]coordination.Statement
	amendments []coordination.Amendment
	sent       map[row]map[string]bool
}

type record struct {
	coordination.Progress
	result  coordination.Result
	results int // how many were stored
}

var errDown = errors.New("the database is down")

func newDatabase() *database {
	return &database{
		owners: make(map[chain.WalletID]owner), rows: make(map[row]*record), own: make(map[row]coordination.OwnProposal),
		statements: make(map[row][]coordination.Statement), sent: make(map[row]map[string]bool),
	}
}

func (d *database) note(wallet chain.WalletID, block chain.Height, envelope string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := row{wallet, block}
	if d.sent[key] == nil {
		d.sent[key] = make(map[string]bool)
	}
	d.sent[key][envelope] = true
}

// pen is the database as one instance may write in it.
type pen struct {
	*database
	number int
}

// fence takes the database's lock, which the caller gives back with what it returns, and checks that the wallet is ours.
func (p pen) fence(ctx context.Context, wallet chain.WalletID) (unlock func(), err error) {
	p.mu.Lock()
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case p.down:
		err = errDown
	case p.owners[wallet].number != p.number || p.owners[wallet].epoch == 0:
		err = fmt.Errorf("fenced: %w", chain.ErrNotServed)
	}
	return p.mu.Unlock, err
}

func (p pen) read(ctx context.Context) (unlock func(), err error) {
	p.mu.Lock()
	if err = ctx.Err(); err == nil && p.down {
		err = errDown
	}
	return p.mu.Unlock, err
}

func (p pen) LastWindow(ctx context.Context) (coordination.Opened, error) {
	return p.LastWindowAt(ctx, ^chain.Height(0))
}

func (p pen) LastWindowAt(ctx context.Context, head chain.Height) (last coordination.Opened, err error) {
	unlock, err := p.read(ctx)
	defer unlock()
	for _, o := range p.windows {
		if o.Block <= head && o.Block > last.Block {
			last = o
		}
	}
	return last, err
}

func (p pen) StartAfter(ctx context.Context, _ chain.Height) error {
	unlock, err := p.read(ctx)
	defer unlock()
	return err
}

func (p pen) OpenWindow(ctx context.Context, o coordination.Opened) error {
	unlock, err := p.read(ctx)
	defer unlock()
	if err == nil && !slices.ContainsFunc(p.windows, func(known coordination.Opened) bool { return known.Block == o.Block }) {
		p.windows = append(p.windows, o)
	}
	return err
}

func (p pen) RecordMissed(ctx context.Context, _ coordination.Missed) error {
	unlock, err := p.read(ctx)
	defer unlock()
	return err
}

func (p pen) Begin(ctx context.Context, wallet chain.WalletID, w coordination.Window, at chain.Height) (coordination.Progress, error) {
	unlock, err := p.fence(ctx, wallet)
	defer unlock()
	if err != nil {
		return coordination.Progress{}, err
	}
	key := row{wallet, w.Block}
	if p.rows[key] == nil {
		p.rows[key] = &record{Progress: coordination.Progress{OpenedAt: at}}
	}
	return p.rows[key].Progress, nil
}

func (p pen) FinishOpen(ctx context.Context, last chain.Height, reason coordination.Reason) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for wallet, o := range p.owners {
		if o.number != p.number {
			continue
		}
		for _, w := range p.windows {
			key := row{wallet, w.Block}
			if w.Block > last {
				continue
			}
			if p.rows[key] == nil {
				p.rows[key] = &record{Progress: coordination.Progress{OpenedAt: w.At}}
			}
			if r := p.rows[key]; !r.Finished {
				r.Finished, r.result = true, coordination.Result{Wallet: wallet, Reason: reason}
				r.results++
			}
		}
	}
	return ctx.Err()
}

func (p pen) OpenRows(ctx context.Context, wallet chain.WalletID) (open []chain.Height, err error) {
	unlock, err := p.read(ctx)
	defer unlock()
	for _, w := range p.windows {
		if r := p.rows[row{wallet, w.Block}]; r == nil || !r.Finished {
			open = append(open, w.Block)
		}
	}
	slices.Sort(open)
	return open, err
}

func (p pen) RecordResult(ctx context.Context, r coordination.Result) (bool, error) {
	unlock, err := p.fence(ctx, r.Wallet)
	defer unlock()
	if err != nil {
		return false, err
	}
	key := row{r.Wallet, r.Window.Block}
	if p.rows[key] == nil {
		p.rows[key] = &record{}
	}
	kept := p.rows[key]
	if kept.Finished {
		return false, nil
	}
	kept.Finished, kept.result = true, r
	kept.results++
	return true, nil
}

func (p pen) RecordAmendment(ctx context.Context, a coordination.Amendment) error {
	unlock, err := p.fence(ctx, a.Wallet)
	defer unlock()
	if err == nil {
		p.amendments = append(p.amendments, a)
	}
	return err
}

func (p pen) SaveOwn(ctx context.Context, wallet chain.WalletID, window chain.Height, own coordination.OwnProposal) (coordination.OwnProposal, error) {
	unlock, err := p.fence(ctx, wallet)
	defer unlock()
	if err != nil {
		return coordination.OwnProposal{}, err
	}
	if kept, found := p.own[row{wallet, window}]; found {
		return kept, nil
	}
	p.own[row{wallet, window}] = own
	return own, nil
}

func (p pen) Own(ctx context.Context, wallet chain.WalletID, window chain.Height) (coordination.OwnProposal, bool, error) {
	unlock, err := p.read(ctx)
	defer unlock()
	own, found := p.own[row{wallet, window}]
	return own, found && err == nil, err
}

func (p pen) SaveStatement(ctx context.Context, s coordination.Statement) error {
	unlock, err := p.fence(ctx, s.Wallet)
	defer unlock()
	if err != nil {
		return err
	}
	key := row{s.Wallet, s.Window}
	if !slices.ContainsFunc(p.statements[key], func(known coordination.Statement) bool { return known.Author == s.Author && known.Digest == s.Digest }) {
		p.statements[key] = append(p.statements[key], s)
	}
	return nil
}

func (p pen) Statements(ctx context.Context, wallet chain.WalletID, window chain.Height) ([]coordination.Statement, error) {
	unlock, err := p.read(ctx)
	defer unlock()
	return slices.Clone(p.statements[row{wallet, window}]), err
}

// accused returns what was held against whom, in results and amendments.
func (f *family) accused() (found []faults.Fault) {
	f.database.mu.Lock()
	defer f.database.mu.Unlock()
	for _, r := range f.database.rows {
		found = append(found, r.result.Faults...)
	}
	for _, a := range f.database.amendments {
		found = append(found, a.Fault)
	}
	return found
}

var (
	_ coordination.SharedLog = pen{}
	_ coordination.ResultLog = pen{}
	_ coordination.Journal   = pen{}
)
