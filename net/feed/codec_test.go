package feed_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/feed"
)

func TestSubscriptionsSayWhoGetsWhat(t *testing.T) {
	s := subscriptions(t, 7,
		feed.Subscription{Mailbox: "all"},
		feed.Subscription{Mailbox: "proposals", Kinds: []feed.Kind{feed.KindProposal}},
		feed.Subscription{Mailbox: "one", Wallets: []chain.WalletID{wallet(1)}},
		feed.Subscription{Mailbox: "both", Wallets: []chain.WalletID{wallet(1), wallet(2), wallet(1)}, Kinds: []feed.Kind{feed.KindFault}})
	names := func(w int, k feed.Kind) (list []string) {
		for _, i := range s.Recipients(wallet(w), k).Mailboxes {
			list = append(list, s.At(i).Mailbox)
		}
		return list
	}
	require.Equal(t, []string{"all", "one", "proposals"}, names(1, feed.KindProposal))
	require.Equal(t, []string{"all", "both", "one"}, names(1, feed.KindFault))
	require.Equal(t, []string{"all", "both"}, names(2, feed.KindFault))
	require.Equal(t, []string{"all"}, names(3, feed.KindResult))
	require.True(t, s.Gets("one", wallet(1), feed.KindAction))
	require.False(t, s.Gets("one", wallet(2), feed.KindAction))
	require.False(t, s.Gets("nobody", wallet(2), feed.KindAction))
	require.NotEqual(t, s.Recipients(wallet(1), feed.KindFault).Hash, s.Recipients(wallet(2), feed.KindFault).Hash)
}

func TestBadInputSubscriptions(t *testing.T) {
	many := make([]feed.Subscription, feed.MaxMailboxes+1)
	for name, list := range map[string][]feed.Subscription{
		"twice":         {{Mailbox: "a"}, {Mailbox: "a"}},
		"no name":       {{}},
		"foreign name":  {{Mailbox: "A b"}},
		"no such kind":  {{Mailbox: "a", Kinds: []feed.Kind{99}}},
		"many":          many,
		"many wallets":  {{Mailbox: "a", Wallets: make([]chain.WalletID, feed.MaxWallets+1)}},
		"kind zero too": {{Mailbox: "a", Kinds: []feed.Kind{0}}},
	} {
		_, err := feed.NewSubscriptions(1, list)
		require.ErrorIs(t, err, feed.ErrMalformed, name)
	}
}

func entries(t testing.TB) []feed.Entry {
	s, _ := signer(t, "alpha")
	subs := everything(t)
	first := feed.Entry{Mailbox: "a", Number: 1, Record: record(subs, 1, 5, 1)}
	gap := feed.Entry{Mailbox: "a", Number: 2, Previous: first.Hash(), Shard: 3, Gap: &feed.Gap{Outbox: s.Actor(feed.Outbox, 1), Epoch: 5, First: 9, Unread: 1}}
	gap.SignGap(s)
	return []feed.Entry{first, gap}
}

func TestAGapIsSignedForItsPlace(t *testing.T) {
	_, keys := signer(t, "alpha")
	gap := entries(t)[1]
	require.NoError(t, gap.VerifyGap(keys))
	for name, change := range map[string]func(*feed.Entry){
		"another mailbox": func(e *feed.Entry) { e.Mailbox = "b" },
		"another number":  func(e *feed.Entry) { e.Number = 3 },
		"another link":    func(e *feed.Entry) { e.Previous[0] ^= 1 },
		"another record":  func(e *feed.Entry) { e.Gap.First++ },
		"another outbox":  func(e *feed.Entry) { e.Gap.Outbox.Index++ },
	} {
		changed, own := gap, *gap.Gap
		changed.Gap = &own
		change(&changed)
		require.ErrorIs(t, changed.VerifyGap(keys), feed.ErrSignature, name)
	}
}

func FuzzEntry(f *testing.F) {
	for _, e := range entries(f) {
		f.Add(e.Encode())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if e, err := feed.DecodeEntry(data); err == nil {
			require.Equal(t, data, e.Encode())
		} else {
			require.ErrorIs(t, err, feed.ErrMalformed)
		}
	})
}

func FuzzRecord(f *testing.F) {
	f.Add(record(everything(f), 1, 5, 1).Encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		if rec, err := feed.DecodeRecord(data); err == nil {
			require.Equal(t, data, rec.Encode())
		}
	})
}

func FuzzSubscriptions(f *testing.F) {
	f.Add(everything(f).Encode())
	f.Add(subscriptions(f, 2, feed.Subscription{Mailbox: "x", Wallets: []chain.WalletID{wallet(1)}, Kinds: []feed.Kind{1, 2}}).Encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := feed.DecodeSubscriptions(data); err == nil {
			require.Equal(t, data, s.Encode())
		}
	})
}

func FuzzSeal(f *testing.F) {
	s, _ := signer(f, "alpha")
	subs := everything(f)
	seal := sealed(f, s, subs, feed.Hash{}, 5, record(subs, 1, 5, 1), record(subs, 2, 5, 2))
	f.Add(seal.Encode())
	seal.Blames = []feed.Blame{{Actor: s.Actor(feed.Outbox, 0), Reason: feed.Missing, Label: feed.Label{Way: feed.ByLane, Name: "a"}}}
	seal.Commitments = seal.Commitments[:2]
	seal.Sign(s)
	f.Add(seal.Encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := feed.DecodeSeal(data); err == nil {
			require.Equal(t, data, s.Encode())
			feed.Audit(s)
		} else {
			require.ErrorIs(t, err, feed.ErrMalformed)
		}
	})
}
