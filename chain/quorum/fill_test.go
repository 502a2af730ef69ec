package quorum

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/pause"
)

// Room is as much as anybody wants: a fake has no rate.
func (f *fake) Room(_ context.Context, n int) (int, error) { return n, nil }

// throttled is a fake whose configuration allows a few requests a second.
type throttled struct {
	*fake
	perSecond int
}

func (f throttled) Room(ctx context.Context, n int) (int, error) {
	if n <= f.perSecond {
		return n, nil
	}
	if pause.For(ctx, time.Second) != nil {
		return 0, ctx.Err()
	}
	return f.perSecond, nil
}

// At five headers a second a filling ends long before it is done: what it has is kept, and the next goes on from there.
func TestAFillingGoesOnFromWhereTheLastOneEnded(t *testing.T) {
	slowly := func(r *rig, c *Config) {
		for i, f := range r.fakes {
			c.Members[i].Open = func() (Endpoint, error) { return throttled{f, 5}, nil }
		}
	}
	in(t, 3, slowly, func(t *testing.T, r *rig) {
		requireHeld := func(from, to chain.Height) {
			t.Helper()
			for h := from; h <= to; h++ {
				header, err := r.Header(t.Context(), h)
				require.NoError(t, err)
				require.Equal(t, trueHeader(h), header)
			}
			for _, f := range r.fakes {
				require.Zero(t, f.count("header"), "all are in the ring")
			}
		}
		time.Sleep(time.Minute)
		requireHeld(744, 1000)
		batches := r.fakes[0].count("headers")
		require.LessOrEqual(t, batches, 256/5+10, "none is fetched twice")

		for range 30 { // ten blocks in a poll's interval, for a while: the ring does not reach the head meanwhile
			r.truth.advance(10)
			time.Sleep(5 * time.Second)
		}
		time.Sleep(time.Minute)
		requireHeld(1000, 1300)
	})
}

func TestWhatIsFetchedIsBounded(t *testing.T) {
	b := newBook(Config{}, nil)
	for h := range chain.Height(10 * ringSize) {
		b.keep([]chain.Header{trueHeader(h)})
		require.LessOrEqual(t, len(b.fetched), 2*ringSize)
	}
}
