package feed_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/net/feed"
)

// replaced has an instance's keys be ones that another one has replaced.
func replaced(keys feed.Keyring, instance string, until feed.Until) feed.Keyring {
	ring := feed.Keyring{}
	for name, list := range keys {
		for _, k := range list {
			if name == instance {
				k.Until = &until
			}
			ring[name] = append(ring[name], k)
		}
	}
	return ring
}

// Who stole a key that was replaced can sign what is older, and nothing that is newer: no seal, commitment, gap or handover of a later epoch, and no
// item of a later number.
func TestAReplacedKeyIsGoodForWhatIsOlder(t *testing.T) {
	s, keys := signer(t, "alpha")
	another, _ := signer(t, "another")
	subs := everything(t)
	seal := sealed(t, s, subs, feed.Hash{}, 5, record(subs, 1, 5, 1))
	gap := feed.Entry{Mailbox: "a", Number: 1, Gap: &feed.Gap{Outbox: s.Actor(feed.Outbox, 0), Epoch: 5, First: 1}}
	gap.SignGap(s)
	item := fact("alpha", 5, 1, feed.KindProposal)
	release, both := handover(t, true) // of alpha's epoch 5, before beta's epoch 7
	gone, _ := handover(t, false)
	loss := feed.Handover{Mailbox: "a", From: "alpha", To: "alpha", Follows: true, Before: 5, Skips: 1}
	require.NoError(t, loss.Take(s))

	for name, c := range map[string]struct {
		verify func(feed.Keyring) error
		of     string
		last   feed.Until // what a replaced key must be good for
	}{
		"a seal":       {seal.Verify, "alpha", feed.Until{Epoch: 6}},
		"a commitment": {seal.Commitments[0].Verify, "alpha", feed.Until{Epoch: 6}},
		"a gap":        {gap.VerifyGap, "alpha", feed.Until{Epoch: 5}},
		"a release":    {release.Verify, "alpha", feed.Until{Epoch: 6}},
		"a handover":   {release.Verify, "beta", feed.Until{Epoch: 7}},
		"one from an instance that is gone": {
			gone.Verify, "beta", feed.Until{Epoch: 7},
		},
		"a loss":  {loss.Verify, "alpha", feed.Until{Epoch: 6}},
		"an item": {func(k feed.Keyring) error { return k.VerifyWitness(item, *witness(t, item)) }, "alpha", feed.Until{Number: 5}},
	} {
		require.NoError(t, c.verify(both), name)
		require.NoError(t, c.verify(replaced(both, c.of, c.last)), name)
		before := c.last
		before.Epoch, before.Number = max(before.Epoch, 1)-1, max(before.Number, 1)-1
		err := c.verify(replaced(both, c.of, before))
		require.ErrorIs(t, err, feed.ErrSignature, name)
		require.ErrorContains(t, err, "replaced", name)
		beside := replaced(both, c.of, before)
		beside[c.of] = append(beside[c.of], feed.Keys(another.Public())...)
		require.ErrorIs(t, c.verify(beside), feed.ErrSignature, "%s: nor beside the key that replaced it", name)
	}
	require.NoError(t, seal.Verify(keys))
}

// Readers, those who verify exports and those who are shown proofs refuse what a replaced key signs of later epochs.
func TestWhatAReplacedKeySignsOfLaterEpochsIsRefused(t *testing.T) {
	s, keys := signer(t, "alpha")
	subs := everything(t)
	x := told(t, s, subs, []feed.Item{fact("x", 1, 1, feed.KindProposal)}, []feed.Item{fact("x", 2, 1, feed.KindProposal)}, []feed.Item{fact("x", 3, 1, feed.KindProposal)})["a"]
	_, err := x.Verify(replaced(keys, "alpha", feed.Until{Epoch: 4}))
	require.NoError(t, err)
	_, err = x.Verify(replaced(keys, "alpha", feed.Until{Epoch: 3}))
	require.ErrorIs(t, err, feed.ErrSignature)

	reader, err := feed.NewReader("alpha", "a", replaced(keys, "alpha", feed.Until{Epoch: 3}), feed.Start{}, feed.Policy{Keep: 9, Then: feed.Drop})
	require.NoError(t, err)
	for i, k := range x.Epochs {
		require.NoError(t, reader.Entry(k.Entries[0], payloadOf("x", uint64(i)+1)))
		if _, err = reader.Seal(*k.Seal, k.Subscriptions); i == 2 {
			require.ErrorIs(t, err, feed.ErrSignature)
		} else {
			require.NoError(t, err)
		}
	}

	proofs, both := crossProofs(t)
	for name, p := range proofs {
		require.NoError(t, p.Verify(both), name)
		wrong := both
		for instance := range both {
			wrong = replaced(wrong, instance, feed.Until{})
		}
		require.ErrorIs(t, p.Verify(wrong), feed.ErrSignature, name)
	}
}
