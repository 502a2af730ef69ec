package quorum

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/pause"
)

const truthChain = 1

// truth is the true chain, of which endpoints tell what they like.
type truth struct {
	mu    sync.Mutex
	tip   chain.Height
	moved chan struct{} // closed when anything changes
}

func newTruth(tip chain.Height) *truth { return &truth{tip: tip, moved: make(chan struct{})} }

func (w *truth) advance(n chain.Height) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tip += n
	close(w.moved)
	w.moved = make(chan struct{})
}

func (w *truth) now() (chain.Height, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tip, w.moved
}

// live lets blocks appear every 12 s for a while.
func (w *truth) live(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(12 * time.Second)
		w.advance(1)
		synctest.Wait()
	}
}

// branchHash names block h on the branch that left the true chain at block from; 0 is the true chain.
func branchHash(h, from chain.Height) chain.Hash {
	if h < from {
		from = 0
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(h))
	binary.BigEndian.PutUint64(b[8:], uint64(from))
	return sha256.Sum256(b[:])
}

func branchHeader(h, from chain.Height) chain.Header {
	header := chain.Header{Height: h, Hash: branchHash(h, from), Time: time.Unix(int64(h)*12, 0)}
	if h > 0 {
		header.Parent = branchHash(h-1, from)
	}
	return header
}

func trueHeader(h chain.Height) chain.Header { return branchHeader(h, 0) }

// ill is what is wrong with a fake endpoint. The zero ill is well.
type ill struct {
	hang    bool         // never answers
	refuse  bool         // answers with a refused connection
	lag     chain.Height // blocks behind
	fork    chain.Height // the first block of its own branch
	lie     chain.Height // a block that it tells wrongly when it is asked by number
	ahead   chain.Height // blocks ahead of everybody, on the true branch
	chainID uint64
	mute    bool          // delivers no heads
	slow    time.Duration // before each answer
	verdict error         // of the validator contract
	state   chain.WalletState
	main    [32]byte // hash of every wallet's main UTXO
	bribe   uint64   // added to the amount of the last request
	settled bool     // knows no request
	short   bool     // tells of one request, of however many
	few     *Peers   // what it tells of its peers; nil for nothing
}

// fake is one endpoint.
type fake struct {
	truth *truth
	name  string

	mu     sync.Mutex
	ill    ill
	asked  map[string]int
	at     chain.Height // of the last validation
	closed bool
}

func newFake(w *truth, name string) *fake {
	return &fake{truth: w, name: name, asked: make(map[string]int)}
}

func (f *fake) fall(i ill) {
	f.mu.Lock()
	f.ill = i
	f.mu.Unlock()
	f.truth.advance(0)
}

func (f *fake) count(what string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[what]
}

func (f *fake) isClosed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}

// enter counts a call and suffers what is wrong.
func (f *fake) enter(ctx context.Context, what string) (ill, error) {
	f.mu.Lock()
	f.asked[what]++
	i, closed := f.ill, f.closed
	f.mu.Unlock()
	switch {
	case closed:
		return i, errors.New("used after it was closed")
	case i.refuse:
		return i, &chain.EndpointError{Trouble: chain.TroubleRefused, Err: errors.New("connection refused")}
	case i.hang:
		<-ctx.Done()
		return i, ctx.Err()
	case i.slow > 0 && pause.For(ctx, i.slow) != nil:
		return i, ctx.Err()
	}
	return i, nil
}

func (i ill) tip(tip chain.Height) chain.Height { return tip + i.ahead - min(tip, i.lag) }

func (f *fake) header(i ill, h chain.Height) (chain.Header, error) {
	tip, _ := f.truth.now()
	if h > i.tip(tip) {
		return chain.Header{}, chain.ErrNotFound
	}
	if i.lie == h && h > 0 {
		return branchHeader(h, h), nil
	}
	if i.fork == 0 {
		return trueHeader(h), nil
	}
	return branchHeader(h, i.fork), nil
}

func (f *fake) Look(ctx context.Context, ask Ask) (Sight, error) {
	began := time.Now()
	i, err := f.enter(ctx, "look")
	if err != nil {
		return Sight{}, err
	}
	tip, _ := f.truth.now()
	s := Sight{ChainID: truthChain}
	if i.chainID != 0 {
		s.ChainID = i.chainID
	}
	s.Head, _ = f.header(i, i.tip(tip))
	if ask.To > 0 {
		s.Headers = f.headers(i, ask.From, ask.To)
	}
	if ask.Peers {
		s.Peers = new(Peers)
		if i.few != nil {
			s.Peers = i.few
		}
	}
	s.Took = time.Since(began)
	return s, nil
}

