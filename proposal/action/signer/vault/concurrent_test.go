package vault

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/proposal/action/signer"
)

// together calls f n times at once and returns what came of each call.
func together(n int, f func(i int) (signer.RoundReply, error)) ([]signer.RoundReply, []error) {
	replies, errs := make([]signer.RoundReply, n), make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { replies[i], errs[i] = f(i) })
	}
	wg.Wait()
	return replies, errs
}

// Nodes that ask the same at once are given the same, and what they ask for is done once.
func TestRequestsAtOnceGetOneReply(t *testing.T) {
	r, key := threeOperators(t)
	p := r.heartbeat(key, firstWindow, 1)
	b, err := p.ask(r.houses[1], 1, nil)
	require.NoError(t, err)
	said := r.say(r.houses[1], signer.SigningTopic(key.Wallet), p.session(), 1, b.Out)
	for round, in := range [][][]byte{1: nil, 2: {said}} {
		if round == 0 {
			continue
		}
		replies, errs := together(8, func(int) (signer.RoundReply, error) { return p.ask(r.houses[0], round, in) })
		for i := range replies {
			require.NoError(t, errs[i])
			require.Equal(t, replies[0], replies[i])
		}
	}
	k, err := r.houses[0].vault.Key(t.Context(), key.Wallet)
	require.NoError(t, err)
	require.EqualValues(t, 1, k.Signatures)
}

// Of different intents that come at once for one window one is bound.
func TestOneOfManyIntentsAtOnceIsBound(t *testing.T) {
	r, key := threeOperators(t)
	var plans []plan
	for i := range 8 {
		plans = append(plans, r.heartbeat(key, firstWindow, byte(i)))
	}
	_, errs := together(len(plans), func(i int) (signer.RoundReply, error) { return plans[i].ask(r.houses[0], 1, nil) })
	bound := 0
	for _, err := range errs {
		if err == nil {
			bound++
			continue
		}
		wantRefused(t, signer.RuleSlot, err)
	}
	require.Equal(t, 1, bound)
}

// Who gives up waiting is told so, and the vault goes on.
func TestACallThatIsGivenUpDoesNoHarm(t *testing.T) {
	r, key := threeOperators(t)
	p := r.heartbeat(key, firstWindow, 1)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 {
		_, err := r.houses[0].vault.Sign(gone, p.round1())
		require.ErrorIs(t, err, context.Canceled)
		require.NotErrorIs(t, err, signer.ErrStoreFailed)
	}
	require.True(t, health(t, r.houses[0].vault).StoreOK)

	// Calls that are cut short anywhere, while others are under way.
	together(16, func(i int) (signer.RoundReply, error) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		go cancel()
		again := p
		again.attempt = uint32(2 + i%4)
		return r.houses[0].vault.Sign(ctx, again.round1())
	})
	require.True(t, health(t, r.houses[0].vault).StoreOK)
	r.sign(key, p)
}
