package node

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

func TestStageGoesOnAndNeverBack(t *testing.T) {
	s := newStage()
	state, since := s.State()
	require.Equal(t, Starting, state)
	require.WithinDuration(t, time.Now(), since, time.Minute)

	changed := s.Changed()
	s.advance(Draining) // it may be stopped before it was ever active
	<-changed
	changed = s.Changed()
	for _, back := range []State{Starting, Active, Draining} {
		s.advance(back)
		state, _ = s.State()
		require.Equal(t, Draining, state)
	}
	select {
	case <-changed:
		t.Fatal("nothing has changed")
	default:
	}
	s.advance(Stopped)
	<-changed
}

func TestR8TheNodeIsActiveOnlyWithAFreshHead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &Node{stage: newStage(), chain: follows(t, chain.Freshness{MaxSilence: time.Minute, MaxHeaderAge: time.Minute})}
		n.stage.advance(Syncing)
		active := make(chan error, 1)
		go func() { active <- n.awaitHead(t.Context()) }()

		n.chain.follow(chain.Header{Height: 900, Hash: chain.Hash{1}, Time: time.Now().Add(-time.Hour)}) // an old block
		synctest.Wait()
		state, _ := n.stage.State()
		require.Equal(t, Syncing, state)
		n.chain.follow(chain.Header{Height: 901, Hash: chain.Hash{2}, Time: time.Now()})
		require.NoError(t, <-active)
		state, _ = n.stage.State()
		require.Equal(t, Active, state)
	})
}

func TestPaceIsTheMeanTimeBetweenRecentBlocks(t *testing.T) {
	var p pace
	begin := time.Unix(1_800_000_000, 0)
	require.Equal(t, 12*time.Second, p.blockTime(12*time.Second))
	p.observe(100, begin)
	require.Equal(t, 12*time.Second, p.blockTime(12*time.Second))
	p.observe(104, begin.Add(8*time.Second)) // heights may be skipped
	require.Equal(t, 2*time.Second, p.blockTime(12*time.Second))
	p.observe(102, begin.Add(10*time.Second)) // a reorganisation
	require.Equal(t, 5*time.Second, p.blockTime(12*time.Second))
	for i := range 3 * paceDepth { // what is long ago does not count
		p.observe(chain.Height(200+i), begin.Add(time.Hour+time.Duration(i)*time.Second))
	}
	require.Equal(t, time.Second, p.blockTime(12*time.Second))
	require.Len(t, p.heads, paceDepth)
}

// follows is a chain that nothing was seen of yet.
func follows(t *testing.T, freshness chain.Freshness) *followed {
	t.Helper()
	f := &followed{freshness: freshness}
	require.NoError(t, f.setClock(0))
	return f
}

// several is a pool of endpoints that agrees on some heads only.
type several struct {
	Chain
	agreed chain.Height
}

func (s several) Agreed(h chain.Header) bool { return h.Height <= s.agreed }

func TestR4AHeadWithoutAQuorumIsFollowedAndDoubted(t *testing.T) {
	n := &Node{chain: follows(t, chain.Freshness{MaxSilence: time.Minute})}
	n.chain.source = several{agreed: 901}
	n.chain.follow(chain.Header{Height: 901})
	require.False(t, n.chain.clock.DoubtedAfter(0))
	n.chain.follow(chain.Header{Height: 902})
	require.Equal(t, chain.Height(902), n.chain.clock.Height())
	require.True(t, n.chain.clock.DoubtedAfter(901))
	require.False(t, n.chain.clock.DoubtedAfter(902))
}
