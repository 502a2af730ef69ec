package feed_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/net/feed"
)

// counted counts how often it is asked whether it has ended, which every look at an entry, an item or a wallet does; it ends after as many as
// there are, if that is not 0.
type counted struct {
	context.Context
	asked, ends int
}

func (c *counted) Err() error {
	if c.asked++; c.ends > 0 && c.asked > c.ends {
		return context.Canceled
	}
	return nil
}

// bogus is what a liar shows: a seal as it stands, and entries, each of another wallet, that nothing committed to.
func bogus(x feed.Export, kind feed.Kind, n int) feed.Export {
	k := x.Epochs[0]
	k.Entries = nil
	var last feed.Entry
	for i := range n {
		item := feed.NewItem("x", uint64(i+1), wallet(i), kind, fmt.Append(nil, i))
		e := feed.Entry{Mailbox: x.Mailbox, Number: feed.Number(i + 1), Record: feed.Record{Seq: feed.Seq(i + 1), Epoch: k.Epoch, Item: item}}
		if i > 0 {
			e.Previous = last.Hash()
		}
		last, k.Entries = e, append(k.Entries, e)
	}
	x.Epochs = []feed.Kept{k}
	return x
}

// wide is what two mailboxes of an instance got of n wallets in an epoch; a gets proposals alone.
func wide(t testing.TB, instance string, n int) (a, b feed.Export, keys feed.Keyring) {
	s, keys := signer(t, instance)
	var items []feed.Item
	for i := range n {
		items = append(items, fact("x", uint64(i+1), i, feed.KindProposal))
	}
	subs := subscriptions(t, 1, feed.Subscription{Mailbox: "a", Kinds: []feed.Kind{feed.KindProposal}}, feed.Subscription{Mailbox: "b"})
	exports := told(t, s, subs, items)
	return exports["a"], exports["b"], keys
}

// What somebody else shows costs no more than its length, however many wallets it is of and whether or not it is what was committed to.
func TestComparingCostsWhatIsShown(t *testing.T) {
	for name, play := range map[string]func(ctx context.Context, n int) (found int, blames []feed.Blame, err error){
		"honest": func(ctx context.Context, n int) (int, []feed.Blame, error) {
			a, b, keys := wide(t, "alpha", n)
			found, blames, err := feed.Compare(ctx, a, b, keys)
			return len(found), blames, err
		},
		"kinds that one does not get": func(ctx context.Context, n int) (int, []feed.Blame, error) {
			a, b, keys := wide(t, "alpha", 1)
			found, blames, err := feed.Compare(ctx, a, bogus(b, feed.KindResult, n), keys)
			return len(found), blames, err
		},
		"what one should have": func(ctx context.Context, n int) (int, []feed.Blame, error) {
			a, b, keys := wide(t, "alpha", 1)
			found, blames, err := feed.Compare(ctx, a, bogus(b, feed.KindProposal, n), keys)
			return len(found), blames, err
		},
		"of another instance": func(ctx context.Context, n int) (int, []feed.Blame, error) {
			a, _, keys := wide(t, "alpha", n)
			_, b, others := wide(t, "beta", n)
			keys["beta"] = others["beta"]
			c, err := feed.Across(ctx, a, []feed.Export{bogus(b, feed.KindProposal, n)}, keys)
			return 0, c.Blames, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			visits := func(n int) int {
				ctx := &counted{Context: t.Context()}
				found, blames, err := play(ctx, n)
				require.NoError(t, err)
				require.Zero(t, found, "what nothing committed to proves nothing")
				require.Equal(t, name != "honest", len(blames) > 0)
				ended := &counted{Context: t.Context(), ends: ctx.asked / 2}
				_, _, err = play(ended, n)
				require.ErrorIs(t, err, context.Canceled)
				require.Equal(t, ended.ends+1, ended.asked, "it ends at once")
				return ctx.asked
			}
			once, twice := visits(300), visits(600)
			require.LessOrEqual(t, twice, 2*once+8)
			require.LessOrEqual(t, twice, 8*600)
		})
	}
}

// An instance withholds a whole epoch from a mailbox: each wallet's record is proved, from one walk over what the other one has.
func TestProofsOfManyWalletsShareOneWalk(t *testing.T) {
	const n = 200
	_, b, keys := wide(t, "alpha", n)
	s, _ := signer(t, "alpha")
	seal := *b.Epochs[0].Seal
	without := feed.Export{Instance: "alpha", Mailbox: "a", Epochs: []feed.Kept{{Epoch: seal.Epoch, Subscriptions: b.Epochs[0].Subscriptions}}}
	seal.Commitments = append([]feed.Commitment(nil), seal.Commitments...)
	for i := range seal.Commitments {
		c := &seal.Commitments[i]
		if c.Actor.Stage != feed.Outbox {
			continue
		}
		var out []feed.Tally
		for _, x := range c.Out {
			if x.Label.Name != "a" {
				out = append(out, x)
			}
		}
		c.Out = out
		c.Heads = append([]feed.Head(nil), c.Heads...)
		c.Heads[0] = feed.Head{Mailbox: "a"}
		c.Sign(s)
	}
	seal.Sign(s)
	without.Epochs[0].Seal, b.Epochs[0].Seal = &seal, &seal
	ctx := &counted{Context: t.Context()}
	found, blames, err := feed.Compare(ctx, without, b, keys)
	require.NoError(t, err)
	require.NotEmpty(t, blames)
	require.Len(t, found, n)
	require.LessOrEqual(t, ctx.asked, 8*n)
	for _, f := range found {
		require.NoError(t, f.Proof.Verify(keys))
		require.Equal(t, feed.Outbox, f.Proof.Accused.Stage)
	}
}

// An epoch that was sealed twice is a proof also where neither mailbox got anything of it.
func TestTwoSealsOfAnEmptyEpochAreAProof(t *testing.T) {
	s, keys := signer(t, "alpha")
	a := told(t, s, everything(t), nil)["a"]
	other := subscriptions(t, 2, feed.Subscription{Mailbox: "a"}, feed.Subscription{Mailbox: "b"})
	found, blames, err := feed.Compare(t.Context(), a, told(t, s, other, nil)["b"], keys)
	require.NoError(t, err)
	require.Empty(t, blames)
	require.Len(t, found, 1)
	require.Equal(t, feed.TwoSeals, found[0].Proof.Fault)
	require.NoError(t, found[0].Proof.Verify(keys))
}

func TestAPathOfATreeAtHandIsThatOfItsLeaves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		leaves := make([]feed.Hash, rapid.IntRange(1, 70).Draw(t, "leaves"))
		for i := range leaves {
			leaves[i] = feed.Hash{byte(i)}
		}
		i := rapid.IntRange(0, len(leaves)-1).Draw(t, "i")
		require.Equal(t, feed.PathOf(leaves, uint64(i)), feed.LanePath(leaves, uint64(i)))
	})
}
