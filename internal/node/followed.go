package node

import (
	"context"
	"fmt"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/view"
)

// followed is the chain as this node follows it: where it stands, who says so, and how fast it goes. Its fields are set while the node
// is assembled; from then on it may be used from any goroutine, for the clock and the pace lock for themselves.
type followed struct {
	source    Chain
	endpoints Endpoints // the source if it has many, else nil
	clock     *chain.Clock
	pace      pace
	freshness chain.Freshness // what the clock goes by
	blockTime time.Duration   // between two blocks, as long as the pace has seen none
}

// setClock makes the clock, which goes on at a height that was reached before.
func (f *followed) setClock(reached chain.Height) error {
	if err := f.freshness.Validate(); err != nil {
		return fmt.Errorf("chain clock: %w", err)
	}
	f.clock = chain.NewClock(f.freshness, reached)
	return nil
}

// run follows the source until ctx ends.
func (f *followed) run(ctx context.Context) error { return f.source.Run(ctx, f.follow) }

// follow takes a head from the chain.
func (f *followed) follow(h chain.Header) {
	observe := f.clock.Observe
	if many, ok := f.source.(interface{ Agreed(h chain.Header) bool }); ok && !many.Agreed(h) {
		observe = f.clock.ObserveDoubtful // without a quorum the pool shows what one endpoint says
	}
	if observe(h) {
		f.pace.observe(h.Height, time.Now())
	}
}

// awaitFresh waits for a fresh head, and reports whether there was one before ctx ended.
func (f *followed) awaitFresh(ctx context.Context) bool {
	for {
		changed := f.clock.Changed()
		if !f.clock.Stale() {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// tellHeights tells each height that the clock shows, until ctx ends.
func (f *followed) tellHeights(ctx context.Context, to chan<- chain.Height) {
	var last chain.Height
	for {
		changed := f.clock.Changed()
		if h := f.clock.Height(); h > last {
			select {
			case to <- h:
				last = h
			case <-ctx.Done():
				return
			}
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// height returns the chain's height; false while it is not known.
func (f *followed) height() (chain.Height, bool) {
	h := f.clock.Height()
	return h, h > 0
}

// freshHeight is the chain's height; false if it is not known to be that of now.
func (f *followed) freshHeight() (chain.Height, bool) {
	if f.clock.Stale() { // asked first: the head that is read afterwards is no older than the one that was fresh
		return 0, false
	}
	return f.clock.Height(), true
}

// blocksApart is the mean time between two blocks, as they come or as they are expected to.
func (f *followed) blocksApart() time.Duration { return f.pace.blockTime(f.blockTime) }

// seedBlock reads the hash of a window's seed block; view.ErrNotYet if there is no such block yet.
func (f *followed) seedBlock(ctx context.Context, w coordination.Window) (chain.Hash, error) {
	if height := f.clock.Height(); height < w.SeedBlock {
		left := w.SeedBlock - height
		return chain.Hash{}, fmt.Errorf("%w: block %d is %d blocks away, about %s", view.ErrNotYet, w.SeedBlock, left, f.pace.about(left, f.blockTime))
	}
	header, err := f.source.Header(ctx, w.SeedBlock)
	if err != nil {
		return chain.Hash{}, fmt.Errorf("read seed block %d: %w", w.SeedBlock, err)
	}
	return header.Hash, nil
}

// ill says what of the chain keeps a node from serving any wallet now.
func (f *followed) ill() []string {
	var ill []string
	if f.clock.Stale() {
		ill = append(ill, "no fresh block")
	}
	if f.endpoints != nil && !f.endpoints.Snapshot().Quorum {
		ill = append(ill, "the chain endpoints do not agree")
	}
	return ill
}
