package heads_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/heads"
	"github.com/walletnode/walletnode/faults/evidence/tree"
)

// chained are n heads of operator 1, each after the one before.
func chained(t require.TestingT, n int) []evidence.Head {
	all := wallets(t, 2)
	l := heads.NewLedger(chainID, all[0].Roster()[1], evidence.Head{})
	var made []evidence.Head
	for i := range n {
		window := chain.Height(i+1) * frequency
		require.NoError(t, l.Put(entry(all[0], window)))
		a, err := l.Close(window, all)
		require.NoError(t, err)
		made = append(made, read(t, a.Head))
	}
	return made
}

func read(t require.TestingT, h evidence.Head) evidence.Head {
	signed, err := evidence.ReadHead(sign(1, h))
	require.NoError(t, err)
	return signed
}

func other(t require.TestingT, h evidence.Head, n int) evidence.Head {
	h.Root = tree.Hash{1, byte(n >> 8), byte(n)}
	return read(t, h)
}

func TestHeadsInAnyOrderAreNoMisdeed(t *testing.T) {
	made := chained(t, 5)
	for _, order := range [][]int{{0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}, {2, 0, 4, 1, 3}} {
		w := heads.NewWatch(chainID)
		for _, i := range order {
			verdict, _ := w.Take(made[i], true, 6*frequency)
			require.Equal(t, heads.Fresh, verdict, "%v: %d", order, i)
			verdict, _ = w.Take(made[i], true, 6*frequency)
			require.Equal(t, heads.Repeated, verdict)
		}
		h, ok := w.Of(made[3].Operator, made[3].Window)
		require.True(t, ok)
		require.Equal(t, made[3], h)
	}
}

func TestASecondHeadOfAWindowIsProvedOnceHoweverManyThereAre(t *testing.T) {
	made := chained(t, 2)
	w := heads.NewWatch(chainID)
	w.Take(made[0], true, 2*frequency)
	verdict, proof := w.Take(other(t, made[0], 1), true, 2*frequency)
	require.Equal(t, heads.Guilty, verdict)
	require.Equal(t, evidence.TwoHeads, proof.Kind)
	_, err := evidence.Decode(proof.Encode())
	require.NoError(t, err)
	for n := range 50 {
		verdict, _ = w.Take(other(t, made[0], 2+n), true, 2*frequency)
		require.Equal(t, heads.Useless, verdict)
	}
	h, _ := w.Of(made[0].Operator, made[0].Window)
	require.Equal(t, made[0], h, "the first one is kept")
}

func TestAHeadAfterAnotherOneIsAForkWhicheverIsHeardFirst(t *testing.T) {
	made := chained(t, 2)
	told := other(t, made[0], 1)
	for _, order := range [][]evidence.Head{{told, made[1]}, {made[1], told}} {
		w := heads.NewWatch(chainID)
		verdict, _ := w.Take(order[0], true, 3*frequency)
		require.Equal(t, heads.Fresh, verdict)
		verdict, proof := w.Take(order[1], true, 3*frequency)
		require.Equal(t, heads.Guilty, verdict)
		require.Equal(t, evidence.Fork, proof.Kind)
		require.Equal(t, made[1].Window, proof.Slot().Window)
	}
}

func TestAChainAnewOrOverASignedHeadIsSuspectAlone(t *testing.T) {
	made := chained(t, 3)
	l := heads.NewLedger(chainID, made[0].Operator, evidence.Head{})
	a, err := l.Close(4*frequency, nil)
	require.NoError(t, err)
	skips := heads.NewLedger(chainID, made[0].Operator, made[0])
	b, err := skips.Close(5*frequency, nil)
	require.NoError(t, err)
	w := heads.NewWatch(chainID)
	for _, h := range made {
		w.Take(h, true, 9*frequency)
	}
	verdict, _ := w.Take(read(t, a.Head), true, 9*frequency)
	require.Equal(t, heads.Suspect, verdict)
	verdict, _ = w.Take(read(t, b.Head), true, 9*frequency)
	require.Equal(t, heads.Suspect, verdict)
}

func TestHeadsOfNobodyOfNoPassedWindowAndOfLongAgoAreUseless(t *testing.T) {
	made := chained(t, 70)
	w := heads.NewWatch(chainID)
	take := func(h evidence.Head, member bool, now chain.Height) heads.Verdict {
		verdict, _ := w.Take(h, member, now)
		return verdict
	}
	require.Equal(t, heads.Useless, take(made[0], false, 2*frequency))
	require.Equal(t, heads.Useless, take(made[1], true, 2*frequency-1))
	require.Equal(t, heads.Useless, take(made[0], true, 65*frequency))
	foreign := made[0]
	foreign.Chain++
	require.Equal(t, heads.Useless, take(read(t, foreign), true, 2*frequency))
	for i, h := range made {
		require.Equal(t, heads.Fresh, take(h, true, chain.Height(i+1)*frequency))
	}
	_, ok := w.Of(made[0].Operator, frequency)
	require.False(t, ok, "what is too old is forgotten")
	_, ok = w.Of(made[0].Operator, 7*frequency)
	require.True(t, ok)
}
