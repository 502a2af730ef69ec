package node

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/quorum"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
)

// fakePool is a pool at a moment.
type fakePool struct {
	snapshot quorum.Snapshot
	cordoned map[string]bool
	members  []quorum.Member
	err      error
}

func (p *fakePool) Snapshot() *quorum.Snapshot { return &p.snapshot }

func (p *fakePool) History(name string) ([]quorum.Change, bool) {
	for _, e := range p.snapshot.Endpoints {
		if e.Name == name {
			return []quorum.Change{{At: time.Unix(1, 0), Status: quorum.Unhealthy, Reason: quorum.Forked, Detail: "7 blocks"}}, true
		}
	}
	return nil, false
}

func (p *fakePool) Cordon(name string) error   { p.cordoned[name] = true; return p.err }
func (p *fakePool) Uncordon(name string) error { p.cordoned[name] = false; return p.err }

func (p *fakePool) Reload(_ context.Context, members []quorum.Member) error {
	if p.err == nil {
		p.members = members
	}
	return p.err
}

func newFakePool() *fakePool {
	return &fakePool{cordoned: map[string]bool{}, snapshot: quorum.Snapshot{
		Mode: quorum.ModeQuorum, Quorum: true, Votes: 2, Groups: 3, Needed: 2, Agreed: chain.Header{Height: 900}, AgreedAt: time.Unix(2, 0),
		Serving: "primary",
		Endpoints: []quorum.EndpointState{
			{Name: "primary", Status: quorum.Healthy, Reason: quorum.OK, Serving: true},
			{Name: "other", Status: quorum.Healthy, Reason: quorum.OK},
			{Name: "bad", Status: quorum.Unhealthy, Reason: quorum.Forked, Detail: "7 blocks ago", Depth: 7},
		},
	}}
}

func TestReadinessTellsWhetherTheEndpointsAgree(t *testing.T) {
	pool := newFakePool()
	n := &Node{chain: &followed{endpoints: pool}, sharing: &sharing{}}
	require.Equal(t, view.Check{
		Name: "chain_endpoints", OK: true,
		Current:  "quorum: 2 of 3 vote groups agree; not used: bad (unhealthy: forked, 7 blocks ago)",
		Required: "2 of 3 vote groups agree",
	}, n.chain.checkEndpoints())

	pool.snapshot.Mode = quorum.ModeDegradedSingle
	require.True(t, n.chain.checkEndpoints().OK, "two endpoints that agree are enough for decisions")
	require.Contains(t, n.chain.checkEndpoints().Current, "degraded_single: 2 of 3")

	pool.snapshot.Mode, pool.snapshot.Quorum, pool.snapshot.Votes = quorum.ModeNoQuorum, false, 1
	pool.snapshot.Endpoints[1].Status, pool.snapshot.Endpoints[1].Reason = quorum.Unresponsive, quorum.Timeout
	c := n.chain.checkEndpoints()
	require.False(t, c.OK)
	require.Contains(t, c.Current, "no_quorum: 1 of 3 vote groups agree")
	require.Equal(t, "the chain endpoints do not agree on a head: the node neither leads nor accuses; "+
		"not used: other (unresponsive: timeout), bad (unhealthy: forked, 7 blocks ago)", c.Reason)
}

func TestOneEndpointAloneHasNothingToShow(t *testing.T) {
	n := &Node{chain: &followed{}}
	require.True(t, n.chain.checkEndpoints().OK)
	_, err := n.Endpoints()
	require.ErrorIs(t, err, view.ErrOneEndpoint)
	_, err = n.EndpointHistory("primary")
	require.ErrorIs(t, err, view.ErrOneEndpoint)
	require.ErrorIs(t, n.Cordon("primary", true), view.ErrOneEndpoint)
	require.ErrorIs(t, n.ReloadEndpoints(t.Context(), config.Default()), view.ErrOneEndpoint)
}

func TestEndpointsAreShownAndCordonedByTheirName(t *testing.T) {
	pool := newFakePool()
	n := &Node{chain: &followed{endpoints: pool}, sharing: &sharing{}}
	shown, err := n.Endpoints()
	require.NoError(t, err)
	require.Equal(t, "primary", *shown.Serving)
	require.Equal(t, chain.Height(900), shown.Agreed.Block)
	require.Len(t, shown.Endpoints, 3)
	require.Equal(t, chain.Height(7), shown.Endpoints[2].Depth)
	require.Nil(t, shown.Endpoints[2].Height, "it has shown no head")

	history, err := n.EndpointHistory("bad")
	require.NoError(t, err)
	require.Equal(t, view.EndpointHistory{Name: "bad", Changes: []view.EndpointChange{
		{At: "1970-01-01T00:00:01Z", Status: quorum.Unhealthy, Reason: quorum.Forked, Detail: "7 blocks"},
	}}, history)
	_, err = n.EndpointHistory("none")
	require.ErrorIs(t, err, store.ErrNotFound)

	require.NoError(t, n.Cordon("bad", true))
	require.True(t, pool.cordoned["bad"])
	require.NoError(t, n.Cordon("bad", false))
	require.False(t, pool.cordoned["bad"])
	require.ErrorIs(t, n.Cordon("none", true), store.ErrNotFound)
	pool.err = fmt.Errorf("closed")
	require.ErrorContains(t, n.Cordon("bad", true), "closed")
}
