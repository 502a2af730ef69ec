package pipeline_test

import (
	"context"
	"slices"
	"sync/atomic"
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

// A twin does one thing wrong, once.
func once(wrong func([]feed.Record) []feed.Record) func([]feed.Record) []feed.Record {
	var done atomic.Bool // receivers share a twin
	return func(records []feed.Record) []feed.Record {
		if len(records) < 2 || done.Swap(true) {
			return records
		}
		return wrong(slices.Clone(records))
	}
}

var wrongs = map[string]func([]feed.Record) []feed.Record{
	"drops":   func(r []feed.Record) []feed.Record { return r[1:] },
	"alters":  func(r []feed.Record) []feed.Record { r[0].Item.Payload[0] ^= 1; return r },
	"swaps":   func(r []feed.Record) []feed.Record { r[0], r[1] = r[1], r[0]; return r },
	"repeats": func(r []feed.Record) []feed.Record { return append(r, r[len(r)-1]) },
}

func TestAFaultyStageIsNamedAtTheNextEpochAndNobodyElse(t *testing.T) {
	outboxOfA := feed.Actor{Instance: "alpha", Stage: feed.Outbox, Index: uint16(feed.OutboxOf("a", 2))}.String()
	for stage, twist := range map[string]func(*pipeline.Feed, func([]feed.Record) []feed.Record){
		"alpha/inbox":    (*pipeline.Feed).TwistInbox,
		"alpha/router":   (*pipeline.Feed).TwistRouter,
		"alpha/receiver": func(f *pipeline.Feed, w func([]feed.Record) []feed.Record) { f.TwistReceiver(0, w) },
		outboxOfA:        func(f *pipeline.Feed, w func([]feed.Record) []feed.Record) { f.TwistOutbox(0, w) },
	} {
		for how, wrong := range wrongs {
			t.Run(stage+" "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					i := start(t, feedtest.New(), 0, func(f *pipeline.Feed) { twist(f, once(wrong)) })
					i.subscribe(both...)
					i.at(window)
					i.submit(30)
					i.at(2 * window)
					i.submit(30)
					i.at(3 * window)
					named := actors(feed.Audit(i.seal(1)))
					require.Len(t, named, 1)
					require.Contains(t, named[0], stage)
					require.Empty(t, feed.Audit(i.seal(2)), "it was only once")
					i.close()
				})
			})
		}
	}
}

func TestAStageThatLiesAboutWhatPassedIsNamedAndNobodyElse(t *testing.T) {
	for _, stage := range []feed.Stage{feed.Inbox, feed.Router, feed.Receiver, feed.Outbox} {
		for side, lie := range map[string]func(*feed.Commitment){
			"in":  func(c *feed.Commitment) { c.In = lied(c.In) },
			"out": func(c *feed.Commitment) { c.Out = lied(c.Out) },
		} {
			t.Run(stage.String()+" "+side, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					i := start(t, feedtest.New(), 0, func(f *pipeline.Feed) {
						f.TwistCommitment(func(c feed.Commitment) feed.Commitment {
							if c.Actor.Stage == stage && c.Actor.Index == 0 {
								lie(&c)
							}
							return c
						})
					})
					i.subscribe(both...)
					i.at(window)
					i.submit(30)
					i.at(2 * window)
					s, _ := signer(t)
					blames := feed.Audit(i.seal(1))
					require.Equal(t, []string{s.Actor(stage, 0).String()}, actors(blames))
					require.Equal(t, feed.False, blames[0].Reason)
					i.close()
				})
			})
		}
	}
}

func lied(list []feed.Tally) []feed.Tally {
	list = slices.Clone(list)
	for i := range list {
		list[i].Root[0] ^= 1
	}
	return list
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