func (f *fake) headers(i ill, from, to chain.Height) (headers []chain.Header) {
	for h := from; h <= to; h++ {
		if header, err := f.header(i, h); err == nil {
			headers = append(headers, header)
		}
	}
	return headers
}

func (f *fake) Headers(ctx context.Context, from, to chain.Height) ([]chain.Header, error) {
	i, err := f.enter(ctx, "headers")
	if err != nil {
		return nil, err
	}
	if to-from >= MaxBatch {
		return nil, fmt.Errorf("%d headers in one batch", to-from+1)
	}
	return f.headers(i, from, to), nil
}

func (f *fake) Header(ctx context.Context, h chain.Height) (chain.Header, error) {
	i, err := f.enter(ctx, "header")
	if err != nil {
		return chain.Header{}, err
	}
	return f.header(i, h)
}

// Follow delivers every block since the last one that was delivered, as the real client does.
func (f *fake) Follow(ctx context.Context, delivered []chain.Header, heads func(chain.Header)) error {
	f.mu.Lock()
	f.asked["follow"]++
	f.mu.Unlock()
	var last chain.Header
	if n := len(delivered); n > 0 {
		last = delivered[n-1]
	}
	for {
		tip, moved := f.truth.now()
		f.mu.Lock()
		i := f.ill
		f.mu.Unlock()
		top := i.tip(tip)
		if !i.mute && !i.hang && !i.refuse && top > last.Height {
			from := last.Height + 1
			if last.Height == 0 || top-from > 256 {
				from = top
			}
			for h := from; h <= top && ctx.Err() == nil; h++ {
				last, _ = f.header(i, h)
				heads(last)
			}
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *fake) ChainID(ctx context.Context) (uint64, error) {
	i, err := f.enter(ctx, "chain id")
	if i.chainID != 0 {
		return i.chainID, err
	}
	return truthChain, err
}

func (f *fake) WalletState(ctx context.Context, _ chain.WalletID) (chain.WalletState, error) {
	i, err := f.enter(ctx, "read")
	return i.state, err
}

func (f *fake) RedemptionLimits(ctx context.Context) (chain.RedemptionLimits, error) {
	_, err := f.enter(ctx, "read")
	return chain.RedemptionLimits{MaxSize: 20}, err
}

func (f *fake) PendingRedemptions(ctx context.Context, _ chain.WalletID, _ chain.Height) ([]chain.RedemptionRequest, error) {
	_, err := f.enter(ctx, "read")
	return nil, err
}

func (f *fake) MainUTXOHashAt(ctx context.Context, at chain.Hash, _ chain.WalletID) ([32]byte, error) {
	i, err := f.lookAt(ctx, at)
	return i.main, err
}

func (f *fake) RedemptionRequestsAt(
	ctx context.Context, at chain.Hash, _ chain.WalletID, scripts [][]byte,
) ([]chain.RedemptionRequest, error) {
	i, err := f.lookAt(ctx, at)
	switch {
	case err != nil:
		return nil, err
	case i.settled:
		return nil, chain.ErrNoRequest
	case i.short:
		scripts = scripts[:1]
	}
	requests := make([]chain.RedemptionRequest, len(scripts))
	for n := range requests {
		requests[n] = trueRequest(scripts[n])
	}
	requests[len(requests)-1].RequestedAmount += i.bribe
	return requests, nil
}

// trueRequest is the request that names a script.
func trueRequest(script []byte) chain.RedemptionRequest {
	return chain.RedemptionRequest{
		Script: script, Redeemer: [20]byte{script[0]}, RequestedAmount: 1_000_000 + uint64(script[0]), TreasuryFee: 500, TxMaxFee: 100_000,
		RequestedAt: time.Unix(int64(script[0]), 0),
	}
}

// validateAt is the contract's verdict at a block.
func (f *fake) validateAt(ctx context.Context, at chain.Hash) error {
	i, err := f.lookAt(ctx, at)
	if err != nil {
		return err
	}
	return i.verdict
}

// lookAt finds a block that a contract is asked at.
func (f *fake) lookAt(ctx context.Context, at chain.Hash) (ill, error) {
	i, err := f.enter(ctx, "validate")
	if err != nil {
		return i, err
	}
	tip, _ := f.truth.now()
	for h := i.tip(tip); ; h-- {
		if header, _ := f.header(i, h); header.Hash == at {
			f.mu.Lock()
			f.at = h
			f.mu.Unlock()
			return i, nil
		}
		if h == 0 || i.tip(tip)-h > 64 {
			return i, &chain.EndpointError{Trouble: chain.TroubleServer, Err: errors.New("header not found")}
		}
	}
}

func (f *fake) validatedAt() chain.Height {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.at
}

func (f *fake) ValidateHeartbeatAt(ctx context.Context, at chain.Hash, _ chain.WalletID, _ [16]byte) error {
	return f.validateAt(ctx, at)
}

func (f *fake) ValidateRedemptionAt(ctx context.Context, at chain.Hash, _ chain.WalletID, _ [][]byte, _ *big.Int) error {
	return f.validateAt(ctx, at)
}

func (f *fake) ValidateMovedFundsSweepAt(ctx context.Context, at chain.Hash, _ chain.WalletID, _ [32]byte, _ uint32, _ *big.Int) error {
	return f.validateAt(ctx, at)
}

func (f *fake) Broadcast(ctx context.Context, raw []byte) (chain.Hash, error) {
	_, err := f.enter(ctx, "broadcast")
	return sha256.Sum256(raw), err
}

func (f *fake) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
}

// rig is a pool of fakes, named a, b, c and so on, of which a is the primary; each has its own vote group.
type rig struct {
	*Pool
	t     testing.TB
	truth *truth
	fakes []*fake

	mu    sync.Mutex
	heads []chain.Header
	early []chain.Header // delivered before they were on the true chain
	log   lines
	stop  func()
}

// lines is a log.
type lines struct {
	mu   sync.Mutex
	text []string
}

func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, string(line))
	return len(line), nil
}

