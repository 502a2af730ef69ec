package net

import (
	"context"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/wire"
)

// inboxed is an inbox of the test topic with a clock of its own.
type inboxed struct {
	*TopicInbox
	now time.Time
}

func newInboxed(t *testing.T, cfg TopicConfig) *inboxed {
	t.Helper()
	b, err := NewTopicInbox(cfg)
	require.NoError(t, err)
	return &inboxed{b, time.Unix(1_800_000_000, 0)}
}

// hear offers a message, really signed.
func (b *inboxed) hear(n byte, number uint64, data string) Cause {
	m := wire.SignPubsub(operatorKey(n), testTopicName, []byte(data), seqno(number))
	return b.Offer(Arrival{
		From: m.From(), Data: m.Data(), Seqno: m.Seqno(), ID: m.ID(), Size: len(m.SignedBytes()), Signed: m.Bytes, Time: b.now,
	}).Cause
}

func (b *inboxed) next(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // what is there is returned all the same
	said, err := b.Next(ctx)
	if err != nil {
		require.ErrorIs(t, err, context.Canceled)
		return ""
	}
	return string(said.Data)
}

func TestAMessageIsHeardOnceHoweverOftenItIsSaid(t *testing.T) {
	b := newInboxed(t, testTopic(1, 2))
	require.Equal(t, CauseNew, b.hear(1, 1, "x"))
	require.Equal(t, CauseNew, b.hear(2, 1, "x"), "another operator's is another one")
	for i := range uint64(maxCopies) {
		require.Equal(t, CauseCopy, b.hear(1, 2+i, "x"))
	}
	require.Equal(t, CauseSpent, b.hear(1, 20, "x"))
	require.Equal(t, []string{"x", "x", ""}, []string{b.next(t), b.next(t), b.next(t)})
	for i := range uint64(100) { // it is relayed now and then, for whoever comes late, and stays known
		b.now = b.now.Add(maxRepeatPause)
		require.Equal(t, CauseCopy, b.hear(1, 21+i, "x"))
		require.Equal(t, CauseSpent, b.hear(1, 200+i, "x"))
	}
	require.Empty(t, b.next(t))
	b.now = b.now.Add(saidMemory)
	require.Equal(t, CauseNew, b.hear(1, 400, "y"), "after a long silence what was said is forgotten")
	require.Equal(t, CauseNew, b.hear(1, 401, "x"))
	require.Equal(t, []string{"y", "x", ""}, []string{b.next(t), b.next(t), b.next(t)})
}

// Whoever replays what an operator said before cannot keep from us what he says now.
func TestOldMessagesDoNotCrowdOutNewOnes(t *testing.T) {
	b := newInboxed(t, testTopic(1, 2))
	require.Equal(t, CauseNew, b.hear(1, 1000, "now"))
	require.Equal(t, "now", b.next(t))
	for i := range uint64(7) {
		require.Equal(t, CauseNew, b.hear(1, i, fmt.Sprint("old ", i)))
	}
	require.Equal(t, CauseExcess, b.hear(1, 7, "old 7"))
	for i := range uint64(7) {
		require.Equal(t, CauseNew, b.hear(1, 1001+i, fmt.Sprint("new ", i)))
	}
	for i := range 7 {
		require.Equal(t, fmt.Sprint("new ", i), b.next(t))
	}
	require.Empty(t, b.next(t), "the old ones had to go")
	require.Equal(t, CauseCopy, b.hear(1, 1000, "now"))
}

