package quorum

import (
	"context"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/pause"
)

// maxRounds is how many batches of headers one poll fetches beside itself: enough to follow an endpoint down for 256 blocks.
const maxRounds = 5

// pollRequests is how many questions a poll asks, without those about peers.
const pollRequests = 8

// poller is what one endpoint showed so far. The goroutine that polls it owns it.
type poller struct {
	view      *View
	sight     *Sight
	finalized chain.Header
	peers     *Peers
	peersAt   time.Time
	headAt    time.Time // when its newest header was first seen
	trouble   chain.Trouble
}

// report is what is known of an endpoint after a poll. It is immutable.
type report struct {
	link      *link
	at        time.Time
	sight     *Sight // the last that was answered; nil before the first
	view      *View
	peers     *Peers
	headAt    time.Time
	trouble   chain.Trouble // of this poll
	regressed bool
}

// keepPolling polls an endpoint until ctx ends: at intervals that differ a little, so that polls of many endpoints do
// not fall together, and before its time if somebody asks for it.
func (p *Pool) keepPolling(ctx context.Context, l *link) {
	last := time.Now()
	timer := time.NewTimer(p.config.pause(l.key, l.poller.trouble))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-l.wanted:
			if early := p.config.soonest() - time.Since(last); early > 0 && pause.For(ctx, early) != nil {
				return
			}
			if !p.awaitRoom(ctx, l, p.config.PollEvery-time.Since(last)) {
				return
			}
		}
		last = time.Now()
		select {
		case p.reports <- l.poll(ctx, p.config, p.state.Load().ring):
		case <-ctx.Done():
			return
		}
		timer.Reset(max(p.config.soonest(), p.config.pause(l.key, l.poller.trouble)-time.Since(last))) // a slow answer delays no poll
	}
}

// awaitRoom holds a poll that is made before its time back until the endpoint's rate has room for it, and not beyond its
// time: the polls that somebody asks for are not to use up what calls need. False if ctx ended first.
func (p *Pool) awaitRoom(ctx context.Context, l *link, most time.Duration) bool {
	timed, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	_, err := l.endpoint.Room(timed, pollRequests)
	return err == nil || ctx.Err() == nil
}

// pause returns the time to the next poll, give or take a tenth. An endpoint that limits rates gets twice the time.
func (c Config) pause(key string, trouble chain.Trouble) time.Duration {
	every := c.PollEvery
	if trouble == chain.TroubleRateLimited {
		every *= 2
	}
	return every + time.Duration((c.Chance(key)-0.5)*0.2*float64(every))
}

// poll asks the endpoint once. A poll that is not answered leaves what was known before, and says so.
func (l *link) poll(ctx context.Context, config Config, ring *Ring) report {
	k := &l.poller
	ask := k.view.Ask()
	began := time.Now()
	ask.Peers = k.peersAt.IsZero() || began.Sub(k.peersAt) >= config.PeersEvery
	sight, err := l.look(ctx, config.Deadline, ask)
	k.trouble = troubleOf(err)
	r := report{link: l, trouble: k.trouble}
	if err == nil {
		r.regressed = k.regressed(sight.Finalized)
		if k.sight == nil || k.sight.Head.Hash != sight.Head.Hash {
			k.headAt = began
		}
		if sight.Peers != nil {
			k.peers, k.peersAt = sight.Peers, began
		}
		k.sight, k.view = &sight, l.survey(ctx, config.Deadline, sight, ring)
	}
	r.at, r.sight, r.view, r.peers, r.headAt = time.Now(), k.sight, k.view, k.peers, k.headAt
	return r
}

func (l *link) look(ctx context.Context, deadline time.Duration, ask Ask) (Sight, error) {
	timed, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	began := time.Now()
	sight, err := l.endpoint.Look(timed, ask)
	took := time.Since(began)
	if err != nil && timed.Err() != nil && ctx.Err() == nil {
		err = &chain.EndpointError{Trouble: chain.TroubleTimeout, Err: err}
	}
	l.count(err, took)
	return sight, err
}

// urgent is how many headers a poll fetches beside itself whatever the endpoint's rate: the hashes that its vote rests on.
const urgent = 8

// survey returns the endpoint's view after a sight, with what has to be fetched to understand it. What cannot be fetched
// stays unknown; the next poll goes on from there.
func (l *link) survey(ctx context.Context, deadline time.Duration, s Sight, ring *Ring) *View {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	return l.connect(ctx, s, ring).Trace(ctx, l.endpoint, ring)
}

// connect returns the view with the headers that link the endpoint's newest blocks to what is known.
func (l *link) connect(ctx context.Context, s Sight, ring *Ring) *View {
	var more []chain.Header
	for round := 0; ; round++ {
		view := l.poller.view.With(s, more)
		from, to, missing := view.Missing(ring)
		if !missing || round == maxRounds {
			return view
		}
		var err error
		if from, err = l.within(ctx, from, to, round); err != nil {
			return view
		}
		headers, err := l.endpoint.Headers(ctx, from, to)
		if err != nil || len(headers) == 0 {
			return view
		}
		more = append(more, headers...)
	}
}

// within returns the lowest height of from .. to that the endpoint's rate has room for, counted from the top. In the first
// round a few headers are not waited for: nobody's vote is to be missed because of a limit of our own.
func (l *link) within(ctx context.Context, from, to chain.Height, round int) (chain.Height, error) {
	patience := ctx
	if round == 0 {
		var cancel context.CancelFunc
		patience, cancel = context.WithDeadline(ctx, time.Now()) // what room there is now
		defer cancel()
	}
	room, err := l.endpoint.Room(patience, int(to-from+1)) //nolint:gosec // at most MaxBatch
	switch {
	case err == nil && (round > 0 || room > urgent):
		return max(from, under(to, chain.Height(room-1))), nil //nolint:gosec // at least 1
	case round == 0:
		return max(from, under(to, urgent-1)), nil
	}
	return 0, err
}

// regressed reports whether a finalized block is below the last one, or another at its height, and remembers it.
func (k *poller) regressed(now chain.Header) bool {
	if now.Hash == (chain.Hash{}) {
		return false
	}
	before := k.finalized
	k.finalized = now
	return now.Height < before.Height || now.Height == before.Height && before.Hash != (chain.Hash{}) && now.Hash != before.Hash
}
