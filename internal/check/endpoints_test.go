package check

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain/quorum"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/devnet/localchain"
	"github.com/walletnode/walletnode/internal/rpcfault"
)

// patient is a deadline that no busy machine makes an endpoint miss, nor half of it.
const patient = 30 * time.Second

// manyEndpoints is a sound input with five endpoints, each of which can be ill.
func manyEndpoints(t *testing.T, c *localchain.Chain) (Input, []*rpcfault.Proxy) {
	t.Helper()
	in := sound(t, c)
	multi := &in.Config.Ethereum.Multi
	multi.Enabled, multi.PollDeadline, in.Config.Ethereum.CallTimeout = true, patient, patient
	proxies := make([]*rpcfault.Proxy, 5)
	for i := range proxies {
		p, err := rpcfault.New(t.Context(), c.URL(), quiet)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, p.Close()) })
		proxies[i] = p
		fall(t, p, rpcfault.Faults{})
		if i == 0 {
			in.Config.Ethereum.URL = p.URL()
			continue
		}
		multi.Endpoints = append(multi.Endpoints, config.Endpoint{Name: fmt.Sprintf("spare-%d", i), URL: p.HTTPURL()})
	}
	return in, proxies
}

// fall makes an endpoint ill; the network it is part of is large.
func fall(t *testing.T, p *rpcfault.Proxy, ill rpcfault.Faults) {
	t.Helper()
	if ill.Peers == nil {
		ill.Peers = &rpcfault.Peers{Count: 25}
	}
	_, err := p.Set(t.Context(), ill)
	require.NoError(t, err)
}

func TestEndpointsThatAgreePass(t *testing.T) {
	c := startChain(t)
	require.NoError(t, c.Mine(t.Context(), 10))
	in, _ := manyEndpoints(t, c)
	results := Run(t.Context(), in, Chain)
	require.False(t, Failed(results, true), "%+v", results)
	require.True(t, strings.HasSuffix(statuses(results), `chain/contracts PASS
chain/endpoint/primary PASS
chain/endpoint/spare-1 PASS
chain/endpoint/spare-2 PASS
chain/endpoint/spare-3 PASS
chain/endpoint/spare-4 PASS
chain/agreement PASS
`), statuses(results))
	r := find(t, results, "endpoint/spare-2")
	require.Regexp(t, fmt.Sprintf(`^block %d, chain 1337, 25 peers, safe \d+, finalized \d+, \d+m?s$`, c.Height()), r.Detail)
	require.Positive(t, r.Took)
	require.Equal(t, fmt.Sprintf("block %d, agreed by 5 of 5 vote groups, 3 are needed; 5 of 5 endpoints are usable", c.Height()),
		find(t, results, "agreement").Detail)
}

func TestEachIllOfAnEndpointIsNamed(t *testing.T) {
	c := startChain(t)
	require.NoError(t, c.Mine(t.Context(), 40))
	top := c.Height()
	in, proxies := manyEndpoints(t, c)
	for _, test := range []struct {
		ill    rpcfault.Faults
		reason quorum.Reason
		status Status
		detail string
	}{
		{rpcfault.Faults{ChainID: 5}, quorum.WrongChain, Fail, "chain 5"},
		{rpcfault.Faults{Unauthorized: true}, quorum.AuthFailed, Fail, "401"},
		{rpcfault.Faults{Null: true}, quorum.Malformed, Fail, "eth_chainId"},
		{rpcfault.Faults{Cut: true}, quorum.Refused, Warn, ""},
		{rpcfault.Faults{RateLimited: true}, quorum.RateLimited, Warn, "429"},
		{rpcfault.Faults{Syncing: true}, quorum.Syncing, Warn, fmt.Sprintf("block %d", top)},
		{rpcfault.Faults{Lag: 5}, quorum.LaggingSameChain, Warn, fmt.Sprintf("block %d (5 behind)", top-5)},
		{rpcfault.Faults{Jump: 30_000_000}, quorum.AheadUncorroborated, Warn, fmt.Sprintf("block %d", top+30_000_000)},
		{rpcfault.Faults{Fork: &rpcfault.Fork{From: top - 1}}, quorum.Forked, Warn, fmt.Sprintf("its block %d is 0x", top)},
		{rpcfault.Faults{Fork: &rpcfault.Fork{From: top - 20}}, quorum.Forked, Warn, "left the agreed chain 21 blocks ago"},
		{rpcfault.Faults{Lag: 30}, quorum.LaggingSameChain, Warn, fmt.Sprintf("block %d (30 behind)", top-30)},
		{rpcfault.Faults{Lie: &rpcfault.Lie{Height: top, ClaimOnly: true}}, quorum.BadHeader, Warn, ""},
		{rpcfault.Faults{Peers: &rpcfault.Peers{Count: 1}}, quorum.Isolated, Warn, "1 peers"},
	} {
		t.Run(string(test.reason), func(t *testing.T) {
			fall(t, proxies[3], test.ill)
			results := Run(t.Context(), in, Chain)
			r := find(t, results, "endpoint/spare-3")
			require.Equal(t, test.status, r.Status, "%+v", r)
			require.True(t, strings.HasPrefix(r.Detail, string(test.reason)+": "), r.Detail)
			require.Contains(t, r.Detail, test.detail)
			agreed := find(t, results, "agreement")
			require.Equal(t, Pass, agreed.Status, "one of five is ill: %+v", results)
			require.Contains(t, agreed.Detail, "4 of 5 endpoints are usable")
			for _, well := range []string{"primary", "spare-1", "spare-2", "spare-4"} {
				require.Equal(t, Pass, find(t, results, "endpoint/"+well).Status, "%+v", results)
			}
		})
	}
	fall(t, proxies[3], rpcfault.Faults{PeersRefused: true})
	r := find(t, Run(t.Context(), in, Chain), "endpoint/spare-3")
	require.Equal(t, Pass, r.Status, "who cannot tell its peers is not at fault: %+v", r)
}

