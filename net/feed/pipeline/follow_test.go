package pipeline_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/feedtest"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// asked is a log that counts what is asked of it.
type asked struct {
	*feedtest.Log
	entries, seals atomic.Int64
}

func (a *asked) Entries(ctx context.Context, mailbox string, after feed.Number, limit int) ([]pipeline.Delivered, error) {
	a.entries.Add(1)
	return a.Log.Entries(ctx, mailbox, after, limit)
}

func (a *asked) NextSeal(ctx context.Context, after feed.Epoch) (*feed.Seal, error) {
	a.seals.Add(1)
	return a.Log.NextSeal(ctx, after)
}

func (a *asked) FirstSeal(ctx context.Context) (*feed.Seal, error) {
	a.seals.Add(1)
	return a.Log.FirstSeal(ctx)
}

// Whoever follows a mailbox is woken by what comes for all of them, and does not ask the log for what the feed knows not to be there.
func TestWhoIsWokenForNothingAsksNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &asked{Log: feedtest.New()}
		s, _ := signer(t)
		f, err := pipeline.New(pipeline.Config{Signer: s, Log: log, Sources: []string{"node"}, Patience: 10, WindowBlocks: window})
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		heights, ended := make(chan chain.Height), make(chan error, 2)
		go func() { ended <- f.Run(ctx, heights) }()
		_, err = f.Subscribe(ctx, []feed.Subscription{{Mailbox: "all"}, {Mailbox: "none", Kinds: []feed.Kind{feed.KindResult}}})
		require.NoError(t, err)
		heights <- window
		synctest.Wait()

		var got, sealed int
		go func() {
			ended <- f.Follow(ctx, "none", pipeline.Position{}, func(n pipeline.News) error {
				if n.Seal != nil {
					sealed++
				} else {
					got++
				}
				return nil
			})
		}()
		synctest.Wait()
		log.entries.Store(0)
		log.seals.Store(0)
		for n := range uint64(20) {
			require.NoError(t, f.Submit(ctx, "node", n+1, []pipeline.Message{{Wallet: wallet(1), Kind: feed.KindProposal, Payload: []byte("for all")}}))
			synctest.Wait()
		}
		require.Zero(t, log.entries.Load()+log.seals.Load(), "twenty entries of another mailbox")

		require.NoError(t, f.Submit(ctx, "node", 21, []pipeline.Message{{Wallet: wallet(1), Kind: feed.KindResult, Payload: []byte("for both")}}))
		synctest.Wait()
		require.Equal(t, 1, got)
		heights <- 2 * window
		synctest.Wait()
		require.Equal(t, 1, sealed)
		stop()
		for range 2 {
			require.ErrorIs(t, <-ended, context.Canceled)
		}
	})
}
