package net

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// The reference client derives its ticks by skipping: after each retransmission, one more tick than the delay, which
// then doubles.
func TestRetransmissionsAreTheReferenceClients(t *testing.T) {
	next, delay := chain.Height(1), chain.Height(1)
	for n, after := range retransmissions {
		require.Equal(t, next, after)
		require.Equal(t, chain.Height(1)<<n+chain.Height(n), after)
		next += delay + 1
		delay *= 2
	}
}

func TestDue(t *testing.T) {
	for at, want := range map[chain.Height]int{0: 0, 899: 0, 900: 0, 901: 1, 902: 1, 903: 2, 969: 6, 970: 7, 1034: 7, 1035: 8, 99999: 8} {
		require.Equal(t, want, Due(900, at), "at %d", at)
	}
}

// retransmitOver runs Retransmit over heights and returns at which of them it sent.
func retransmitOver(t *testing.T, sentAt, until chain.Height, seen ...chain.Height) (sends []chain.Height, err error) {
	synctest.Test(t, func(t *testing.T) {
		clock := newHeights(seen[0])
		done := make(chan error, 1)
		go func() {
			done <- Retransmit(t.Context(), clock, sentAt, until, func(context.Context) error {
				sends = append(sends, clock.Height())
				return nil
			})
		}()
		for _, h := range seen[1:] {
			synctest.Wait()
			clock.set(h)
		}
		err = <-done
	})
	return sends, err
}

func TestSection8RetransmissionIsDueAtHeightsNotEvents(t *testing.T) {
	var every []chain.Height
	for h := chain.Height(900); h <= 980; h++ {
		every = append(every, h)
	}
	for name, c := range map[string]struct{ seen, want []chain.Height }{
		"every height":           {every, []chain.Height{901, 903, 906, 911, 920, 937, 970}},
		"skipped heights":        {[]chain.Height{900, 902, 940, 941, 979, 980}, []chain.Height{902, 940, 979}},
		"repeated and backwards": {[]chain.Height{900, 901, 901, 899, 901, 903, 980}, []chain.Height{901, 903}},
		"restarted":              {[]chain.Height{930, 931, 937, 980}, []chain.Height{930, 937}},
		"too late":               {[]chain.Height{980}, nil},
		"jump over the end":      {[]chain.Height{900, 5000}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			sends, err := retransmitOver(t, 900, 980, c.seen...)
			require.NoError(t, err)
			require.Equal(t, c.want, sends)
		})
	}
}

func TestRetransmitGoesOnAfterAFailedSendAndEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := newHeights(900)
		ctx, cancel := context.WithCancel(t.Context())
		broken, sends := errors.New("broken"), 0
		done := make(chan error, 1)
		go func() {
			done <- Retransmit(ctx, clock, 900, 980, func(context.Context) error {
				sends++
				if sends == 1 {
					return broken
				}
				return nil
			})
		}()
		for _, h := range []chain.Height{901, 903} {
			synctest.Wait()
			clock.set(h)
		}
		synctest.Wait()
		cancel()
		err := <-done
		require.ErrorIs(t, err, broken)
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, 2, sends)
	})
}
