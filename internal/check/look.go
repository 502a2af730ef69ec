package check

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/quorum"
	"github.com/walletnode/walletnode/internal/config"
)

// look is what one of many endpoints showed.
type look struct {
	member   quorum.Member
	endpoint quorum.Endpoint // nil if it could not be opened
	sight    *quorum.Sight   // nil if it did not answer
	view     *quorum.View
	err      error
}

func lookAtAll(ctx context.Context, members []quorum.Member, deadline time.Duration) []look {
	looks := make([]look, len(members))
	var asked sync.WaitGroup
	for i, m := range members {
		asked.Go(func() { looks[i] = lookAt(ctx, m, deadline) })
	}
	asked.Wait()
	return looks
}

// lookAt polls an endpoint twice: the first poll pays for the connection, so that the second one's time is the
// endpoint's own, and tells which blocks before the newest to ask for.
func lookAt(ctx context.Context, m quorum.Member, deadline time.Duration) look {
	l := look{member: m}
	if l.endpoint, l.err = m.Open(); l.err != nil {
		return l
	}
	for _, peers := range []bool{false, true} {
		ask := l.view.Ask()
		ask.Peers = peers
		timed, cancel := context.WithTimeout(ctx, deadline)
		sight, err := l.endpoint.Look(timed, ask)
		cancel()
		if err != nil {
			return look{member: m, endpoint: l.endpoint, err: err}
		}
		l.sight, l.view = &sight, l.view.With(sight, nil)
	}
	return l
}

func release(looks []look) {
	for _, l := range looks {
		if l.endpoint != nil {
			l.endpoint.Close()
		}
	}
}

// below fetches the agreed blocks below the agreed head from whichever endpoint has them, so that those that lag can be
// told from those that are on another branch. They link to the agreed head by their hashes, so it does not matter who
// tells them. nil without a quorum, or if nobody tells.
func below(ctx context.Context, looks []look, ruling quorum.Ruling, deadline time.Duration) *quorum.Ring {
	if !ruling.Quorum {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	top := ruling.Agreed.Height
	for i, l := range looks {
		if ruling.Findings[i].Status != quorum.Healthy {
			continue
		}
		headers, err := l.endpoint.Headers(ctx, top-min(top, quorum.MaxBatch-1), top)
		if err != nil {
			continue
		}
		ring, err := (*quorum.Ring)(nil).With(headers)
		if head, ok := ring.Head(); err == nil && ok && head.Hash == ruling.Agreed.Hash {
			return ring
		}
	}
	return nil
}

// trace fetches what shows where endpoints that do not follow the ring have left it, as far as the ring goes back.
func trace(ctx context.Context, looks []look, ring *quorum.Ring, deadline time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	var asked sync.WaitGroup
	for i := range looks {
		l := &looks[i]
		from, to, missing := l.view.Missing(ring)
		if !missing {
			continue
		}
		asked.Go(func() {
			if headers, err := l.endpoint.Headers(ctx, from, to); err == nil {
				l.view = l.view.With(*l.sight, headers).Trace(ctx, l.endpoint, ring)
			}
		})
	}
	asked.Wait()
}

func (l look) took() time.Duration {
	if l.sight == nil {
		return 0
	}
	return l.sight.Took
}

// trouble is why an endpoint did not answer; empty if it did.
func (l look) trouble() chain.Trouble {
	var failure *chain.EndpointError
	switch {
	case l.err == nil:
		return ""
	case errors.As(l.err, &failure):
		return failure.Trouble
	}
	return chain.TroubleServer
}

func table(looks []look, multi config.Multi, chainID uint64) quorum.Table {
	t := quorum.Table{ChainID: chainID, Rules: quorum.DefaultRules(len(looks), multi.PollDeadline)}
	t.Rules.MinPeers = max(multi.MinPeers, len(looks))
	for _, l := range looks {
		row := quorum.Row{
			Name: l.member.Name, Group: l.member.Group, Votes: l.member.Has(quorum.RoleVote), Sight: l.sight, View: l.view,
			Trouble: l.trouble(),
		}
		if l.sight != nil {
			row.Peers = l.sight.Peers
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
