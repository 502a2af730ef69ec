package pipeline_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/feedtest"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

var both = []feed.Subscription{{Mailbox: "a"}, {Mailbox: "b"}}

func TestRecordsFlowAtOnceAndEveryEpochIsSealedEmptyOnesToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := start(t, feedtest.New(), 0, nil)
		i.subscribe(append(both, feed.Subscription{Mailbox: "c", Wallets: []chain.WalletID{wallet(3)}})...)
		i.at(5 * window)
		i.submit(20)
		i.wantAll("a")
		i.wantAll("b")
		require.Nil(t, i.find(5), "the epoch only seals what has flowed")
		require.Equal(t, map[uint64]int{3: 1, 10: 1, 17: 1}, i.numbers("c"))

		i.at(8*window + 3)
		i.submit(1)
		i.at(9 * window)
		var previous feed.Hash
		for e, count := range []uint64{5: 20, 6: 0, 7: 0, 8: 1} {
			if e < 5 {
				continue
			}
			s := i.seal(feed.Epoch(e))
			require.Equal(t, count, s.Count)
			require.Equal(t, previous, s.Previous)
			require.Len(t, s.Commitments, 2+3+2, "each stage attests to an empty epoch, too")
			require.Empty(t, feed.Audit(s))
			previous = s.Hash()
		}
		i.close()
	})
}

func TestSourcesNumberTheirMessagesAndMayRepeatThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := start(t, feedtest.New(), 0, nil)
		i.subscribe(both...)
		i.at(window)
		m := func(text string) pipeline.Message {
			return pipeline.Message{Wallet: wallet(1), Kind: feed.KindFault, Payload: []byte(text)}
		}
		submit := func(source string, first uint64, list ...pipeline.Message) error {
			return i.feed.Submit(t.Context(), source, first, list)
		}
		require.NoError(t, submit("node", 1, m("1"), m("2")))
		require.NoError(t, submit("node", 2, m("2"), m("3")))
		require.NoError(t, submit("node", 1, m("1")))
		require.ErrorIs(t, submit("node", 5, m("5")), pipeline.ErrSource)
		require.ErrorIs(t, submit("node", 4*feed.SeriesLength+2, m("a series begins with its first number")), pipeline.ErrSource)
		require.ErrorIs(t, submit("node", 0, m("0")), pipeline.ErrSource)
		require.ErrorIs(t, submit("stranger", 1, m("1")), pipeline.ErrSource)
		require.ErrorIs(t, submit("node", 4), pipeline.ErrSource)
		require.ErrorIs(t, submit("node", 4, pipeline.Message{}), pipeline.ErrSource)
		require.ErrorIs(t, submit("node", 4, m(string(make([]byte, feed.MaxPayload+1)))), pipeline.ErrSource)
		synctest.Wait()
		i.sent = 3
		i.wantAll("a")
		i.close()
		require.ErrorIs(t, submit("node", 4, m("4")), pipeline.ErrStopped)
	})
}

// A source whose database was put back goes on with a later series. What is of the earlier one was accepted before, or is nothing that it
// knows of; within a series nothing may be left out.
func TestASourceMayGoOnWithALaterSeries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := feedtest.New()
		i := start(t, log, 0, nil)
		i.subscribe(both...)
		i.at(window)
		const second, fifth = feed.SeriesLength + 1, 4*feed.SeriesLength + 1
		submit := func(first uint64, n int) error {
			list := make([]pipeline.Message, n)
			for k := range list {
				list[k] = pipeline.Message{Wallet: wallet(1), Kind: feed.KindFault, Payload: fmt.Appendf(nil, "%d", first+uint64(k))}
			}
			return i.feed.Submit(t.Context(), "node", first, list)
		}
		require.NoError(t, submit(1, 3))
		require.NoError(t, submit(second, 2))
		require.NoError(t, submit(second, 3), "it may be repeated")
		require.NoError(t, submit(2, 5), "the earlier series is over")
		require.ErrorIs(t, submit(second+4, 1), pipeline.ErrSource)
		require.ErrorIs(t, submit(fifth+1, 1), pipeline.ErrSource)
		i.at(2 * window)
		i.close()

		i = start(t, log, 0, nil) // the epoch's records are taken through again
		i.at(2*window + 1)
		require.NoError(t, submit(fifth, 2))
		i.at(3 * window)
		for e := range feed.Epoch(2) {
			require.Empty(t, feed.Audit(i.seal(1+e)))
		}
		var numbers []uint64
		for _, e := range i.entries("a") {
			numbers = append(numbers, e.Record.Item.Number)
		}
		require.Equal(t, []uint64{1, 2, 3, second, second + 1, second + 2, fifth, fifth + 1}, numbers)
		i.close()
	})
}

