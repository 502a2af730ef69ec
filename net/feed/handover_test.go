package feed_test

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/feed"
)

func handover(t testing.TB, released bool) (feed.Handover, feed.Keyring) {
	alpha, keys := signer(t, "alpha")
	beta, more := signer(t, "beta")
	maps.Copy(keys, more)
	h := feed.Handover{
		Mailbox: "a", From: "alpha", To: "beta", Number: 1, Head: entries(t)[0].Hash(), Sealed: true, Epoch: 5,
		Positions: []feed.Position{{Source: "beta", Number: 3}, {Source: "alpha", Number: 7}},
		Follows:   true, Before: 6, Lost: []feed.Position{{Source: "alpha", Number: 9}},
	}
	if released {
		require.NoError(t, h.Release(alpha))
	}
	require.NoError(t, h.Take(beta))
	return h, keys
}

func TestAHandoverIsSignedByBoth(t *testing.T) {
	for _, released := range []bool{true, false} {
		h, keys := handover(t, released)
		require.NoError(t, h.Verify(keys))
		require.Equal(t, !released, h.Gone())
		for name, change := range map[string]func(*feed.Handover){
			"another mailbox":  func(h *feed.Handover) { h.Mailbox = "b" },
			"another place":    func(h *feed.Handover) { h.Number++ },
			"another head":     func(h *feed.Handover) { h.Head[0] ^= 1 },
			"another position": func(h *feed.Handover) { h.Positions[0].Number++ },
			"another seal":     func(h *feed.Handover) { h.Previous[0] ^= 1 },
			"nothing lost":     func(h *feed.Handover) { h.Lost = nil },
			"another release":  func(h *feed.Handover) { h.Released[0] ^= 1 },
		} {
			changed, _ := handover(t, released)
			change(&changed)
			require.ErrorIs(t, changed.Verify(keys), feed.ErrSignature, name)
		}
		delete(keys, "beta")
		require.ErrorIs(t, h.Verify(keys), feed.ErrUnknownInstance)
	}
	h, keys := handover(t, true) // the new instance alone cannot make a release
	beta, _ := signer(t, "beta")
	require.NoError(t, h.Release(beta))
	require.NoError(t, h.Take(beta))
	require.ErrorIs(t, h.Verify(keys), feed.ErrSignature)
}

// A reader goes on where the handover says, and not before it has read what was released.
func TestAReaderGoesOnAfterAHandover(t *testing.T) {
	alpha, _ := signer(t, "alpha")
	h, keys := handover(t, true)
	subs := everything(t)
	rec := record(subs, 1, 5, 1)
	entry := feed.Entry{Mailbox: "a", Number: 1, Record: rec}
	read := func() *feed.Reader {
		r, err := feed.NewReader("alpha", "a", keys, feed.Start{}, feed.Policy{Keep: 2, Then: feed.Drop})
		require.NoError(t, err)
		require.NoError(t, r.Entry(entry, []byte("payload 1")))
		return r
	}
	r := read()
	require.ErrorIs(t, r.Handover(h), feed.ErrSkipped)
	gone, _ := handover(t, false)
	require.NoError(t, r.Handover(gone))
	require.Equal(t, "beta", r.Instance())

	r = read()
	_, err := r.Seal(sealed(t, alpha, subs, feed.Hash{}, 5, rec), subs)
	require.NoError(t, err)
	require.NoError(t, r.Handover(h))
	require.NoError(t, r.Handover(h), "again is no error")
	require.Equal(t, feed.Start{Number: 1, Head: entry.Hash(), Sealed: true, Epoch: 6}, r.At())
	require.Len(t, r.Stays(), 2)
	require.Empty(t, r.Export().Epochs)

	empty, err := feed.NewReader("alpha", "a", keys, feed.Start{}, feed.Policy{Keep: 2, Then: feed.Drop})
	require.NoError(t, err)
	var blame feed.Blame
	require.ErrorAs(t, empty.Handover(h), &blame, "an entry was never delivered")
	require.Equal(t, "alpha", blame.Actor.String())
	require.ErrorAs(t, empty.Handover(gone), &blame)
	require.Equal(t, "beta", blame.Actor.String())
}

func TestAMailboxThatMovesInGetsItsEchoAlone(t *testing.T) {
	subs := subscriptions(t, 1, feed.Subscription{Mailbox: "all"}, feed.Subscription{Mailbox: "in", Arriving: true},
		feed.Subscription{Mailbox: "new", After: []feed.Position{{Source: "alpha", Number: 7}}, Wallets: []chain.WalletID{wallet(1)}})
	names := func(source string, number uint64, w int) (list []string) {
		for _, i := range subs.For(feed.NewItem(source, number, wallet(w), feed.KindFault, nil)).Mailboxes {
			list = append(list, subs.At(i).Mailbox)
		}
		return list
	}
	require.Equal(t, []string{"all"}, names("alpha", 7, 1))
	require.Equal(t, []string{"all", "new"}, names("alpha", 8, 1))
	require.Equal(t, []string{"all"}, names("alpha", 8, 2))
	require.Equal(t, []string{"all", "new"}, names("beta", 1, 1))
	require.Equal(t, []string{"in"}, names("to.in", 1, 1))
	require.Empty(t, names("to.all", 1, 1))
	for _, bad := range []feed.Subscription{
		{Mailbox: "a", After: []feed.Position{{Source: "x", Number: 1}, {Source: "x", Number: 2}}},
		{Mailbox: "a", After: []feed.Position{{Source: "No", Number: 1}}},
		{Mailbox: "a", After: make([]feed.Position, feed.MaxSources+1)},
	} {
		_, err := feed.NewSubscriptions(1, []feed.Subscription{bad})
		require.ErrorIs(t, err, feed.ErrMalformed)
	}
	again, err := feed.DecodeSubscriptions(subs.Encode())
	require.NoError(t, err)
	require.Equal(t, subs.Hash(), again.Hash())
}

