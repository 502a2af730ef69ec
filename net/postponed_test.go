package net

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
)

// shares are put off, one of each number.
func shares(_ chain.Operator, data []byte) (string, bool) {
	number, _, ok := strings.Cut(strings.TrimPrefix(string(data), "share "), ":")
	return number, ok && strings.HasPrefix(string(data), "share ")
}

func (b *inboxed) putsOff(n byte, number uint64, data string) bool {
	return b.PutOff(wire.SignPubsub(operatorKey(n), testTopicName, []byte(data), seqno(number)), 950)
}

func TestTheFirstMessageOfASlotIsPutOffAndNoOther(t *testing.T) {
	b := newInboxed(t, testTopic(1, 2))
	for n := range byte(2) {
		require.Equal(t, CauseNew, b.hear(n+1, 1, "here"))
	}
	require.Equal(t, CauseNew, b.hear(1, 2, "share 9: known"))
	require.False(t, b.putsOff(1, 3, "share 1: x"), "nothing is put off before somebody wants it")
	b.Postpone(shares)

	require.True(t, b.putsOff(1, 3, "share 1: x"))
	require.True(t, b.putsOff(1, 3, "share 1: x"), "another neighbour's copy")
	require.False(t, b.putsOff(1, 4, "share 1: x"), "what is said again is taken")
	require.False(t, b.putsOff(1, 5, "share 1: y"), "and what is said in its place")
	require.True(t, b.putsOff(2, 3, "share 1: x"), "another operator's is another one")
	require.True(t, b.putsOff(1, 6, "share 2: x"))
	require.False(t, b.putsOff(1, 7, "a list"))
	require.False(t, b.putsOff(1, 8, "share 9: known"), "who needs it is to get it")
	require.False(t, b.putsOff(9, 1, "share 1: x"), "a stranger")
	require.Empty(t, b.Recall(operator(9)))

	all := b.Recall(operator(1))
	require.Len(t, all, 2)
	for _, p := range all {
		require.Equal(t, operator(1), p.By)
		require.Contains(t, []string{"share 1: x", "share 2: x"}, string(p.Data))
		require.EqualValues(t, 950, p.Height)
		signed, err := wire.ParsePubsub(p.Signed)
		require.NoError(t, err)
		require.Equal(t, p.Data, signed.Data())
	}
	require.Empty(t, b.Recall(operator(1)), "once")
	require.True(t, b.putsOff(1, 3, "share 1: x"), "a late copy")
	require.Len(t, b.Recall(chain.Operator{}), 1, "everybody else's")

	b.Postpone(nil)
	require.False(t, b.putsOff(1, 20, "share 3: x"))
	require.Zero(t, b.postponed.budget.Load())
}

// Whoever forges a message, before the real one comes or after, does not have it lost.
func TestAForgeryDoesNotTakeThePlaceOfWhatIsPutOff(t *testing.T) {
	forged := saidBy(t, 1, "share 1: x", 3)
	forged.Signature = []byte("forged")
	raw, err := proto.Marshal(forged)
	require.NoError(t, err)
	m, err := wire.ParsePubsub(raw)
	require.NoError(t, err)

	b := newInboxed(t, testTopic(1, 2))
	require.Equal(t, CauseNew, b.hear(1, 1, "here"))
	b.Postpone(shares)
	require.True(t, b.PutOff(m, 950))
	require.False(t, b.putsOff(1, 3, "share 1: x"), "the real one is taken")
	require.Empty(t, b.Recall(operator(1)), "nobody said so")

	b.Postpone(shares)
	require.True(t, b.putsOff(1, 3, "share 1: x"))
	require.False(t, b.PutOff(m, 950), "it is looked into, and refused")
	require.Len(t, b.Recall(operator(1)), 1)
}

func TestWhatIsPutOffIsBounded(t *testing.T) {
	b := newInboxed(t, testTopic(1))
	require.Equal(t, CauseNew, b.hear(1, 1, "here"))
	b.Postpone(shares)
	held := 0
	for i := range uint64(2 * maxPostponedSlots) {
		if b.putsOff(1, i, fmt.Sprintf("share %d:", i)) {
			held++
		}
	}
	require.Equal(t, maxPostponedSlots, held)

	cfg := testTopic(1)
	cfg.MaxMessage = 1 << 19
	b = newInboxed(t, cfg)
	require.Equal(t, CauseNew, b.hear(1, 1, "here"))
	b.Postpone(shares)
	require.False(t, b.putsOff(1, 2, fmt.Sprintf("share 0:%0*d", 1<<19, 0)), "longer than may be")
	size, long := 0, strings.Repeat("x", 1<<18)
	for i := range uint64(100) {
		if data := fmt.Sprintf("share %d:%s", i, long); b.putsOff(1, 2+i, data) {
			size += len(data)
		}
	}
	require.Greater(t, size, maxPostponed-1<<19)
	require.LessOrEqual(t, size, maxPostponed)
	b.Close()
	require.Zero(t, b.postponed.budget.Load())
	b.Postpone(shares)
	require.False(t, b.putsOff(1, 3, "share 1: x"), "nobody would ever give it back")
}

// a – b – d: b puts off what a says, and passes it on to d when it is said again.
func TestWhatIsSaidAgainIsRelayedByWhoPutItOff(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		a, b, d := c.add(1), c.add(2), c.add(3)
		onA, onB, onD := a.opens(t, testTopic(1, 2, 3)), b.opens(t, testTopic(1, 2, 3)), d.opens(t, testTopic(1, 2, 3))
		c.connect(a.lh, b.lh)
		c.connect(b.lh, d.lh)
		c.settle()
		tell(t, onA, "here")
		c.settle()
		require.Equal(t, []string{"here"}, hears(onB))
		require.Equal(t, []string{"here"}, hears(onD))

		onB.Postpone(shares)
		known := b.Counters().Known
		tell(t, onA, "share 1: x")
		c.settle()
		require.Empty(t, hears(onB))
		require.Empty(t, hears(onD), "it is neither verified nor passed on")
		require.Greater(t, b.Counters().Known, known)
		said := onB.Recall(operator(1))
		require.Len(t, said, 1)
		require.Equal(t, "share 1: x", string(said[0].Data))
		require.Equal(t, b.clock.Height(), said[0].Height)

		time.Sleep(2 * defaultRepeat)
		c.settle()
		require.Equal(t, []string{"share 1: x"}, hears(onB))
		require.Equal(t, []string{"share 1: x"}, hears(onD))

		require.True(t, onB.needless(saidBy(t, 1, "share 2: x", 1), 950))
		b.table.ban(peer.ID(mustKey(1).PeerID()), operator(1), 1<<40, time.Now())
		require.False(t, onB.needless(saidBy(t, 1, "share 3: x", 2), 950), "who is not heard is not put off either")
	})
}
