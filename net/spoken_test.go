package net

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// overheard collects what an Ear is told.
type overheard struct {
	mu       sync.Mutex
	messages []Message
}

func (o *overheard) hear(m Message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.messages = append(o.messages, m)
}

func (o *overheard) all() []Message {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.messages)
}

// Each row is one message of operator 1, us, to a wallet of operators 1 and 2, at height 1810 of window 1800.
func TestWhatIsSaidWithOurKeyIsToldOfForThisWindowAndTheNext(t *testing.T) {
	w := testWallet(t, 1, 1, 2)
	for name, c := range map[string]struct {
		author byte
		window chain.Height
		height chain.Height
		told   bool
	}{
		"this window":                  {1, 1800, 1810, true},
		"this window, after its phase": {1, 1800, 1899, true},
		"the next, before it begins":   {1, 2700, 1810, true},
		"the next, long before":        {1, 2700, 1900, true},
		"one that is over":             {1, 1800, 1900, false},
		"one that is long over":        {1, 900, 1810, false},
		"one after the next":           {1, 3600, 1810, false},
		"before we know of a block":    {1, 1800, 0, false},
		"another's":                    {2, 1800, 1810, false},
	} {
		t.Run(name, func(t *testing.T) {
			var o overheard
			b := NewInbox(w, testSchedule, testInspect, Ear{operator(1), o.hear})
			envelope := sealed(c.author, testPayload(w.ID(), c.window, "x"))
			for n := range uint64(20) { // retransmissions are one statement
				b.Offer(arrival(c.author, n, envelope, c.height))
			}
			if !c.told {
				require.Empty(t, o.all())
				return
			}
			require.Equal(t, b.Take(c.window), o.all(), "what is told of is what is delivered")
			require.Len(t, o.all(), 1)
		})
	}
}

func TestOurOwnPublicationsAreNotToldOfAndWhatDiffersFromThemIs(t *testing.T) {
	w := testWallet(t, 1, 1, 2)
	var o overheard
	b := NewInbox(w, testSchedule, testInspect, Ear{operator(1), o.hear})
	own := arrival(1, 1, sealed(1, testPayload(w.ID(), 900, "ours")), 900)
	own.Own = true
	require.Equal(t, CauseOwn, b.Offer(own).Cause)
	require.Equal(t, CauseCopy, b.Offer(arrival(1, 2, own.Data, 900)).Cause, "a sibling sends it again")
	require.Empty(t, o.all())
	require.Equal(t, CauseNew, b.Offer(arrival(1, 3, sealed(1, testPayload(w.ID(), 900, "a thief's")), 900)).Cause)
	require.Equal(t, []string{"a thief's"}, said(o.all()))
}

// A thief who has filled what there is room for is noticed all the same.
func TestWhatThereIsNoRoomForIsToldOf(t *testing.T) {
	var o overheard
	w := testWallet(t, 1, 1, 2)
	b := newInbox(w, testSchedule, testInspect, newLedger(10), new(authors), Ear{operator(1), o.hear})
	require.Equal(t, CauseFull, b.Offer(arrival(1, 1, sealed(1, testPayload(w.ID(), 900, "x")), 900)).Cause)
	require.Equal(t, []string{"x"}, said(o.all()))
	require.NotEmpty(t, o.all()[0].Signed)
}

// sibling is a node of operator 1 that tells what is said with its key elsewhere.
func (c *cluster) sibling() (*member, *overheard) {
	o := new(overheard)
	lh := c.bareHost(instanceKey(c.t, c.n+1))
	clock := newHeights(900)
	deps := testDeps(clock.Height)
	deps.Spoken = o.hear
	return c.run(lh, testConfig(1), deps, clock), o
}

// a – b – d, where a and b are siblings: what one instance says is one statement to all, relayed as any other.
func TestASiblingsWordsAreToldOfDeliveredOnceAndRelayed(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w := testWallet(t, 1, 1, 2, 3)
		a, atA := c.sibling()
		b, atB := c.sibling()
		d := c.add(3)
		onA, onB, onD := a.join(t, w), b.join(t, w), d.join(t, w)
		c.connect(a.lh, b.lh)
		c.connect(b.lh, d.lh)
		c.settle()
		require.Zero(t, onA.Sight().Operators, "a sibling is no other operator")
		require.Equal(t, 1, onB.Sight().Operators)
		for range 3 {
			say(t, onA, 900, "as one")
			c.settle()
			say(t, onA, 1800, "early")
			c.settle()
		}
		require.Empty(t, atA.all())
		require.Equal(t, []string{"as one", "early"}, said(atB.all()))
		require.Equal(t, []string{"as one"}, said(onB.Take(900)))
		require.Equal(t, []string{"as one"}, said(onD.Take(900)))
		require.Equal(t, []string{"early"}, said(onD.Take(1800)))
	})
}

// A thief of our key who floods one wallet's channel does not make us deaf to what he says on another.
func TestAFloodWithOurKeyHidesNoTheft(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w, other := testWallet(t, 1, 1, 2), testWallet(t, 2, 1, 2)
		a, told := c.sibling()
		a.join(t, w)
		ch := a.join(t, other)
		thief := c.operatorHost(2)
		c.connect(thief, a.lh)
		c.settle()
		var flood []*pb.Message
		for n := range uint64(50) {
			flood = append(flood, forge(t, 1, w, sealed(1, testPayload(w.ID(), 900, fmt.Sprint(n))), n))
		}
		inject(t, thief, a.ID(), flood...)
		require.Len(t, told.all(), maxStatements, "a third statement says nothing more")
		inject(t, thief, a.ID(), forge(t, 1, other, sealed(1, testPayload(other.ID(), 1800, "theft")), 99))
		require.Equal(t, []string{"theft"}, said(told.all()[maxStatements:]))
		require.Equal(t, []string{"theft"}, said(ch.Take(1800)))
	})
}
