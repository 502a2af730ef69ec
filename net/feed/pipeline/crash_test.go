package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/feedtest"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

var errKilled = errors.New("killed")

// A node is killed before or after any write, again and again, and goes on with the same log. Then nothing is lost or repeated,
// mailboxes and seals are linked, and nobody is blamed. A subscriber that is too slow finds a gap where one is told.
func TestKilledAtAnyWriteAFeedGoesOnWithNothingLostOrRepeated(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		kills := rapid.SliceOfN(rapid.IntRange(0, 12), 1, 6).Draw(rt, "writes until each kill")
		after := rapid.Bool().Draw(rt, "after")
		size := rapid.IntRange(1, 20).Draw(rt, "messages at a time")
		reads := rapid.SliceOfN(rapid.Bool(), 7, 7).Draw(rt, "the slow subscriber reads")
		bound := rapid.SampledFrom([]uint64{0, 65}).Draw(rt, "bound of a mailbox")
		synctest.Test(t, func(t *testing.T) { killed(t, kills, after, size, bound, reads) })
	})
}

func killed(t *testing.T, kills []int, after bool, size int, bound uint64, reads []bool) {
	log := feedtest.New()
	var left atomic.Int64 // outboxes write at the same time
	left.Store(-1)
	strike := func() error {
		if left.Add(-1) == -1 {
			return errKilled
		}
		return nil
	}
	height, sent := chain.Height(window), uint64(0)
	for n := 0; n <= len(kills); n++ {
		left.Store(-1)
		if log.Before, log.After = nil, nil; n < len(kills) {
			left.Store(int64(kills[n]))
			if after {
				log.After = func(string) error { return strike() }
			} else {
				log.Before = func(context.Context, string, []string) error { return strike() }
			}
		}
		i := start(t, log, bound, nil)
		alive := func() bool { return len(i.ended) == 0 }
		state, err := log.State(t.Context())
		require.NoError(t, err)
		if len(state.Terms) == 0 { // killed before the first epoch was stored
			i.subscribe(both...)
		}
		for round := 0; round < 4 && alive(); round++ {
			select {
			case i.heights <- height:
				height += window / 2
			case err := <-i.ended:
				i.ended <- err
			}
			synctest.Wait()
			if alive() && i.trySubmit(size) {
				sent = max(sent, i.sent)
			}
			i.acknowledge("b")
			if reads[n] {
				i.acknowledge("a")
			}
		}
		if n < len(kills) && !alive() {
			require.ErrorIs(t, <-i.ended, errKilled)
			i.stop()
			continue
		}
		if n < len(kills) {
			i.close()
			continue
		}
		i.at((height/window + 2) * window)
		require.GreaterOrEqual(t, i.sent, sent, "what was answered is there")
		i.wantAll("b")
		if bound == 0 {
			i.wantAll("a")
		}
		i.wantLinked()
		for _, mailbox := range []string{"a", "b"} {
			s := i.read(mailbox, feed.Epoch(height/window)+1, plenty)
			require.NoError(t, s.wrong)
			require.Empty(t, s.blames)
		}
		i.close()
	}
}

// acknowledge acknowledges all that a mailbox holds.
func (i *instance) acknowledge(mailbox string) {
	s, err := i.log.Mailbox(i.t.Context(), mailbox, 0)
	require.NoError(i.t, err)
	if i.feed.Acknowledge(i.t.Context(), mailbox, s.Last) != nil { // the feed of the next life finds it acknowledged
		before, after := i.log.Before, i.log.After
		i.log.Before, i.log.After = nil, nil
		require.NoError(i.t, i.log.Acknowledge(i.t.Context(), mailbox, s.Last))
		i.log.Before, i.log.After = before, after
	}
	synctest.Wait()
}

// trySubmit submits and, unless the feed ends meanwhile, has it accepted.
func (i *instance) trySubmit(n int) bool {
	var list []pipeline.Message
	for k := range n {
		number := int(i.sent) + k + 1
		list = append(list, pipeline.Message{Wallet: wallet(number % 7), Kind: feed.KindResult, Payload: fmt.Appendf(nil, "message %d", number)})
	}
	if i.feed.Submit(i.t.Context(), "node", i.sent+1, list) != nil {
		return false
	}
	i.sent += uint64(n)
	synctest.Wait()
	return true
}

// wantLinked follows the links of seals and mailboxes from the first to the last.
func (i *instance) wantLinked() {
	i.t.Helper()
	_, keys := signer(i.t)
	first, err := i.log.FirstSeal(i.t.Context())
	require.NoError(i.t, err)
	require.NotNil(i.t, first)
	var previous feed.Hash
	next := feed.Seq(1)
	for s := first; s != nil; {
		require.NoError(i.t, s.Verify(keys))
		require.Empty(i.t, feed.Audit(*s), "epoch %d", s.Epoch)
		require.Equal(i.t, previous, s.Previous)
		require.Equal(i.t, next, s.First)
		previous, next = s.Hash(), s.First+feed.Seq(s.Count)
		s, err = i.log.NextSeal(i.t.Context(), s.Epoch)
		require.NoError(i.t, err)
	}
	require.EqualValues(i.t, i.sent+1, next, "all is sealed")
}

