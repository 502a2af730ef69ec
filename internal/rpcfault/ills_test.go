package rpcfault

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/quorum"
	"github.com/walletnode/walletnode/internal/devnet/localchain"
)

// ill is something wrong with one endpoint of five, and what the pool must say of it.
type ill struct {
	faults func(head chain.Height) Faults // beside being sound otherwise
	slow   bool                           // it takes a good part of an interval to answer, besides
	mine   int                            // blocks made after it fell ill
	status quorum.Status
	reason quorum.Reason
	kind   Kind // what its log must have
	// lag and depth are what it must say beside the reason, as soon.
	lag, depth chain.Height
}

func is(f Faults) func(chain.Height) Faults { return func(chain.Height) Faults { return f } }

var (
	ownID    = strings.Repeat("ab", 32)
	otherIDs = []string{strings.Repeat("ab", 32), strings.Repeat("ab", 32), strings.Repeat("ab", 32), strings.Repeat("ab", 32), strings.Repeat("ab", 32)}
)

var ills = map[string]ill{
	"hangs":                {faults: is(Faults{Hang: true}), status: quorum.Unresponsive, reason: quorum.Timeout, kind: KindHang},
	"is cut off":           {faults: is(Faults{Cut: true}), status: quorum.Unresponsive, reason: quorum.Refused, kind: KindCut},
	"answers null":         {faults: is(Faults{Null: true}), status: quorum.Unhealthy, reason: quorum.Malformed, kind: KindNull},
	"limits rates":         {faults: is(Faults{RateLimited: true}), status: quorum.Unhealthy, reason: quorum.RateLimited, kind: KindRateLimited},
	"refuses access":       {faults: is(Faults{Unauthorized: true}), status: quorum.Unhealthy, reason: quorum.AuthFailed, kind: KindUnauthorized},
	"is slow":              {faults: is(Faults{}), slow: true, status: quorum.Unhealthy, reason: quorum.Slow, kind: KindSlow},
	"serves another chain": {faults: is(Faults{ChainID: 5}), status: quorum.Unhealthy, reason: quorum.WrongChain, kind: KindChainID},
	"is syncing":           {faults: is(Faults{Syncing: true}), status: quorum.Unhealthy, reason: quorum.Syncing, kind: KindSyncing},
	"has two peers":        {faults: is(Faults{Peers: &Peers{Count: 2}}), status: quorum.Unhealthy, reason: quorum.Isolated, kind: KindPeers},
	"knows but our own":    {faults: is(Faults{Peers: &Peers{Count: 5, Self: ownID, IDs: otherIDs}}), status: quorum.Unhealthy, reason: quorum.Clique, kind: KindPeers},
	"lags by two blocks":   {faults: is(Faults{Lag: 2}), status: quorum.Unhealthy, reason: quorum.LaggingSameChain, kind: KindLag, lag: 2},
	"lags by 20 blocks":    {faults: is(Faults{Lag: 20}), status: quorum.Unhealthy, reason: quorum.LaggingSameChain, kind: KindLag, lag: 20},
	"is 30 million ahead":  {faults: is(Faults{Jump: 30_000_000}), status: quorum.Unhealthy, reason: quorum.AheadUncorroborated, kind: KindJump},
	// One block of its own could be a race for the tip; with the next one it is a fork.
	"forked a block ago":    {faults: forked(1), mine: 1, status: quorum.Unhealthy, reason: quorum.Forked, kind: KindFork, depth: 2},
	"forked 7 blocks ago":   {faults: forked(7), status: quorum.Unhealthy, reason: quorum.Forked, kind: KindFork, depth: 7},
	"forked 200 blocks ago": {faults: forked(200), status: quorum.Unhealthy, reason: quorum.Forked, kind: KindFork, depth: 200},
	"forked and lags": {
		faults: func(head chain.Height) Faults { return Faults{Lag: 4, Fork: &Fork{From: head - 9}} },
		status: quorum.Unhealthy, reason: quorum.Forked, kind: KindFork, depth: 6,
	},
	"lies about its newest block": {
		faults: func(head chain.Height) Faults { return Faults{Lie: &Lie{Height: head}} },
		mine:   1, // whose parent is another block than it told
		status: quorum.Unhealthy, reason: quorum.NonLinking, kind: KindLie,
	},
	"claims a hash that is not the header's": {
		faults: func(head chain.Height) Faults { return Faults{Lie: &Lie{Height: head, ClaimOnly: true}} },
		status: quorum.Unhealthy, reason: quorum.BadHeader, kind: KindLie,
	},
}

