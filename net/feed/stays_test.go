package feed_test

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/net/feed"
)

// journey is a reader of an empty mailbox that moves to and fro between two instances, which seal on.
type journey struct {
	t      *testing.T
	reader *feed.Reader
	by     map[string]feed.Signer
	last   map[string]feed.Seal
	at     string
}

func travel(t *testing.T, p feed.Policy) *journey {
	alpha, keys := signer(t, "alpha")
	beta, more := signer(t, "beta")
	maps.Copy(keys, more)
	r, err := feed.NewReader("alpha", "a", keys, feed.Start{}, p)
	require.NoError(t, err)
	return &journey{t: t, reader: r, by: map[string]feed.Signer{"alpha": alpha, "beta": beta}, last: map[string]feed.Seal{}, at: "alpha"}
}

// seal ends an epoch at both. What the reader does not take did not happen.
func (j *journey) seal() error {
	subs, before := everything(j.t), maps.Clone(j.last)
	for name, by := range j.by {
		was, any := j.last[name]
		s := sealed(j.t, by, subs, feed.Hash{}, 0)
		if any {
			s = sealed(j.t, by, subs, was.Hash(), was.Epoch+1)
		}
		j.last[name] = s
	}
	_, err := j.reader.Seal(j.last[j.at], subs)
	if err != nil {
		j.last = before
	}
	return err
}

// move goes to the other one.
func (j *journey) move() error {
	to := map[string]string{"alpha": "beta", "beta": "alpha"}[j.at]
	h := feed.Handover{Mailbox: "a", From: j.at, To: to}
	if s, any := j.last[j.at]; any {
		h.Sealed, h.Epoch = true, s.Epoch
	}
	if s, any := j.last[to]; any {
		h.Follows, h.Before, h.Previous = true, s.Epoch, s.Hash()
	}
	require.NoError(j.t, h.Release(j.by[j.at]))
	require.NoError(j.t, h.Take(j.by[to]))
	if err := j.reader.Handover(h); err != nil {
		return err
	}
	j.at = to
	return nil
}

// kept is how many epochs of each stay are whole, and how many are heads.
func (j *journey) kept() (whole, heads int) {
	for _, s := range j.reader.Stays() {
		for _, k := range s.Kept {
			if k.Heads == nil {
				whole++
			} else {
				heads++
			}
		}
	}
	return whole, heads
}

// Epochs count over moves: an instance that moves a mailbox away does not have those forgotten that nobody confirmed.
func TestNoMoveLeadsAroundThePolicy(t *testing.T) {
	j := travel(t, feed.Policy{Keep: 3, Then: feed.Hold})
	require.NoError(t, j.seal())
	require.NoError(t, j.seal())
	require.NoError(t, j.move())
	require.NoError(t, j.seal())
	require.ErrorIs(t, j.seal(), feed.ErrUnverified, "two of alpha and one of beta")
	require.ErrorIs(t, j.move(), feed.ErrUnverified)
	require.Equal(t, "beta", j.reader.Instance())
	j.reader.VerifiedIn(1, 2) // those of beta
	require.NoError(t, j.move())
	require.Equal(t, "alpha", j.reader.Instance())
	require.NoError(t, j.seal())
	require.ErrorIs(t, j.seal(), feed.ErrUnverified)
	j.reader.VerifiedIn(0, 1) // those of alpha's first stay
	require.NoError(t, j.move())
	whole, _ := j.kept()
	require.Equal(t, 3, whole)
	require.Equal(t, feed.Epoch(1), j.reader.Stays()[0].Kept[0].Epoch, "what is verified goes first, the oldest")

	for then, want := range map[feed.Then][2]int{feed.Drop: {3, 0}, feed.Compress: {3, 7}} {
		j := travel(t, feed.Policy{Keep: 3, Then: then})
		for range 5 {
			require.NoError(t, j.seal())
			require.NoError(t, j.seal())
			require.NoError(t, j.move())
		}
		whole, heads := j.kept()
		require.Equal(t, want, [2]int{whole, heads}, then.String())
	}
}

// What is kept goes on over a start, and what it says is held against the reader.
func TestAReaderIsGivenItsStaysBack(t *testing.T) {
	j := travel(t, feed.Policy{Keep: 3, Then: feed.Hold})
	require.NoError(t, j.seal())
	require.NoError(t, j.move())
	require.NoError(t, j.seal())
	j.reader.VerifiedIn(0, 0)
	again := travel(t, feed.Policy{Keep: 2, Then: feed.Hold})
	stays := j.reader.Stays()
	require.ErrorIs(t, again.reader.Restore(stays), feed.ErrMalformed, "it is at another instance")
	require.ErrorIs(t, again.reader.Restore(nil), feed.ErrMalformed)
	require.NoError(t, again.reader.Restore(stays[:1]))
	require.Equal(t, feed.Epoch(1), again.reader.Unverified())
	stays[0].Moves = 1
	stays[1].Instance = "alpha"
	require.ErrorIs(t, again.reader.Restore(stays), feed.ErrMalformed, "two of one name")
}

// What is kept is bounded, however often a mailbox moves; and who seals nothing is not followed for ever.
func TestAMailboxThatMovesForEverIsBounded(t *testing.T) {
	j := travel(t, feed.Policy{Keep: feed.MaxKeep, Then: feed.Compress})
	for range 100 {
		require.NoError(t, j.seal())
		require.NoError(t, j.move())
	}
	require.LessOrEqual(t, len(j.reader.Stays()), 64)
	j = travel(t, feed.Policy{Keep: feed.MaxKeep, Then: feed.Hold})
	var err error
	for n := 0; err == nil; n++ {
		require.Less(t, n, 65)
		require.NoError(t, j.seal())
		err = j.move()
	}
	require.ErrorIs(t, err, feed.ErrUnverified, "the oldest is not verified")
	j.reader.VerifiedIn(0, 0)
	require.NoError(t, j.move())

	j = travel(t, feed.Policy{Keep: 1, Then: feed.Drop})
	for err = nil; err == nil; {
		err = j.move()
	}
	require.ErrorIs(t, err, feed.ErrUnsealed)
}
