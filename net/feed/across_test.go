package feed_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/net/feed"
)

// twoInstances returns what two mailboxes at two instances got of what two sources told, each instance in epochs of its own.
func twoInstances(t testing.TB, ours, theirs [][]feed.Item) (a, b feed.Export, keys feed.Keyring) {
	alpha, keys := signer(t, "alpha")
	beta, others := signer(t, "beta")
	keys["beta"] = others["beta"]
	a = told(t, alpha, subscriptions(t, 1, feed.Subscription{Mailbox: "a"}), ours...)["a"]
	b = told(t, beta, subscriptions(t, 1, feed.Subscription{Mailbox: "b", Kinds: []feed.Kind{feed.KindProposal}}), theirs...)["b"]
	return a, b, keys
}

// from is what a source tells of one wallet.
func from(source string, w int, numbers ...uint64) (list []feed.Item) {
	for _, n := range numbers {
		list = append(list, fact(source, n, w, feed.KindProposal))
	}
	return list
}

func TestTwoInstancesThatTookInTheSameAgreeHoweverTheySealedIt(t *testing.T) {
	for seed := range uint64(15) { // signatures are dear: a few of the many ways
		draw := rand.New(rand.NewPCG(seed, 7)) //nolint:gosec // the same each time
		// Each instance takes the sources in in an order of its own, and ends epochs where it will.
		shuffle := func() (epochs [][]feed.Item) {
			x, y, epoch := from("x", 1, 1, 2, 3, 4), from("y", 2, 1, 2, 3), []feed.Item(nil)
			for len(x)+len(y) > 0 {
				next := &x
				if len(x) == 0 || len(y) > 0 && draw.IntN(2) == 0 {
					next = &y
				}
				epoch, *next = append(epoch, (*next)[0]), (*next)[1:]
				if draw.IntN(3) == 0 {
					epochs, epoch = append(epochs, epoch), nil
				}
			}
			epochs = append(epochs, epoch)
			return append(epochs, make([][]feed.Item, 8-len(epochs))...) // epochs are windows: both have as many
		}
		a, b, keys := twoInstances(t, shuffle(), shuffle())
		c, err := feed.Across(t.Context(), a, []feed.Export{b}, keys)
		require.NoError(t, err)
		require.Equal(t, feed.Crossing{Items: 7, Covered: true, Until: feed.Epoch(len(a.Epochs))}, c, "seed %d", seed)
	}
}

func TestTheFirstItemThatOneOfTwoInstancesLacksIsNamed(t *testing.T) {
	a, b, keys := twoInstances(t,
		[][]feed.Item{from("x", 1, 1, 2), from("x", 1, 3, 4), from("x", 1, 5, 6)},
		[][]feed.Item{from("x", 1, 1, 2, 3), from("x", 1, 5, 6)})
	for name, pair := range map[string][2]feed.Export{"a with b": {a, b}, "b with a": {b, a}} {
		c, err := feed.Across(t.Context(), pair[0], []feed.Export{pair[1]}, keys)
		require.NoError(t, err)
		require.Equal(t, 5, c.Items)
		require.Equal(t, []feed.Finding{{
			Wallet: wallet(1), Epoch: 2, Seq: 4, Origin: feed.Origin{Source: "x", Number: 4},
			Elsewhere: &feed.Elsewhere{Instance: "beta", Mailbox: "b", Epoch: 2, Lacks: true},
		}}, c.Findings, name)
		require.True(t, c.Covered)
		require.Equal(t, feed.Epoch(1), c.Until, "%s: what is verified ends before it", name)
		require.Empty(t, c.Blames)
	}
}

func TestAnItemThatTwoInstancesTellDifferentlyIsNamed(t *testing.T) {
	other := from("x", 1, 1, 2, 3)
	other[1] = fact("x", 2, 1, feed.KindProposal)
	other[1].Payload[0] ^= 1
	a, b, keys := twoInstances(t, [][]feed.Item{from("x", 1, 1, 2, 3)}, [][]feed.Item{other})
	c, err := feed.Across(t.Context(), a, []feed.Export{b}, keys)
	require.NoError(t, err)
	require.Equal(t, 2, c.Items)
	require.Len(t, c.Findings, 1)
	require.Equal(t, feed.Origin{Source: "x", Number: 2}, c.Findings[0].Origin)
	require.Equal(t, feed.Elsewhere{Instance: "beta", Mailbox: "b", Epoch: 1}, *c.Findings[0].Elsewhere)
	require.False(t, c.Covered)
}

