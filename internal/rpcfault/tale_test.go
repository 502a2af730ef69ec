package rpcfault

import (
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

func TestAHealthyEndpointTellsTheTruth(t *testing.T) {
	r := newRig(t, 50)
	heads := r.heads()
	require.Equal(t, chain.Height(50), r.number())
	require.Equal(t, r.truth(50), r.tag("latest").claimed)
	r.requireChain(40, 50)
	require.Nil(t, r.at(51))
	r.mine(2)
	require.Equal(t, r.truth(51), next(t, heads).claimed)
	require.Equal(t, r.truth(52), next(t, heads).claimed)
	require.Empty(t, r.proxy.Log())
}

func TestALaggingEndpointIsBehindInEverything(t *testing.T) {
	r := newRig(t, 60)
	heads, hidden := r.heads(), r.truth(58)
	r.mine(1)
	require.Equal(t, chain.Height(61), next(t, heads).height())
	safe := r.tag("safe")
	r.set(Faults{Lag: 5})
	require.Equal(t, chain.Height(56), r.number())
	require.Equal(t, r.truth(56), r.tag("latest").claimed)
	require.Equal(t, r.truth(56), r.at(56).claimed)
	require.Nil(t, r.at(57), "higher blocks are not there by number")
	require.Nil(t, r.by(hidden), "nor by hash")
	if safe != nil {
		require.Equal(t, safe.height()-min(safe.height(), 5), r.tag("safe").height())
	}
	r.mine(6) // 62 .. 67 come behind; the endpoint is at 62, one block more than it has pushed
	require.Equal(t, chain.Height(62), next(t, heads).height(), "it repeats nothing that it pushed before")
	r.mine(1)
	require.Equal(t, r.truth(63), next(t, heads).claimed)
	log := r.set(Faults{})
	require.Positive(t, log[KindLag].Times)
	require.Equal(t, chain.Height(68), r.number(), "it catches up")
}

func TestAForkedEndpointHasItsOwnChain(t *testing.T) {
	r := newRig(t, 60)
	heads := r.heads()
	fork := &Fork{From: 54, Salt: "x"}
	trueHash := r.truth(57)
	r.set(Faults{Fork: fork})
	require.Equal(t, chain.Height(60), r.number())
	r.requireChain(50, 60)
	require.Equal(t, r.truth(53), r.at(53).claimed, "below the fork it is the same chain")
	for h := chain.Height(54); h <= 60; h++ {
		require.NotEqual(t, r.truth(h), r.at(h).claimed)
	}
	require.Nil(t, r.by(trueHash), "the blocks it left are not there")
	require.Equal(t, r.at(60).claimed, r.tag("latest").claimed)
	r.mine(1)
	head := next(t, heads)
	require.Equal(t, head.Hash(), head.claimed)
	require.Equal(t, r.at(60).claimed, head.ParentHash, "what it pushes goes on with its chain")

	before := r.at(58).claimed
	log := r.set(Faults{Fork: fork, Slow: 1})
	require.Equal(t, before, r.at(58).claimed, "another fault beside it leaves the branch")
	require.Equal(t, chain.Height(54), log[KindFork].Lowest)
	require.Equal(t, chain.Height(61), log[KindFork].Highest)
	require.Equal(t, 8, log[KindFork].Heights)

	other := newProxyOf(t, r)
	_, err := other.proxy.Set(t.Context(), Faults{Fork: &Fork{From: 54, Salt: "x"}})
	require.NoError(t, err)
	require.Equal(t, before, other.at(58).claimed, "endpoints can collude")
	_, err = other.proxy.Set(t.Context(), Faults{Fork: &Fork{From: 54, Salt: "y"}})
	require.NoError(t, err)
	require.NotEqual(t, before, other.at(58).claimed, "and need not")
}

func TestALagAndAForkGoTogether(t *testing.T) {
	r := newRig(t, 60)
	r.set(Faults{Lag: 3, Fork: &Fork{From: 50}})
	require.Equal(t, chain.Height(57), r.tag("latest").height())
	require.NotEqual(t, r.truth(57), r.tag("latest").claimed)
	require.Nil(t, r.at(58))
	r.requireChain(48, 57)
}

func TestALieIsOneBlockThatHashesRightAndDoesNotLink(t *testing.T) {
	r := newRig(t, 60)
	truth := r.truth(55)
	r.set(Faults{Lie: &Lie{Height: 55}})
	lie := r.at(55)
	require.NotEqual(t, truth, lie.claimed)
	require.Equal(t, lie.Hash(), lie.claimed)
	require.Equal(t, r.truth(54), lie.ParentHash)
	require.Equal(t, truth, r.at(56).ParentHash, "its child does not link to it")
	require.Equal(t, lie.claimed, r.by(lie.claimed).claimed)
	require.Nil(t, r.by(truth), "the liar knows no truth")
	require.Equal(t, r.truth(60), r.tag("latest").claimed)
	require.Equal(t, Tally{Times: 3, Heights: 1, Lowest: 55, Highest: 55}, r.proxy.Log()[KindLie])
}

func TestAFalseClaimIsAHashThatTheHeaderHasNot(t *testing.T) {
	r := newRig(t, 60)
	truth := r.truth(60)
	r.set(Faults{Lie: &Lie{Height: 60, ClaimOnly: true}})
	for _, head := range []*told{r.at(60), r.tag("latest"), r.by(truth), r.by(r.at(60).claimed)} {
		require.Equal(t, truth, head.Hash())
		require.NotEqual(t, truth, head.claimed)
	}
}

func TestALieIsPushedToo(t *testing.T) {
	r := newRig(t, 60)
	heads := r.heads()
	r.set(Faults{Lie: &Lie{Height: 61}})
	r.mine(2)
	require.NotEqual(t, r.truth(61), next(t, heads).claimed)
	require.Equal(t, r.truth(62), next(t, heads).claimed)
}

func TestAnEndpointCanBeThirtyMillionBlocksAhead(t *testing.T) {
	const jump = 30_000_000
	r := newRig(t, 60)
	heads := r.heads()
	r.set(Faults{Jump: jump})
	require.Equal(t, chain.Height(60+jump), r.number())
	require.Equal(t, chain.Height(60+jump), r.tag("latest").height())
	r.requireChain(60+jump-15, 60+jump)
	require.Nil(t, r.at(60+jump+1))
	require.Nil(t, r.at(61), "between the chain and what is made up there is nothing")
	require.Equal(t, r.truth(60), r.at(60).claimed)
	r.mine(1)
	head := next(t, heads)
	require.Equal(t, chain.Height(61+jump), head.height())
	require.Equal(t, r.at(60+jump).claimed, head.ParentHash)
	require.Positive(t, r.proxy.Log()[KindJump].Times)
}

func TestContractsAreReadWhereTheEndpointStands(t *testing.T) {
	r := newRig(t, 60)
	// A contract that returns the number of the block it runs in: NUMBER, PUSH0, MSTORE, PUSH1 32, PUSH0, RETURN.
	call := map[string]any{"input": "0x435f5260205ff3"}
	runs := func(at any) chain.Height {
		var result hexutil.Bytes
		require.NoError(t, r.client.CallContext(t.Context(), &result, "eth_call", call, at))
		return chain.Height(common.BytesToHash(result).Big().Uint64())
	}
	require.Equal(t, chain.Height(60), runs("latest"))
	r.set(Faults{Lag: 4})
	require.Equal(t, chain.Height(56), runs("latest"))
	require.Equal(t, chain.Height(55), runs("0x37"))
	err := r.client.CallContext(t.Context(), new(any), "eth_call", call, "0x3a")
	require.ErrorContains(t, err, "header not found")
	r.set(Faults{Fork: &Fork{From: 50}})
	require.Equal(t, chain.Height(57), runs(map[string]any{"blockHash": r.at(57).claimed}))
	r.set(Faults{Jump: 1000})
	require.Equal(t, chain.Height(60), runs("latest"))
}
