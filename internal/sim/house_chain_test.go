package sim

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"sync"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/quorum"
	"github.com/walletnode/walletnode/internal/pause"
)

// truth is the chain itself, of which endpoints show what they like.
type truth struct {
	mu    sync.Mutex
	tip   chain.Height
	forks []fork        // each replaced the blocks from its height on
	moved chan struct{} // closed when anything has changed
	till  *till
}

func newTruth(tip chain.Height) *truth {
	return &truth{tip: tip, moved: make(chan struct{}), till: new(till)}
}

// fork is a branch.
type fork struct {
	from chain.Height
	salt uint64
}

// houseBlock is how long a block takes. The protocol counts blocks: shorter ones cost a simulation less, as they do the devnet.
const houseBlock = time.Second

// header is a block of a chain with these branches.
func header(h chain.Height, forks []fork) chain.Header {
	hash := func(h chain.Height) chain.Hash {
		salt := uint64(0)
		for _, f := range forks {
			if h >= f.from {
				salt = f.salt
			}
		}
		return sha256.Sum256(fmt.Appendf(nil, "block %d of %d", h, salt))
	}
	since := time.Duration(h) * houseBlock //nolint:gosec // small
	return chain.Header{Height: h, Hash: hash(h), Parent: hash(h - 1), Time: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Add(since)}
}

// grow lets blocks come; those from a height on are of a new branch, unless it is nil.
func (t *truth) grow(to chain.Height, branch *fork) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if branch != nil {
		t.forks = append(slices.Clone(t.forks), *branch)
	}
	t.tip = to
	close(t.moved)
	t.moved = make(chan struct{})
}

func (t *truth) now() (tip chain.Height, forks []fork, moved <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.tip, t.forks, t.moved
}

// illness is what is wrong with an endpoint. The zero illness is none.
type illness struct {
	refuse bool         // connections
	hang   bool         // no answers
	mute   bool         // no heads
	lag    chain.Height // blocks behind
	fork   chain.Height // the first block of a branch of its own
	lie    bool         // about whatever contracts are asked
	slow   time.Duration
}

// outlook is one endpoint of an operator: a server that all its instances ask.
type outlook struct {
	truth *truth
	name  string

	mu  sync.Mutex
	ill illness
}

func (o *outlook) fall(i illness) {
	o.mu.Lock()
	o.ill = i
	o.mu.Unlock()
	tip, _, _ := o.truth.now()
	o.truth.grow(tip, nil) // whoever follows it looks again
}

func (o *outlook) state() illness {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.ill
}

// view is what an endpoint shows of the chain.
func (o *outlook) view() (tip chain.Height, forks []fork, moved <-chan struct{}, i illness) {
	i = o.state()
	tip, forks, moved = o.truth.now()
	if i.fork > 0 {
		forks = append(slices.Clone(forks), fork{i.fork, sum64(o.name)})
	}
	return tip - min(tip, i.lag), forks, moved, i
}

func sum64(text string) (n uint64) {
	for _, b := range sha256.Sum256([]byte(text)) {
		n = n<<8 | uint64(b)
	}
	return n
}

// glass is an endpoint as one process reaches it. Each way takes its own time: what would happen at one moment would happen in another order in
// each run.
type glass struct {
	*outlook
	of  *process
	way time.Duration
}

func (g glass) enter(ctx context.Context, about ...any) (illness, error) {
	if err := g.of.pass(ctx); err != nil {
		return illness{}, err
	}
	i := g.state()
	if err := pause.For(ctx, g.way+g.of.spread(append(about, g.name)...)); err != nil {
		return i, err
	}
	g.of.diary.note(g.of.who, append(about, g.name)...)
	switch {
	case i.refuse:
		return i, &chain.EndpointError{Trouble: chain.TroubleRefused, Err: errors.New("connection refused")}
	case i.hang:
		<-ctx.Done()
		return i, ctx.Err()
	case i.slow > 0:
		if err := pause.For(ctx, i.slow); err != nil {
			return i, err
		}
	}
	return i, g.of.at(afterReading)
}

// Look implements quorum.Endpoint.
func (g glass) Look(ctx context.Context, ask quorum.Ask) (quorum.Sight, error) {
	began := time.Now()
	if _, err := g.enter(ctx, "look", ask.From, ask.To); err != nil {
		return quorum.Sight{}, err
	}
	tip, forks, _, _ := g.view()
	s := quorum.Sight{ChainID: 1337, Head: header(tip, forks)}
	for h := ask.From; ask.To > 0 && h <= min(ask.To, tip); h++ {
		s.Headers = append(s.Headers, header(h, forks))
	}
	if ask.Peers {
		s.Peers = new(quorum.Peers)
	}
	s.Took = time.Since(began)
	return s, nil
}

// Headers implements quorum.Endpoint.
func (g glass) Headers(ctx context.Context, from, to chain.Height) (all []chain.Header, err error) {
	if _, err := g.enter(ctx, "headers", from, to); err != nil {
		return nil, err
	}
	tip, forks, _, _ := g.view()
	for h := from; h <= min(to, tip); h++ {
		all = append(all, header(h, forks))
	}
	return all, nil
}

// Room implements quorum.Endpoint.
func (glass) Room(ctx context.Context, n int) (int, error) { return n, ctx.Err() }