func forked(depth chain.Height) func(chain.Height) Faults {
	return func(head chain.Height) Faults { return Faults{Fork: &Fork{From: head + 1 - depth}} }
}

// mostPolls is within how many polls an ill must have its reason: 10 s at the interval of 5 s.
const mostPolls = 2

// mostBack is within how many polls an endpoint that got well is used again: after three clean ones, and one that was under way.
const mostBack = 4

func TestEachIllHasItsReasonWithinTwoPolls(t *testing.T) {
	c := newChain(t, 300)
	for name, it := range ills {
		t.Run(name, func(t *testing.T) {
			patiently(t, shortest, func(t *testing.T, every time.Duration) string { return it.pass(t, c, every) })
		})
	}
}

// pass has one of five endpoints fall ill and get well, and complains if that was not told in time, or others seemed ill.
func (it ill) pass(t *testing.T, c *localchain.Chain, every time.Duration) (complaint string) {
	t.Helper()
	w, complaint := newWatch(t, c, every)
	if complaint != "" {
		return complaint
	}
	f := it.faults(c.Height())
	if f.Peers == nil {
		f.Peers = sound().Peers
	}
	if it.slow {
		f.Slow = every * 13 / 20
	}
	since := w.sicken(f)
	require.NoError(t, c.Mine(t.Context(), it.mine))
	change, complaint := w.change(since, it.reason, func(e quorum.EndpointState) bool { return e.Lag == it.lag && e.Depth == it.depth })
	if complaint != "" {
		return complaint
	}
	require.Equal(t, it.status, change.Status)
	require.Positive(t, w.rigs[0].Log()[it.kind].Times)
	needed := w.polls[0].between(since, change.At)
	t.Logf("%s (%s) after %d polls, %v", change.Reason, change.Detail, needed, change.At.Sub(since).Round(time.Millisecond))
	if needed > mostPolls {
		return fmt.Sprintf("told after %d polls", needed)
	}
	if complaint = w.others(t); complaint != "" {
		return complaint
	}
	since = w.sicken(sound())
	change, complaint = w.change(since, quorum.OK, anything)
	if complaint != "" {
		return complaint
	}
	if back := w.polls[0].between(since, change.At); back > mostBack {
		return fmt.Sprintf("well again after %d polls", back)
	}
	return ""
}

// others complains if the four that are sound do not serve without the one that is ill.
func (w *watch) others(t *testing.T) (complaint string) {
	t.Helper()
	height := w.chain.Height()
	complaint = w.soon("the newest block is agreed on", func(s *quorum.Snapshot) bool { return s.Agreed.Height == height })
	if complaint != "" {
		return complaint
	}
	s := w.pool.Snapshot()
	if !s.Quorum || s.Serving == endpointNames[0] {
		return fmt.Sprintf("four of five agree: quorum %t, and %s serves", s.Quorum, s.Serving)
	}
	for _, e := range s.Endpoints[1:] {
		if e.Reason != quorum.OK {
			return fmt.Sprintf("%s is not to blame: %s", e.Name, e.Reason)
		}
	}
	header, err := w.pool.Header(t.Context(), height)
	if err != nil {
		return err.Error()
	}
	truth, err := w.chain.Header(height)
	require.NoError(t, err)
	require.Equal(t, truth.Hash, header.Hash)
	return ""
}

func newChain(t testing.TB, blocks chain.Height) *localchain.Chain {
	t.Helper()
	c, err := localchain.New(localchain.Config{BlockTime: time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	require.NoError(t, c.Mine(t.Context(), int(blocks-c.Height())))
	return c
}