// These two are told by time, which a busy machine takes from the others as well.
func TestAnEndpointThatTakesItsTimeIsNamed(t *testing.T) {
	c := startChain(t)
	in, proxies := manyEndpoints(t, c)
	for _, test := range []struct {
		ill      rpcfault.Faults
		deadline time.Duration
		reason   quorum.Reason
	}{
		{rpcfault.Faults{Hang: true}, time.Second, quorum.Timeout},
		{rpcfault.Faults{Slow: 2100 * time.Millisecond}, 4 * time.Second, quorum.Slow},
	} {
		in.Config.Ethereum.Multi.PollDeadline = test.deadline
		fall(t, proxies[3], test.ill)
		r := find(t, Run(t.Context(), in, Chain), "endpoint/spare-3")
		require.Equal(t, Warn, r.Status, "%+v", r)
		require.True(t, strings.HasPrefix(r.Detail, string(test.reason)+": "), r.Detail)
	}
}

func TestTooFewEndpointsAreTold(t *testing.T) {
	c := startChain(t)
	in, proxies := manyEndpoints(t, c)
	for i, want := range []struct {
		status Status
		detail string
	}{
		{Pass, "agreed by 4 of 5"},
		{Pass, "agreed by 3 of 5"},
		{Fail, "no quorum: 2 of 5 vote groups agree, 3 are needed"},
	} {
		fall(t, proxies[i], rpcfault.Faults{Cut: true})
		results := Run(t.Context(), in, Chain)
		r := find(t, results, "agreement")
		require.Equal(t, want.status, r.Status, "%+v", results)
		require.Contains(t, r.Detail, want.detail)
		require.Equal(t, Warn, find(t, results, "endpoint").Status, "the primary is one of them, and others stand in for it")
	}

	in, proxies = manyEndpoints(t, c)
	fall(t, proxies[1], rpcfault.Faults{Peers: &rpcfault.Peers{}})
	fall(t, proxies[2], rpcfault.Faults{Peers: &rpcfault.Peers{}})
	fall(t, proxies[3], rpcfault.Faults{Peers: &rpcfault.Peers{}})
	r := find(t, Run(t.Context(), in, Chain), "agreement")
	require.Equal(t, Warn, r.Status)
	require.Contains(t, r.Detail, "degraded_single: 2 endpoints are usable")
}

func TestAFileOfHeadersThatCannotBeReadIsTold(t *testing.T) {
	in, _ := manyEndpoints(t, startChain(t))
	in.Config.Ethereum.Multi.Endpoints[1].HeadersFile = "/nowhere/headers"
	r := find(t, Run(t.Context(), in, Chain), "agreement")
	require.Equal(t, Fail, r.Status)
	require.Contains(t, r.Detail, "spare-2")
}

// Every reason with which an endpoint may be found at a start has its remedy.
func TestEveryFindingOfAStartHasARemedy(t *testing.T) {
	for _, reason := range quorum.Reasons() {
		switch reason {
		case quorum.OK, quorum.NeverReported, quorum.Stalled, quorum.FalseTip, quorum.FinalityRegressed, quorum.Cordoned, quorum.Recovering:
			require.NotContains(t, remedies, reason, "it takes more than one look, or an operator")
		default:
			require.NotEmpty(t, remedies[reason].todo, reason)
		}
	}
}