func TestAnOutboxThatDoesNotCommitIsMissingAndCatchesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := feedtest.New()
		hung := make(chan struct{})
		stuck := false
		log.Before = func(ctx context.Context, call string, mailboxes []string) error {
			if stuck && call == "append" && slices.Contains(mailboxes, "a") {
				select {
				case <-hung:
				case <-ctx.Done():
				}
			}
			return ctx.Err()
		}
		require.NotEqual(t, feed.OutboxOf("a", 2), feed.OutboxOf("b", 2), "the two mailboxes must have different outboxes")
		i := start(t, log, 0, nil)
		i.subscribe(both...)
		i.at(window)
		i.submit(10)
		stuck = true
		i.submit(10)
		i.wantAll("b")
		i.at(2 * window)
		i.blocks(2*window+1, 2*window+9)
		require.Nil(t, i.find(1), "its deadline is not over")
		i.at(2*window + 100) // a jump counts as one: nobody had more time for it
		s := i.seal(1)
		who := feed.Actor{Instance: "alpha", Stage: feed.Outbox, Index: uint16(feed.OutboxOf("a", 2))}
		require.Equal(t, []feed.Blame{{Actor: who, Reason: feed.Missing}}, feed.Audit(s))
		i.submit(200) // and nobody waits for it
		i.wantAll("b")
		stuck = false
		close(hung)
		synctest.Wait()
		i.submit(10)
		i.at(3 * window)
		require.Equal(t, []feed.Blame{{Actor: who, Reason: feed.Missing}}, feed.Audit(i.seal(2)))
		i.wantAll("a")
		i.submit(10)
		i.at(4 * window)
		require.Empty(t, feed.Audit(i.seal(3)), "it has joined again")
		i.wantAll("a")
		i.wantAll("b")
		i.close()
	})
}

func TestAHungOutboxIsGivenUpBeforeItsQueueHoldsUpTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := feedtest.New()
		log.Before = func(ctx context.Context, call string, mailboxes []string) error {
			if call == "append" && slices.Contains(mailboxes, "a") {
				<-ctx.Done()
			}
			return ctx.Err()
		}
		i := start(t, log, 0, nil)
		i.subscribe(both...)
		i.at(window)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 300 { // more than all queues hold
				i.tell(1)
			}
		}()
		synctest.Wait()
		i.blocks(window+1, window+12) // no window ends: the height alone tells
		<-done
		synctest.Wait()
		i.wantAll("b")
		i.close()
	})
}

func TestAFullMailboxIsClosedWithASignedGapAndDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := start(t, feedtest.New(), 10, nil)
		_, keys := signer(t)
		i.subscribe(both...)
		i.at(window)
		for range 4 {
			i.submit(5)
			require.NoError(t, i.feed.Acknowledge(t.Context(), "b", feed.Number(i.sent))) // a's subscriber is slow
		}
		i.wantAll("b")
		list := i.entries("a")
		require.Len(t, list, 11)
		gap := list[10]
		require.NotNil(t, gap.Gap)
		require.NoError(t, gap.VerifyGap(keys))
		require.EqualValues(t, 10, gap.Gap.Unread)
		i.at(2 * window)
		s := i.seal(1)
		require.Empty(t, feed.Audit(s), "a gap that is told is nobody's fault")
		head, ok := s.HeadOf("a")
		require.True(t, ok)
		require.True(t, head.Closed)

		i.submit(5)
		require.NoError(t, i.feed.Acknowledge(t.Context(), "b", feed.Number(i.sent)))
		require.Len(t, i.entries("a"), 11, "closed until its subscriber has acknowledged the gap and an epoch begins")
		require.NoError(t, i.feed.Acknowledge(t.Context(), "a", 11))
		i.submit(5)
		require.Len(t, i.entries("a"), 11)
		i.at(3 * window)
		i.submit(5)
		list = i.entries("a")
		require.Len(t, list, 16)
		require.Equal(t, gap.Hash(), list[11].Previous)
		i.close()
	})
}

func TestBadInputAcknowledgements(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := start(t, feedtest.New(), 0, nil)
		i.subscribe(both...)
		i.at(window)
		i.submit(3)
		require.ErrorIs(t, i.feed.Acknowledge(t.Context(), "a", 4), pipeline.ErrFuture)
		require.ErrorIs(t, i.feed.Acknowledge(t.Context(), "nobody", 1), pipeline.ErrNoMailbox)
		require.NoError(t, i.feed.Acknowledge(t.Context(), "a", 3))
		require.NoError(t, i.feed.Acknowledge(t.Context(), "a", 1))
		err := i.feed.Follow(t.Context(), "nobody", pipeline.Position{}, func(pipeline.News) error { return nil })
		require.ErrorIs(t, err, pipeline.ErrNoMailbox)
		i.close()
	})
}

// In a bubble nothing else runs: what is counted is the feed, with as many wallets flowing.
func TestAThousandWalletsTakeNoMoreGoroutinesThanTen(t *testing.T) {
	counted := map[int]int{}
	for _, wallets := range []int{10, 1000} {
		synctest.Test(t, func(t *testing.T) {
			before := runtime.NumGoroutine()
			i := start(t, feedtest.New(), 0, nil)
			i.subscribe(append(both, feed.Subscription{Mailbox: "c", Wallets: []chain.WalletID{wallet(3), wallet(9)}})...)
			i.at(window)
			for n := range wallets {
				m := pipeline.Message{Wallet: wallet(n), Kind: feed.KindResult, Payload: fmt.Append(nil, n)}
				require.NoError(t, i.feed.Submit(t.Context(), "node", uint64(n)+1, []pipeline.Message{m}))
			}
			synctest.Wait()
			i.sent = uint64(wallets)
			i.wantAll("a")
			counted[wallets] = runtime.NumGoroutine() - before
			i.at(2 * window)
			require.Equal(t, counted[wallets], runtime.NumGoroutine()-before, "and an epoch's end takes none")
			i.close()
		})
	}
	require.Positive(t, counted[10])
	require.Equal(t, counted[10], counted[1000])
}