// An epoch that is taken through again after a restart, with the next one, is sealed with where the mailbox ended then, and not with
// where it ends by now.
func TestAnEpochIsSealedWithItsOwnHeadAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := feedtest.New()
		log.Before = func(ctx context.Context, call string, _ []string) error {
			if call == "seal" {
				<-ctx.Done()
			}
			return ctx.Err()
		}
		i := start(t, log, 0, nil)
		i.subscribe(both...)
		i.at(window)
		i.submit(10)
		i.at(2 * window)
		i.submit(7)
		i.close()
		log.Before = nil
		i = start(t, log, 0, nil)
		synctest.Wait()
		i.at(3 * window)
		for e, want := range map[feed.Epoch]feed.Number{1: 10, 2: 17} {
			head, there := i.seal(e).HeadOf("a")
			require.True(t, there)
			require.Equal(t, want, head.Number, "epoch %d", e)
			require.Equal(t, i.entries("a")[want-1].Hash(), head.Chain)
		}
		s := i.read("a", 2, plenty)
		require.NoError(t, s.wrong)
		require.Empty(t, s.blames)
		i.close()
	})
}

func TestAnOutboxThatWasMissingBeforeARestartCatchesUpAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := feedtest.New()
		log.Before = func(ctx context.Context, call string, mailboxes []string) error {
			if call == "append" && mailboxes[0] == "a" {
				<-ctx.Done()
			}
			return ctx.Err()
		}
		i := start(t, log, 0, nil)
		i.subscribe(both...)
		i.at(window)
		i.submit(10)
		for e := chain.Height(2); e < 5; e++ { // three epochs are sealed without it
			i.at(e * window)
			i.submit(10)
			i.blocks(e*window+1, e*window+10)
			require.Len(t, feed.Audit(i.seal(feed.Epoch(e-1))), 1)
		}
		i.close()
		log.Before = nil
		require.Empty(t, i.numbers("a"))
		i = start(t, log, 0, nil)
		i.at(5 * window)
		i.submit(1)
		i.wantAll("a")
		i.wantAll("b")
		i.at(6 * window)
		require.Empty(t, feed.Audit(i.seal(5)))
		i.close()
	})
}

// A subscriber that breaks off anywhere goes on where it was.
func TestAReconnectGoesOnAtTheAcknowledgedNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := start(t, feedtest.New(), 0, nil)
		i.subscribe(both...)
		i.at(window)
		i.submit(300)
		i.at(2 * window)
		i.submit(7)
		i.at(3 * window)
		errEnough := errors.New("enough")
		var at pipeline.Position
		var seals []feed.Epoch
		for at.Number < 307 || len(seals) < 2 {
			n := 0
			err := i.feed.Follow(t.Context(), "a", at, func(news pipeline.News) error {
				n++
				if news.Seal != nil {
					require.Equal(t, news.Seal.Subscriptions, news.Subscriptions.Hash())
					head, ok := news.Seal.HeadOf("a")
					require.True(t, ok)
					require.Equal(t, at.Number, head.Number, "a seal comes after all that it seals")
					at.Sealed, at.Epoch = true, news.Seal.Epoch
					seals = append(seals, news.Seal.Epoch)
				} else {
					require.Equal(t, at.Number+1, news.Delivered.Entry.Number)
					at.Number++
					require.NoError(t, i.feed.Acknowledge(t.Context(), "a", at.Number))
				}
				if n == 11 || at.Number == 307 && len(seals) == 2 {
					return errEnough
				}
				return nil
			})
			require.ErrorIs(t, err, errEnough)
		}
		require.Equal(t, []feed.Epoch{1, 2}, seals)

		ctx, cancel := context.WithCancel(t.Context())
		got := make(chan feed.Number, 10)
		ended := make(chan error, 1)
		go func() {
			ended <- i.feed.Follow(ctx, "a", at, func(n pipeline.News) error { got <- n.Delivered.Entry.Number; return nil })
		}()
		synctest.Wait()
		require.Empty(t, got)
		i.submit(2)
		require.EqualValues(t, 308, <-got)
		require.EqualValues(t, 309, <-got)
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
		i.close()
	})
}

func TestOldEpochsAreCollectedOnceTheyAreAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := feedtest.New()
		i := start(t, log, 0, nil)
		i.subscribe(both...)
		i.at(window)
		i.submit(10)
		i.at(2 * window)
		i.submit(10)
		i.at(3 * window)
		require.NoError(t, i.feed.Acknowledge(t.Context(), "a", 15))
		require.NoError(t, log.Collect(t.Context(), 2))
		require.Len(t, i.entries("b"), 20, "what is not acknowledged is kept, with its payload")
		require.Len(t, i.entries("a"), 10)
		none := func(pipeline.News) error { return nil }
		require.ErrorIs(t, i.feed.Follow(t.Context(), "a", pipeline.Position{}, none), pipeline.ErrCollected)
		require.ErrorIs(t, i.feed.Follow(t.Context(), "b", pipeline.Position{Number: 20, Sealed: true}, none), pipeline.ErrCollected)
		require.Nil(t, i.find(1))
		require.NotNil(t, i.find(2))
		i.close()
		i = start(t, log, 0, nil)
		i.submit(5)
		require.Len(t, i.entries("a"), 15)
		require.Len(t, i.entries("b"), 25)
		i.close()
	})
}