// count returns how many lines of the log have all of some words.
func (l *lines) count(words ...string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.text {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			n++
		}
	}
	return n
}

// members makes the configuration of fakes.
func members(fakes ...*fake) []Member {
	configured := make([]Member, len(fakes))
	for i, f := range fakes {
		configured[i] = Member{
			Name: f.name, Group: f.name, Primary: i == 0, Key: f.name, Shown: "fake:" + f.name,
			Open: func() (Endpoint, error) { return f, nil },
		}
	}
	return configured
}

// newRig makes a pool of n fakes and runs it; arrange may spoil them, or the configuration, before.
func newRig(t testing.TB, n int, arrange func(*rig, *Config)) *rig {
	r := &rig{t: t, truth: newTruth(1000)}
	for i := range n {
		r.fakes = append(r.fakes, newFake(r.truth, string(rune('a'+i))))
	}
	config := Config{Members: members(r.fakes...), ChainID: truthChain}
	if arrange != nil {
		arrange(r, &config)
	}
	pool, err := New(t.Context(), config, slog.New(slog.NewJSONHandler(&r.log, nil)))
	require.NoError(t, err)
	r.Pool = pool
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- pool.Run(ctx, r.head) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
		pool.Close()
		for _, f := range r.fakes {
			require.True(t, f.isClosed(), f.name)
		}
	})
	return r
}

func (r *rig) head(h chain.Header) {
	tip, _ := r.truth.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heads = append(r.heads, h)
	if h.Height > tip {
		r.early = append(r.early, h)
	}
}

// delivered returns the heads delivered so far.
func (r *rig) delivered() []chain.Header {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]chain.Header(nil), r.heads...)
}

// premature returns the heads that were delivered while the true chain was not that high.
func (r *rig) premature() []chain.Header {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]chain.Header(nil), r.early...)
}

func (r *rig) endpoint(name string) EndpointState {
	for _, e := range r.Snapshot().Endpoints {
		if e.Name == name {
			return e
		}
	}
	r.t.Fatalf("no endpoint %q", name)
	return EndpointState{}
}

// in runs a test of a pool of n fakes under virtual time; every goroutine must have ended with it.
func in(t *testing.T, n int, arrange func(*rig, *Config), test func(*testing.T, *rig)) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, n, arrange)
		defer r.stop()
		synctest.Wait()
		test(t, r)
	})
}

// spoil makes the endpoints of some names ill before the pool is made.
func spoil(i ill, names ...string) func(*rig, *Config) {
	return func(r *rig, _ *Config) { r.fall(i, names...) }
}

func (r *rig) fall(i ill, names ...string) {
	for _, f := range r.fakes {
		for _, name := range names {
			if f.name == name {
				f.fall(i)
			}
		}
	}
}
