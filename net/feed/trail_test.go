package feed_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/feed"
)

// days are epochs of two records each, of one source and wallets in turn.
func days(n int) (epochs [][]feed.Item) {
	for e := range uint64(n) {
		epochs = append(epochs, []feed.Item{fact("node", 2*e+1, 1, feed.KindProposal), fact("node", 2*e+2, 2, feed.KindResult)})
	}
	return epochs
}

func epochsTo(n feed.Epoch) (list []feed.Epoch) {
	for e := feed.Epoch(1); e <= n; e++ {
		list = append(list, e)
	}
	return list
}

var whole = feed.Policy{Keep: 100, Then: feed.Drop}

func TestSubscribersWhoGotTheSameAgreeHoweverTheyKeepIt(t *testing.T) {
	s, keys := signer(t, "alpha")
	story := told(t, s, everything(t), days(6)...)
	for _, a := range []feed.Policy{whole, {Keep: 2, Then: feed.Compress}, {Keep: 5, Then: feed.Compress}} {
		for _, b := range []feed.Policy{whole, {Keep: 1, Then: feed.Compress}, {Keep: 4, Then: feed.Compress}} {
			ours, theirs := reread(t, story["a"], keys, a).Kept(), reread(t, story["b"], keys, b).Kept()
			first := ours[slices.IndexFunc(ours, func(k feed.Kept) bool { return k.Heads == nil })].Epoch
			m := feed.TrailOf("alpha", "b", theirs, "a", first).Follow("a", ours)
			require.Equal(t, feed.Match{Same: epochsTo(6)}, m)
		}
	}
	few := reread(t, story["b"], keys, feed.Policy{Keep: 2, Then: feed.Drop}).Kept()
	m := feed.TrailOf("alpha", "b", few, "a", 1).Follow("a", story["a"].Epochs)
	require.Equal(t, feed.Match{Same: epochsTo(6)[4:]}, m, "of what one dropped nothing can be told")
}

func TestTheFirstDifferenceOfTwoTrailsIsFound(t *testing.T) {
	s, keys := signer(t, "alpha")
	honest, other := days(6), days(6)
	other[3][1] = fact("node", 8, 2, feed.KindFault) // the instance tells the other subscriber something else
	ours, theirs := told(t, s, everything(t), honest...)["a"], told(t, s, everything(t), other...)["b"]
	m := feed.TrailOf("alpha", "b", theirs.Epochs, "a", 0).Follow("a", ours.Epochs)
	require.Equal(t, feed.Match{Same: epochsTo(3), Differs: true, At: 4}, m)
	short := reread(t, theirs, keys, feed.Policy{Keep: 1, Then: feed.Compress}).Kept()
	m = feed.TrailOf("alpha", "b", short, "a", 1).Follow("a", ours.Epochs)
	require.Equal(t, feed.Match{Same: epochsTo(3), Differs: true, At: 4, Heads: true}, m, "heads tell that it differs, and not where")
}

// Heads tell whether two mailboxes that want the same got the same; of others they tell that the seals are the same, and no more.
func TestHeadsOfMailboxesThatWantOtherThingsSayNoMoreThanTheirSeals(t *testing.T) {
	s, keys := signer(t, "alpha")
	subs := subscriptions(t, 1, feed.Subscription{Mailbox: "a"}, feed.Subscription{Mailbox: "b", Wallets: []chain.WalletID{wallet(1)}})
	story := told(t, s, subs, days(4)...)
	theirs := reread(t, story["b"], keys, feed.Policy{Keep: 1, Then: feed.Compress}).Kept()
	m := feed.TrailOf("alpha", "b", theirs, "a", 1).Follow("a", story["a"].Epochs)
	require.Equal(t, feed.Match{Same: []feed.Epoch{4}, Untold: epochsTo(3)}, m)
}

func TestWhatIsVerifiedMakesRoomWhereTheSubscriberHolds(t *testing.T) {
	s, keys := signer(t, "alpha")
	story := told(t, s, everything(t), days(4)...)["a"]
	r := reread(t, feed.Export{Instance: "alpha", Mailbox: "a", Epochs: story.Epochs[:2]}, keys, feed.Policy{Keep: 2, Then: feed.Hold})
	next := func(k feed.Kept) error {
		_, err := r.Seal(*k.Seal, k.Subscriptions)
		return err
	}
	for _, e := range story.Epochs[2].Entries {
		require.NoError(t, r.Entry(e, payloadOf("node", e.Record.Item.Number)))
	}
	require.ErrorIs(t, next(story.Epochs[2]), feed.ErrUnverified)
	r.VerifiedIn(0, 1)
	require.NoError(t, next(story.Epochs[2]))
	require.Equal(t, feed.Epoch(2), r.Unverified())
	kept := func() (list []feed.Epoch) {
		for _, k := range r.Kept() {
			list = append(list, k.Epoch)
		}
		return list
	}
	require.Equal(t, []feed.Epoch{2, 3}, kept(), "what is verified goes first")
	require.ErrorIs(t, next(story.Epochs[3]), feed.ErrUnverified)
	r.VerifiedIn(0, 3)
	require.Equal(t, []feed.Epoch{2, 3}, kept(), "others may still want to compare them")
}

func FuzzTrail(f *testing.F) {
	s, keys := signer(f, "alpha")
	story := told(f, s, everything(f), days(4)...)
	f.Add(feed.TrailOf("alpha", "b", story["b"].Epochs, "a", 2).Encode())
	f.Add(feed.TrailOf("alpha", "b", reread(f, story["b"], keys, feed.Policy{Keep: 1, Then: feed.Compress}).Kept(), "a", 0).Encode())
	f.Add(feed.Trail{Instance: "alpha", Mailbox: "b"}.Encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		trail, err := feed.DecodeTrail(data)
		if err != nil {
			require.ErrorIs(t, err, feed.ErrMalformed)
			return
		}
		require.Equal(t, data, trail.Encode())
		m := trail.Follow("a", story["a"].Epochs)
		require.LessOrEqual(t, len(m.Same)+len(m.Untold), 4)
	})
}