func TestWhatOneOperatorSaysIsBoundedInNumberAndBytes(t *testing.T) {
	cfg := testTopic(1, 2)
	cfg.MaxMessage, cfg.PerOperator = 1<<19, 100
	b := newInboxed(t, cfg)
	heard, size := 0, 0
	for i := range uint64(40) {
		data := fmt.Sprintf("%0*d", 1<<19, i)
		switch cause := b.hear(1, i+1, data); cause {
		case CauseNew:
			heard++
			size += 2 * len(data) // with the signed message
		default:
			require.Equal(t, CauseFull, cause)
		}
	}
	require.Equal(t, 7, heard)
	require.LessOrEqual(t, size, maxHeld)
	require.Equal(t, CauseNew, b.hear(2, 1, "others have budgets of their own"))
	require.NotEmpty(t, b.next(t))
	require.Equal(t, CauseNew, b.hear(1, 100, "once there is room again"))

	small := newInboxed(t, testTopic(1, 2))
	heard = 0
	for i := range uint64(1000) {
		if small.hear(1, i+1, fmt.Sprint(i)) == CauseNew {
			heard++
		}
	}
	require.Equal(t, 8, heard)
	small.now = small.now.Add(saidMemory)
	require.Equal(t, CauseNew, small.hear(1, 2000, "later"), "in place of the oldest")
	require.Len(t, small.voices[operator(1)].said, 8)
	require.Equal(t, "1", small.next(t))
}

func TestAClosedInboxHoldsNothing(t *testing.T) {
	b := newInboxed(t, testTopic(1, 2))
	b.hear(1, 1, "taken")
	b.next(t)
	b.hear(1, 2, "untaken")
	require.Equal(t, 2*saidCost, b.held.held[operator(1)]-b.voices[operator(1)].said[sha256.Sum256([]byte("untaken"))].size())
	b.Close()
	b.Close()
	require.Empty(t, b.held.held)
	require.Equal(t, CauseStale, b.hear(1, 3, "late"))
	_, err := b.Next(t.Context())
	require.ErrorIs(t, err, ErrLeft)
}

// What is repeated for long is verified once where a topic's memory is twice as long, and forgotten when that is over.
func TestALongMemoryLeavesLongRepetitionsUnverified(t *testing.T) {
	cfg := testTopic(1, 2)
	cfg.Memory = time.Hour
	b := newInboxed(t, cfg)
	from := wire.PublicKeyOf(operatorKey(1)).PeerID()
	redundant := func(reach uint64) bool { return b.redundant(from, []byte("x"), reach, b.now) }
	require.Equal(t, CauseNew, b.hear(1, 1, "x"))
	require.Equal(t, "x", b.next(t))
	for range 29 {
		b.now = b.now.Add(time.Minute)
		require.True(t, redundant(0))
		require.False(t, redundant(1), "somebody has come into reach")
	}
	b.now = b.now.Add(time.Minute)
	require.False(t, redundant(0))
	require.Equal(t, CauseCopy, b.hear(1, 2, "x"))
	require.True(t, redundant(0))
	b.now = b.now.Add(time.Hour)
	require.Equal(t, CauseNew, b.hear(1, 3, "y"))
	require.Equal(t, CauseNew, b.hear(1, 4, "x"), "it is forgotten")
	cfg.Memory = saidMemory - 1
	_, err := NewTopicInbox(cfg)
	require.ErrorContains(t, err, "at least 10m0s")
}

// Copies are dropped unverified only where nobody needs them, and no claim that was not verified changes that.
func TestCopiesThatNobodyNeedsAreDroppedUnverified(t *testing.T) {
	b := newInboxed(t, testTopic(1, 2))
	from := wire.PublicKeyOf(operatorKey(1)).PeerID()
	redundant := func(data string, reach uint64) bool { return b.redundant(from, []byte(data), reach, b.now) }
	require.False(t, redundant("x", 0), "not known")
	b.hear(1, 1, "x")
	require.True(t, redundant("x", 0))
	require.False(t, redundant("y", 0))
	require.False(t, redundant("x", 1), "somebody has come into reach")
	require.False(t, b.redundant(wire.PublicKeyOf(operatorKey(2)).PeerID(), []byte("x"), 0, b.now), "said by another one")
	b.now = b.now.Add(saidMemory / 2)
	require.False(t, redundant("x", 0), "one is to be verified, or it would be forgotten while it is repeated")
	require.Equal(t, CauseCopy, b.hear(1, 2, "x"))
	require.True(t, redundant("x", 0))
}

// What a seqno that is none says: the message counts as the oldest.
func TestMessagesWithoutANumberAreTheOldest(t *testing.T) {
	require.Zero(t, seqnoOf(Arrival{Seqno: []byte{1}}))
	require.Equal(t, uint64(7), seqnoOf(Arrival{Seqno: seqno(7)}))
}
