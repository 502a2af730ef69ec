package quorum

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// newcomer is an endpoint as a first start finds it: ill or well, and of a chain of its own, if other is not 0.
type newcomer struct {
	ill
	other byte
}

// elsewhere is a fake whose first block is another one.
type elsewhere struct {
	*fake
	other byte
}

func (e elsewhere) Header(ctx context.Context, h chain.Height) (chain.Header, error) {
	header, err := e.fake.Header(ctx, h)
	if err == nil && h == 0 {
		header.Hash[0] ^= e.other
	}
	return header, err
}

// young makes a pool that nobody runs yet, as one is when a store is about to be bound.
func young(t *testing.T, found ...newcomer) ([]*fake, *Pool) {
	t.Helper()
	w := newTruth(1000)
	fakes := make([]*fake, len(found))
	for i, it := range found {
		fakes[i] = newFake(w, string(rune('a'+i)))
		fakes[i].fall(it.ill)
	}
	all := members(fakes...)
	for i, it := range found {
		all[i].Open = func() (Endpoint, error) { return elsewhere{fakes[i], it.other}, nil }
	}
	p, err := New(t.Context(), Config{Members: all, ChainID: truthChain}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	return fakes, p
}

// Cause: without a quorum the primary's word was taken, and a new store bound to it; told wrong, the data directory
// belonged to a chain that there is not.
func TestTheFirstBlockIsNeverOneEndpointsWord(t *testing.T) {
	well, down, mute := newcomer{}, newcomer{ill: ill{refuse: true}}, newcomer{ill: ill{hang: true}}
	for name, found := range map[string][]newcomer{
		"two are away":                 {well, down, down},
		"two do not answer":            {well, mute, mute},
		"each tells another":           {{other: 1}, {other: 2}, well},
		"a liar and an honest one":     {{other: 1}, well, down},
		"the only one there lies":      {{other: 1}, down, down},
		"two of two, one of them lies": {{other: 1}, well},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, p := young(t, found...)
				defer p.Close()
				began := time.Now()
				hash, err := p.Genesis(t.Context())
				require.ErrorIs(t, err, chain.ErrNoQuorum)
				require.Zero(t, hash)
				require.LessOrEqual(t, time.Since(began), 2*p.config.decisionDeadline())
			})
		})
	}
}

func TestALiarOnTheFirstBlockIsOutvoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, p := young(t, newcomer{other: 1}, newcomer{}, newcomer{})
		defer p.Close()
		hash, err := p.Genesis(t.Context())
		require.NoError(t, err)
		require.Equal(t, trueHeader(0).Hash, hash)
	})
}

func TestTheFirstBlockIsAskedForAgainWhileEndpointsComeUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := newcomer{ill: ill{refuse: true}}
		fakes, p := young(t, newcomer{}, down, down)
		defer p.Close()
		back := time.AfterFunc(2*time.Second, func() { fakes[1].fall(ill{}) })
		defer back.Stop()
		hash, err := p.Genesis(t.Context())
		require.NoError(t, err)
		require.Equal(t, trueHeader(0).Hash, hash)

		fakes[1].fall(down.ill)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = p.Genesis(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded, "who gave up has no answer, not a disagreement")
	})
}