// Header implements quorum.Endpoint.
func (g glass) Header(ctx context.Context, h chain.Height) (chain.Header, error) {
	if _, err := g.enter(ctx, "header", h); err != nil {
		return chain.Header{}, err
	}
	tip, forks, _, _ := g.view()
	if h > tip {
		return chain.Header{}, chain.ErrNotFound
	}
	return header(h, forks), nil
}

// Follow implements quorum.Endpoint.
func (g glass) Follow(ctx context.Context, delivered []chain.Header, heads func(chain.Header)) error {
	var last chain.Header
	if n := len(delivered); n > 0 {
		last = delivered[n-1]
	}
	for {
		if err := g.of.pass(ctx); err != nil {
			<-ctx.Done()
			return ctx.Err()
		}
		tip, forks, moved, i := g.view()
		if !i.mute && !i.hang && !i.refuse && tip > 0 && header(tip, forks).Hash != last.Hash {
			from := min(last.Height+1, tip)
			if last.Height == 0 || tip-from > 64 {
				from = tip
			}
			for h := from; h <= tip && ctx.Err() == nil; h++ {
				last = header(h, forks)
				heads(last)
			}
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := pause.For(ctx, g.way+g.of.spread("heads", g.name)); err != nil {
			return err
		}
		g.of.diary.note(g.of.who, "heads ", g.name)
	}
}

// ChainID implements quorum.Endpoint.
func (g glass) ChainID(ctx context.Context) (uint64, error) {
	_, err := g.enter(ctx, "chain")
	return 1337, err
}

// WalletState implements quorum.Endpoint.
func (g glass) WalletState(ctx context.Context, w chain.WalletID) (chain.WalletState, error) {
	_, err := g.enter(ctx, "state", w)
	return chain.WalletState(0), err
}

// RedemptionLimits implements quorum.Endpoint.
func (g glass) RedemptionLimits(ctx context.Context) (chain.RedemptionLimits, error) {
	_, err := g.enter(ctx, "limits")
	return chain.RedemptionLimits{
		TxMaxTotalFee: 1_000_000, MaxSize: 20,
		Timeout: 5 * 24 * time.Hour, TimeoutSafetyMargin: 2 * time.Hour, MinAge: 10 * time.Minute,
	}, err
}

// houseScript is the n-th script of a redeemer.
func houseScript(n byte) []byte { return append([]byte{0, 20, n}, make([]byte, 19)...) }

// houseRequest is a request for a redemption to a script.
func houseRequest(script []byte) chain.RedemptionRequest {
	return chain.RedemptionRequest{
		Script: script, RequestedAmount: 1_000_000, TxMaxFee: 100_000, RequestedAt: header(1, nil).Time, // old enough in each window
	}
}

// PendingRedemptions implements quorum.Endpoint. Every three blocks another request is there: who proposes anew proposes another thing.
func (g glass) PendingRedemptions(ctx context.Context, w chain.WalletID, _ chain.Height) ([]chain.RedemptionRequest, error) {
	i, err := g.enter(ctx, "pending", w)
	if err != nil || i.lie {
		return nil, err
	}
	tip, _, _, _ := g.view()
	return g.truth.till.pending(w, houseRequest(houseScript(byte(tip/3)))), nil
}

// MainUTXOHashAt implements quorum.Endpoint.
func (g glass) MainUTXOHashAt(ctx context.Context, block chain.Hash, w chain.WalletID) ([32]byte, error) {
	i, err := g.enter(ctx, "utxo", block, w)
	if err != nil {
		return [32]byte{}, err
	}
	return g.truth.till.shown(w, i.lie), nil
}

// RedemptionRequestsAt implements quorum.Endpoint.
func (g glass) RedemptionRequestsAt(ctx context.Context, block chain.Hash, w chain.WalletID, scripts [][]byte) ([]chain.RedemptionRequest, error) {
	i, err := g.enter(ctx, "requests", block, w, scripts)
	if err != nil {
		return nil, err
	}
	if i.lie {
		return nil, chain.ErrNoRequest
	}
	all := make([]chain.RedemptionRequest, len(scripts))
	for n, script := range scripts {
		all[n] = houseRequest(script)
	}
	return all, nil
}

func (g glass) verdict(ctx context.Context, about ...any) error {
	i, err := g.enter(ctx, about...)
	if err == nil && i.lie {
		return &chain.Refusal{Reason: "a lie"}
	}
	return err
}

// ValidateHeartbeatAt implements quorum.Endpoint.
func (g glass) ValidateHeartbeatAt(ctx context.Context, block chain.Hash, w chain.WalletID, _ [16]byte) error {
	return g.verdict(ctx, "heartbeat", block, w)
}

// ValidateRedemptionAt implements quorum.Endpoint.
func (g glass) ValidateRedemptionAt(ctx context.Context, block chain.Hash, w chain.WalletID, _ [][]byte, _ *big.Int) error {
	return g.verdict(ctx, "redemption", block, w)
}

// ValidateMovedFundsSweepAt implements quorum.Endpoint.
func (g glass) ValidateMovedFundsSweepAt(ctx context.Context, block chain.Hash, w chain.WalletID, _ [32]byte, _ uint32, _ *big.Int) error {
	return g.verdict(ctx, "sweep", block, w)
}

// Broadcast implements quorum.Endpoint.
func (g glass) Broadcast(ctx context.Context, _ []byte) (chain.Hash, error) {
	_, err := g.enter(ctx, "broadcast")
	return chain.Hash{}, err
}

// Close implements quorum.Endpoint.
func (glass) Close() {}
