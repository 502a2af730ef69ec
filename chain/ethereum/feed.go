package ethereum

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/walletnode/walletnode/chain"
)

const (
	// silentPolls is how many poll intervals a subscription may be silent: five blocks or so, more missed slots in
	// a row than Ethereum has in a day.
	silentPolls = 5
	// fillCalls is how long the filling of one gap may hold back the head behind it, in call timeouts.
	fillCalls = 2
	// firstRetry and lastRetry bound the pauses between attempts to reach the endpoint: quick enough not to lose a
	// block for a blip, slow enough not to hammer an endpoint that throttles us.
	firstRetry = 200 * time.Millisecond
	lastRetry  = 15 * time.Second
)

// Run is Follow from nothing.
func (c *Client) Run(ctx context.Context, heads func(chain.Header)) error {
	return c.Follow(ctx, nil, heads)
}

// Follow delivers heads until ctx ends, whose error it returns; no failure of the endpoint ends it. Where the transport
// can push, heads come by subscription, else by polling. Headers that were delivered before, by another endpoint say,
// ascending, are taken as delivered by this one: they are not delivered again while they stand, and what is missing
// between them and the first head is filled in, so that changing endpoints loses no height.
//
// heads is called from one goroutine, one header at a time, parents before children; it must not block. Heights
// that the endpoint skipped are filled in (the newest 256 of them at most), and a reorganisation delivers the
// heights of the new branch again. A header is not delivered twice while it stands.
func (c *Client) Follow(ctx context.Context, delivered []chain.Header, heads func(chain.Header)) error {
	f := &feed{client: c, heads: heads}
	for _, header := range delivered {
		f.trail.add(header)
	}
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = firstRetry, lastRetry
	for {
		f.moved = false
		err := f.session(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if f.moved {
			pause.Reset()
		}
		f.report(err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause.NextBackOff()):
		}
	}
}

// feed is the state of one Follow; its goroutine owns it.
type feed struct {
	client *Client
	heads  func(chain.Header)
	trail  trail
	doubt  chain.Header // a head that links to nothing we followed and waits for a second observation
	moved  bool         // the present session delivered something
	down   bool         // the last session ended without a head, and the log says so
}

// report logs the end of a session: loudly when the endpoint goes away, quietly while it stays away.
func (f *feed) report(err error) {
	switch {
	case errors.Is(err, ErrWrongChain):
		f.client.log.Error("Endpoint serves another chain", "error", err)
	case f.down && !f.moved:
		f.client.log.Debug("Heads still interrupted", "error", err)
	default:
		f.client.log.Warn("Heads interrupted", "error", err)
	}
	f.down = true
}

// session follows the endpoint until something fails. The chain id is asked each time: behind one address there
// may be another endpoint than before.
func (f *feed) session(ctx context.Context) error {
	if err := f.client.checkChain(ctx); err != nil {
		return err
	}
	if f.client.transport.subscribes() {
		return f.subscribe(ctx)
	}
	return f.poll(ctx)
}

// poll asks for the newest header at every interval.
func (f *feed) poll(ctx context.Context) error {
	ticker := time.NewTicker(f.client.config.PollInterval)
	defer ticker.Stop()
	for {
		if err := f.newest(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// subscribe follows one subscription. It asks for the newest header too, so that the first head and the gap
// since the last session need not wait for a block. Repetitions do not count as a sign of life.
func (f *feed) subscribe(ctx context.Context) error {
	conn, err := f.client.dial(ctx)
	if err != nil {
		return f.client.troubled(ctx, err)
	}
	pushed := make(chan *wireHeader, 16)
	subscribing, cancel := context.WithTimeout(ctx, f.client.config.CallTimeout)
	defer cancel()
	subscription, err := conn.EthSubscribe(subscribing, pushed, "newHeads")
	if err != nil {
		conn.Close()
		return fmt.Errorf("subscribe to heads: %w", f.client.troubled(subscribing, err))
	}
	// The connection ends first: a farewell over a dead one would wait for an answer.
	defer subscription.Unsubscribe()
	defer conn.Close()

	if err := f.newest(ctx); err != nil {
		return err
	}
	limit := silentPolls * f.client.config.PollInterval
	silence := time.NewTimer(limit)
	defer silence.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-subscription.Err():
			if err == nil {
				return errors.New("subscription to heads ended")
			}
			return fmt.Errorf("subscription to heads: %w", f.client.troubled(ctx, err))
		case <-silence.C:
			return fmt.Errorf("no head for %v", limit)
		case header := <-pushed:
			if header == nil {
				return errors.New("endpoint pushed an empty head")
			}
			f.client.reportDispute(header)
			if f.take(ctx, header.Header) {
				silence.Reset(limit)
			}
		}
	}
}

// newest delivers the endpoint's newest header.
func (f *feed) newest(ctx context.Context) error {
	header, err := f.client.latest(ctx)
	if err != nil {
		return err
	}
	f.take(ctx, header)
	return nil
}

// take delivers a head with what is missing below it, oldest first. It reports whether the head was new. A head that
// cannot be linked to what was delivered is held until a second observation confirms it (rule R1): an endpoint that
// names one absurd height must not end a window that is running.
func (f *feed) take(ctx context.Context, head chain.Header) bool {
	if f.trail.has(head) {
		return false
	}
	headers, linked := f.missing(ctx, head)
	if !linked && !f.confirmed(head) {
		f.client.log.Warn("Head links to nothing known; waiting for another", "height", head.Height, "followed", f.trail.head)
		f.doubt = head
		return false
	}
	f.doubt = chain.Header{}
	for _, header := range headers {
		f.trail.add(header)
		f.heads(header)
	}
	if f.down {
		f.client.log.Info("Heads resumed", "height", head.Height)
	}
	f.moved, f.down = true, false
	return true
}

// confirmed reports whether the head is a second observation beside the doubtful one: the same again, as a poll shows it,
// or one a little further on.
func (f *feed) confirmed(head chain.Header) bool {
	return f.doubt.Height != 0 && head.Height >= f.doubt.Height && head.Height <= f.doubt.Height+maxFill
}

// missing returns the head preceded by the headers that link it to the trail, and whether they do: 256 that link to
// each other are enough. Parents are asked for by hash, not by number: while the endpoint reorganises, numbers may
// answer with blocks of two branches. What cannot be fetched in time is left out, the oldest first, because the head
// must not wait for its past. A head too far ahead is the clock's to doubt.
func (f *feed) missing(ctx context.Context, head chain.Header) (headers []chain.Header, linked bool) {
	headers = []chain.Header{head}
	if f.trail.distant(head) {
		return headers, true
	}
	ctx, cancel := context.WithTimeout(ctx, fillCalls*f.client.config.CallTimeout)
	defer cancel()
	linked = true
	for oldest := head; !f.trail.joins(oldest) && len(headers) <= maxFill; {
		parent, err := f.client.parent(ctx, oldest)
		if err != nil {
			f.client.log.Debug("Gap not filled", "below", oldest.Height, "error", err)
			linked = false
			break
		}
		headers = append(headers, parent)
		oldest = parent
	}
	slices.Reverse(headers)
	return headers, linked
}
