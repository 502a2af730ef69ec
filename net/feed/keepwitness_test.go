package feed_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/net/feed"
)

// readWith gives an export to a subscriber, with what came as signatures; errors are those of the signatures.
func readWith(t testing.TB, x feed.Export, keys feed.Keyring) (*feed.Reader, []feed.Blame, []error) {
	t.Helper()
	r, err := feed.NewReader(x.Instance, x.Mailbox, keys, feed.Start{}, feed.Policy{Keep: 10, Then: feed.Drop})
	require.NoError(t, err)
	var blames []feed.Blame
	var wrong []error
	for _, k := range x.Epochs {
		for i, e := range k.Entries {
			require.NoError(t, r.Entry(e, payloadOf(e.Record.Item.Source, e.Record.Item.Number)))
			if k.Witnesses != nil && k.Witnesses[i] != nil {
				if err := r.Witness(*k.Witnesses[i]); err != nil {
					wrong = append(wrong, err)
					if !errors.Is(err, feed.ErrUnknownInstance) {
						r.Unsigned()
					}
				}
			}
		}
		found, err := r.Seal(*k.Seal, k.Subscriptions)
		require.NoError(t, err)
		blames = append(blames, found...)
	}
	return r, blames, wrong
}

func TestWhatOriginsSignedIsKeptAndExported(t *testing.T) {
	a, _, keys := twoInstances(t, [][]feed.Item{from("x", 1, 1, 2), append(from("x", 1, 3), from("y", 2, 1)...)}, nil)
	withOrigins(t, keys, "x", "y")
	whole := signed(t, a)
	r, blames, wrong := readWith(t, whole, keys)
	require.Empty(t, blames)
	require.Empty(t, wrong)
	raw := r.Export().Encode()
	require.True(t, bytes.Equal(whole.Encode(), raw))
	again, err := feed.DecodeExport(raw)
	require.NoError(t, err)
	require.True(t, bytes.Equal(raw, again.Encode()))
	require.Equal(t, whole.Epochs[1].Witnesses, again.Epochs[1].Witnesses)

	// Some of them alone, and none, which has the form that was there before.
	some := signed(t, a)
	some.Epochs[0].Witnesses, some.Epochs[1].Witnesses[0] = nil, nil
	r, _, _ = readWith(t, some, keys)
	require.True(t, bytes.Equal(some.Encode(), r.Export().Encode()))
	r, _, _ = readWith(t, a, keys)
	require.True(t, bytes.Equal(a.Encode(), r.Export().Encode()))
	require.Contains(t, string(a.Encode()), "walletnode/feed/export/1\x00")
	_, err = feed.DecodeExport(bytes.Replace(a.Encode(), []byte("export/1"), []byte("export/2"), 1))
	require.ErrorIs(t, err, feed.ErrMalformed)
}

func TestASignatureThatIsNotTheOriginsIsTheInstancesFaultAndAMissingOneNobodys(t *testing.T) {
	a, _, keys := twoInstances(t, [][]feed.Item{from("x", 1, 1, 2, 3)}, nil)
	r, blames, wrong := readWith(t, signed(t, a), keys)
	require.Len(t, wrong, 3)
	require.ErrorIs(t, wrong[0], feed.ErrUnknownInstance)
	require.Empty(t, blames, "no key of the origin is known: nothing can be told")
	require.Nil(t, r.Export().Epochs[0].Witnesses)

	forged := signed(t, a)
	forged.Epochs[0].Witnesses[1] = witness(t, other(a.Epochs[0].Entries[1].Record.Item))
	r, blames, wrong = readWith(t, forged, withOrigins(t, keys, "x"))
	require.Len(t, wrong, 1)
	require.ErrorIs(t, wrong[0], feed.ErrSignature)
	require.Equal(t, []feed.Blame{{Actor: feed.Actor{Instance: "alpha"}, Reason: feed.Delivery, Seq: 2}}, blames)
	require.Nil(t, r.Export().Epochs[0].Witnesses[1])
	require.NotNil(t, r.Export().Epochs[0].Witnesses[2])
}

// moved is what a mailbox got at beta, into which it moved: what came before is repeated for it in the first epochs, and the rest comes as it does.
func moved(t testing.TB, repeated []feed.Item, then ...feed.Item) (feed.Export, feed.Keyring) {
	s, keys := signer(t, "beta")
	var echoed []feed.Item
	for i, item := range repeated {
		echoed = append(echoed, item)
		echoed[i].Source, echoed[i].Number = feed.EchoSource("b"), uint64(i+1)
	}
	x := toldIn(t, s, chapter{subs: subscriptions(t, 1, feed.Subscription{Mailbox: "b", Arriving: true}), items: echoed}, chapter{subs: subscriptions(t, 2, feed.Subscription{Mailbox: "b"}), items: then})["b"]
	x.Epochs[0].Witnesses = make([]*feed.Witness, len(echoed))
	for i, item := range repeated {
		x.Epochs[0].Witnesses[i] = witness(t, item)
	}
	return x, keys
}

// What a move repeats is compared by what its origin signed; where that is not known it is not, and does not count as compared.
func TestWhatAMoveRepeatsIsComparedByItsOrigin(t *testing.T) {
	alpha, keys := signer(t, "alpha")
	items := from("x", 1, 1, 2, 3, 4, 5)
	a := signed(t, told(t, alpha, subscriptions(t, 1, feed.Subscription{Mailbox: "a"}), items[:3], items[3:])["a"])
	across := func(b feed.Export, more feed.Keyring) feed.Crossing {
		keys["beta"] = more["beta"]
		c, err := feed.Across(t.Context(), b, []feed.Export{a}, withOrigins(t, keys, "x"))
		require.NoError(t, err)
		require.Empty(t, c.Blames)
		return c
	}
	b, more := moved(t, items[:3], items[3:]...)
	c := across(b, more)
	require.Empty(t, c.Findings)
	require.Equal(t, 5, c.Items)
	require.True(t, c.Covered)
	require.Equal(t, feed.Epoch(2), c.Until)

	b.Epochs[0].Witnesses[1] = nil
	c = across(b, more)
	require.Empty(t, c.Findings, "it may be what was repeated")
	require.Equal(t, 4, c.Items)
	require.False(t, c.Covered, "nobody knows what was repeated in the first epoch")

	b, more = moved(t, slices.Concat(items[:1], items[2:3]), items[3:]...)
	c = across(b, more)
	require.Len(t, c.Findings, 1)
	require.Equal(t, feed.Origin{Source: "x", Number: 2}, c.Findings[0].Origin)
	require.Equal(t, feed.Elsewhere{Instance: "beta", Mailbox: "b", Epoch: 1, Lacks: true}, *c.Findings[0].Elsewhere)
	require.Nil(t, c.Findings[0].Proof)
	require.False(t, c.Covered)

	b, more = moved(t, []feed.Item{items[0], other(items[1]), items[2]}, items[3:]...)
	c = across(b, more)
	require.Len(t, c.Findings, 1)
	require.Equal(t, feed.TwoItems, c.Findings[0].Proof.Fault, "what was repeated is signed by its origin, too")
}
