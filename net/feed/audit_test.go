package feed_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/net/feed"
)

func TestAnHonestSealBlamesNobody(t *testing.T) {
	s, keys := signer(t, "alpha")
	subs := everything(t)
	for _, records := range [][]feed.Record{nil, {record(subs, 1, 5, 1), record(subs, 2, 5, 2)}} {
		seal := sealed(t, s, subs, feed.Hash{}, 5, records...)
		require.NoError(t, seal.Verify(keys))
		require.Empty(t, feed.Audit(seal))
	}
}

// Of two records a stage lets only one out. Its own signature is on both sides.
func TestAStageWhoseSidesDifferIsNamedAndNobodyElse(t *testing.T) {
	s, _ := signer(t, "alpha")
	subs := everything(t)
	one, two := record(subs, 1, 5, 1), record(subs, 2, 5, 2)
	both, less := sealed(t, s, subs, feed.Hash{}, 5, one, two), sealed(t, s, subs, feed.Hash{}, 5, one)
	for i, c := range both.Commitments {
		faulty := both
		faulty.Commitments = slices.Clone(both.Commitments)
		for j := range faulty.Commitments {
			if j > i { // who comes after it carries on what it got
				faulty.Commitments[j] = less.Commitments[j]
			}
		}
		c.Out = less.Commitments[i].Out
		faulty.Commitments[i] = c
		want := []feed.Blame{{Actor: c.Actor, Reason: feed.Changed}}
		if c.Actor.Stage == feed.Inbox { // a number is lost, too
			want = append(want, feed.Blame{Actor: c.Actor, Reason: feed.Numbering})
		}
		got := feed.Audit(faulty)
		for j := range got {
			got[j].Label = feed.Label{}
		}
		require.Equal(t, want, got, c.Actor)
	}
}

func TestNeighboursThatContradictEachOtherBlameTheWholeUnlessALinkSawIt(t *testing.T) {
	s, _ := signer(t, "alpha")
	subs := everything(t)
	one, two := record(subs, 1, 5, 1), record(subs, 2, 5, 2)
	seal, less := sealed(t, s, subs, feed.Hash{}, 5, one, two), sealed(t, s, subs, feed.Hash{}, 5, one)
	seal.Commitments[1] = less.Commitments[1] // the router says on both sides that there was one record
	blames := feed.Audit(seal)
	require.Len(t, blames, 1)
	require.Equal(t, feed.Actor{Instance: "alpha"}, blames[0].Actor)
	require.Equal(t, feed.Conflict, blames[0].Reason)

	seal.Blames = []feed.Blame{{Actor: s.Actor(feed.Router, 0), Reason: feed.False}}
	require.Equal(t, seal.Blames, feed.Audit(seal))
}

func TestAStageThatIsLeftOutIsTheSequencersFault(t *testing.T) {
	s, _ := signer(t, "alpha")
	subs := everything(t)
	full := sealed(t, s, subs, feed.Hash{}, 5, record(subs, 1, 5, 1))
	for i := range full.Commitments {
		seal := full
		seal.Commitments = slices.Delete(slices.Clone(full.Commitments), i, i+1)
		blames := feed.Audit(seal)
		require.Contains(t, blames, feed.Blame{Actor: s.Actor(feed.Sequencer, 0), Reason: feed.False}, full.Commitments[i].Actor)
	}
	seal := full
	seal.Commitments = slices.Clone(full.Commitments[:3])
	seal.Blames = []feed.Blame{{Actor: s.Actor(feed.Outbox, 0), Reason: feed.Missing}}
	require.Equal(t, seal.Blames, feed.Audit(seal), "told to be missing, it alone is blamed")
}

func TestEveryBitOfASealIsSigned(t *testing.T) {
	s, keys := signer(t, "alpha")
	subs := everything(t)
	data := sealed(t, s, subs, feed.Hash{1}, 5, record(subs, 1, 5, 1)).Encode()
	for i := range data {
		data[i] ^= 1 << (i % 8)
		if seal, err := feed.DecodeSeal(data); err == nil {
			require.Error(t, seal.Verify(keys), "byte %d", i)
		}
		data[i] ^= 1 << (i % 8)
	}
	seal, err := feed.DecodeSeal(data)
	require.NoError(t, err)
	require.NoError(t, seal.Verify(keys))
	require.ErrorIs(t, seal.Verify(feed.Keyring{}), feed.ErrUnknownInstance)
}

// The time of an audit grows with the receivers and outboxes that a seal speaks of.
func TestBadInputASealWithStagesWithoutNumber(t *testing.T) {
	s, _ := signer(t, "alpha")
	subs := everything(t)
	for _, stage := range []feed.Stage{feed.Receiver, feed.Outbox, feed.Router, feed.Inbox} {
		seal := sealed(t, s, subs, feed.Hash{}, 5)
		seal.Blames = []feed.Blame{{Actor: s.Actor(stage, 1<<16-1), Reason: feed.Missing}}
		seal.Sign(s)
		_, err := feed.DecodeSeal(seal.Encode())
		require.ErrorIs(t, err, feed.ErrMalformed, stage)
	}
}
