package pipeline_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/feedtest"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

func FuzzExport(f *testing.F) {
	exports := faulty(f)
	_, keys := signer(f)
	f.Add(exports[0].Encode())
	f.Add(exports[1].Encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		x, err := feed.DecodeExport(data)
		if err != nil {
			require.ErrorIs(t, err, feed.ErrMalformed)
			return
		}
		require.Equal(t, data, x.Encode())
		_, _ = x.Verify(keys)
	})
}

// faulty makes two exports of a feed that dropped record 3 for mailbox a. It runs outside a bubble, for the seeds of fuzz targets.
func faulty(tb testing.TB) [2]feed.Export {
	s, keys := signer(tb)
	f, err := pipeline.New(pipeline.Config{Signer: s, Log: feedtest.New(), Sources: []string{"node"}, Shards: 2, Outboxes: 2, WindowBlocks: window})
	require.NoError(tb, err)
	f.TwistReceiver(0, func(list []feed.Record) []feed.Record {
		return slices.DeleteFunc(list, func(r feed.Record) bool { return r.Seq == 3 })
	})
	ctx, stop := context.WithCancel(context.Background())
	heights, ended := make(chan chain.Height), make(chan error, 1)
	go func() { ended <- f.Run(ctx, heights) }()
	_, err = f.Subscribe(ctx, both)
	require.NoError(tb, err)
	i := &instance{t: tb, feed: f}
	heights <- window
	i.tell(6)
	heights <- 2 * window
	var exports [2]feed.Export
	for n, m := range []string{"a", "b"} {
		r, err := feed.NewReader("alpha", m, keys, feed.Start{}, plenty)
		require.NoError(tb, err)
		for err = pipeline.ErrNoMailbox; errors.Is(err, pipeline.ErrNoMailbox); { // until its outbox has come round to it
			err = f.Follow(ctx, m, pipeline.Position{}, func(news pipeline.News) error {
				if news.Seal == nil {
					return r.Entry(news.Delivered.Entry, news.Delivered.Payload)
				}
				_, err := r.Seal(*news.Seal, news.Subscriptions)
				require.NoError(tb, err)
				return errAll
			})
		}
		require.ErrorIs(tb, err, errAll)
		exports[n] = r.Export()
	}
	stop()
	require.ErrorIs(tb, <-ended, context.Canceled)
	return exports
}