// loss is an instance's word that it has nothing after the first entry, and seals on after epoch 6.
func loss() feed.Handover {
	return feed.Handover{Mailbox: "a", From: "alpha", To: "alpha", Number: 1, Sealed: true, Epoch: 5, Follows: true, Before: 6, Previous: feed.Hash{6}, Skips: 100}
}

// A reader that is told of a loss goes on after it, whatever it had read that was not sealed; what it knows to be sealed cannot be lost.
func TestAReaderGoesOnAfterALoss(t *testing.T) {
	alpha, keys := signer(t, "alpha")
	subs := everything(t)
	one := feed.Entry{Mailbox: "a", Number: 1, Record: record(subs, 1, 5, 1)}
	two := feed.Entry{Mailbox: "a", Number: 2, Previous: one.Hash(), Record: record(subs, 2, 6, 2)}
	five := sealed(t, alpha, subs, feed.Hash{}, 5, one.Record)
	six := sealed(t, alpha, subs, five.Hash(), 6, two.Record)
	read := func(seals ...feed.Seal) *feed.Reader {
		r, err := feed.NewReader("alpha", "a", keys, feed.Start{}, feed.Policy{Keep: 2, Then: feed.Drop})
		require.NoError(t, err)
		require.NoError(t, r.Entry(one, []byte("payload 1")))
		require.NoError(t, r.Entry(two, []byte("payload 2")))
		for _, s := range seals {
			_, err := r.Seal(s, subs)
			require.NoError(t, err)
		}
		return r
	}
	lost := func(change func(*feed.Handover)) feed.Handover {
		h := loss()
		h.Head, h.Previous = one.Hash(), six.Hash()
		if change != nil {
			change(&h)
		}
		require.NoError(t, h.Take(alpha))
		return h
	}
	for name, seals := range map[string][]feed.Seal{"no seal": nil, "what is left": {five}, "what is lost, too": {five, six}} {
		t.Run("it has "+name, func(t *testing.T) {
			r := read(seals...)
			h := lost(nil)
			require.True(t, h.Loss())
			require.NoError(t, r.Handover(h))
			want := feed.Start{Number: 101, Head: one.Hash(), Sealed: true, Epoch: 6, Seal: six.Hash()}
			require.Equal(t, want, r.At())
			require.NoError(t, r.Handover(h), "again is no error")
			require.Equal(t, want, r.At())
			next := feed.Entry{Mailbox: "a", Number: 102, Previous: one.Hash(), Record: record(subs, 3, 7, 3)}
			require.NoError(t, r.Entry(next, []byte("payload 3")))
			_, err := r.Seal(sealed(t, alpha, subs, six.Hash(), 7, next.Record), subs)
			require.NoError(t, err, "seals go on, too")
		})
	}
	for name, change := range map[string]func(*feed.Handover){
		"a seal that was told":           func(h *feed.Handover) { h.Before, h.Previous = 5, five.Hash() },
		"another seal of the same epoch": func(h *feed.Handover) { h.Previous[0] ^= 1 },
		"all seals":                      func(h *feed.Handover) { h.Follows, h.Before, h.Previous = false, 0, feed.Hash{} },
		"less than was delivered":        func(h *feed.Handover) { h.Number = 3 },
		"what it says it has":            func(h *feed.Handover) { h.Number = 2 },
	} {
		t.Run("it cannot lose "+name, func(t *testing.T) {
			var blame feed.Blame
			require.ErrorAs(t, read(five, six).Handover(lost(change)), &blame)
			require.Equal(t, feed.Blame{Actor: feed.Actor{Instance: "alpha"}, Reason: feed.Conflict}, blame)
		})
	}
	other := lost(nil)
	other.Skips++
	require.ErrorIs(t, read().Handover(other), feed.ErrSignature)
	for name, change := range map[string]func(*feed.Handover){
		"skips nothing":     func(h *feed.Handover) { h.Skips = 0 },
		"skips too much":    func(h *feed.Handover) { h.Skips = 1 << 63 },
		"begins at the end": func(h *feed.Handover) { h.Number = 1 << 63 },
		"was released":      func(h *feed.Handover) { h.Released = feed.Signature{1} },
		"goes elsewhere":    func(h *feed.Handover) { h.To = "beta" },
	} {
		_, err := feed.DecodeHandover(lost(change).Encode())
		require.ErrorIs(t, err, feed.ErrMalformed, name)
	}
}

func FuzzHandover(f *testing.F) {
	for _, released := range []bool{true, false} {
		h, _ := handover(f, released)
		f.Add(h.Encode())
	}
	alpha, _ := signer(f, "alpha")
	lost := loss()
	require.NoError(f, lost.Take(alpha))
	f.Add(lost.Encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := feed.DecodeHandover(data)
		if err != nil {
			require.ErrorIs(t, err, feed.ErrMalformed)
			return
		}
		require.Equal(t, data, h.Encode())
		require.Error(t, h.Verify(feed.Keyring{}))
	})
}