// Whoever is behind, began later, does not get it, or does not show all, lacks nothing.
func TestWhatLiesOutsideOfWhatBothHaveIsNoDifference(t *testing.T) {
	result := fact("x", 3, 1, feed.KindResult)
	all := [][]feed.Item{from("x", 1, 1, 2), {result}, from("x", 1, 4, 5)}
	for name, theirs := range map[string][][]feed.Item{
		"behind":         {from("x", 1, 1, 2)},
		"began later":    {from("x", 1, 4, 5)},
		"does not go":    {from("x", 1, 1, 2), from("x", 1, 4, 5), nil},
		"another source": {from("y", 1, 1, 2, 4)},
	} {
		a, b, keys := twoInstances(t, all, theirs)
		c, err := feed.Across(t.Context(), a, []feed.Export{b}, keys)
		require.NoError(t, err)
		require.Empty(t, c.Findings, name)
		require.Equal(t, name == "does not go", c.Covered && c.Until == 3, name)
	}
	a, b, keys := twoInstances(t, all, [][]feed.Item{from("x", 1, 1), from("x", 1, 2), from("x", 1, 4)})
	b.Epochs = b.Epochs[1:]
	c, err := feed.Across(t.Context(), a, []feed.Export{b}, keys)
	require.NoError(t, err)
	require.Empty(t, c.Findings)
	require.Equal(t, 2, c.Items)
	_, err = feed.Across(t.Context(), a, []feed.Export{a}, keys)
	require.ErrorIs(t, err, feed.ErrMalformed)
	b.Epochs = slices.Clone(b.Epochs)
	b.Epochs[0].Entries = nil
	c, err = feed.Across(t.Context(), a, []feed.Export{b}, keys)
	require.NoError(t, err)
	require.Equal(t, feed.Delivery, c.Blames[0].Reason, "it is not what its seals commit to")
}

// An instance tells nothing any more of a source, or nothing at all: what lies beyond is not confirmed by what it does tell.
func TestWhatIsWithheldToTheEndIsNotConfirmed(t *testing.T) {
	with := slices.Concat[[]feed.Item]
	whole := [][]feed.Item{with(from("x", 1, 1, 2), from("y", 2, 1)), with(from("x", 1, 3, 4), from("y", 2, 2)), from("y", 2, 3), from("y", 2, 4)}
	for name, play := range map[string]struct {
		ours, theirs [][]feed.Item
		until        feed.Epoch
	}{
		"nothing":               {whole, whole, 4},
		"one source's rest":     {[][]feed.Item{whole[0], from("y", 2, 2), from("y", 2, 3), from("y", 2, 4)}, whole, 2},
		"all of a source":       {[][]feed.Item{whole[0], whole[1], whole[2], whole[3]}, [][]feed.Item{whole[0], whole[1], with(whole[2], from("z", 3, 1)), whole[3]}, 3},
		"what came later":       {[][]feed.Item{whole[0], from("y", 2, 2), with(from("x", 1, 3, 4), from("y", 2, 3)), whole[3]}, whole, 4},
		"everything by a pause": {[][]feed.Item{whole[0], whole[1], whole[2], nil, nil}, whole[:3], 3},
	} {
		t.Run(name, func(t *testing.T) {
			a, b, keys := twoInstances(t, play.ours, play.theirs)
			c, err := feed.Across(t.Context(), a, []feed.Export{b}, keys)
			require.NoError(t, err)
			require.Empty(t, c.Findings)
			require.True(t, c.Covered)
			require.Equal(t, play.until, c.Until)
		})
	}
}

// Who holds compares again from the first epoch that is not verified. What the other one had before that is not forgotten: what an instance withholds to
// the end lets two epochs be confirmed at most, the one in which it came elsewhere, and none after it.
func TestWhatIsWithheldToTheEndIsConfirmedByNobody(t *testing.T) {
	both := slices.Concat[[]feed.Item]
	theirs := [][]feed.Item{
		both(from("x", 1, 1, 2), from("y", 2, 1)), both(from("x", 1, 3, 4), from("y", 2, 2)), both(from("x", 1, 5, 6), from("y", 2, 3)),
		from("y", 2, 4), from("y", 2, 5), from("y", 2, 6),
	}
	for name, c := range map[string]struct {
		ours  [][]feed.Item
		until feed.Epoch
	}{
		"withheld":        {[][]feed.Item{theirs[0], theirs[1], from("y", 2, 3), theirs[3], theirs[4], theirs[5]}, 3},
		"an epoch later":  {[][]feed.Item{theirs[0], theirs[1], from("y", 2, 3), both(from("x", 1, 5, 6), from("y", 2, 4)), theirs[4], theirs[5]}, 6},
		"an epoch before": {[][]feed.Item{theirs[0], both(from("x", 1, 3, 4, 5, 6), from("y", 2, 2)), from("y", 2, 3), theirs[3], theirs[4], theirs[5]}, 6},
	} {
		a, b, keys := twoInstances(t, c.ours, theirs)
		verified := feed.Epoch(0)
		for range a.Epochs { // an epoch at a time, as they are sealed
			x := a
			x.Epochs = slices.DeleteFunc(slices.Clone(a.Epochs), func(k feed.Kept) bool { return k.Epoch <= verified })
			if len(x.Epochs) == 0 {
				break
			}
			shown := b
			shown.Epochs = slices.DeleteFunc(slices.Clone(b.Epochs), func(k feed.Kept) bool { return k.Epoch+1 < x.Epochs[0].Epoch })
			crossing, err := feed.Across(t.Context(), x, []feed.Export{shown}, keys, a)
			require.NoError(t, err)
			if crossing.Covered {
				verified = max(verified, crossing.Until)
			}
		}
		require.Equal(t, c.until, verified, name)
	}
}
