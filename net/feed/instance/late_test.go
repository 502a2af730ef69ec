package instance_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/net/feed"
)

// begin is where a subscriber that has no place is told to begin.
func (s *subscriber) begin() {
	for _, r := range s.h.runs {
		list, err := r.instance.Mailboxes(s.h.ctx)
		require.NoError(s.h.t, err)
		for _, m := range list {
			if m.Name != s.mailbox || !m.Here {
				continue
			}
			s.from = m.First - 1
			ring, err := r.instance.Keyring(s.h.ctx)
			require.NoError(s.h.t, err)
			s.reader, err = feed.NewReader(m.Begins, s.mailbox, ring, feed.Start{Number: s.from, Head: s.h.head(m.Begins, s.mailbox, s.from)}, feed.Policy{Keep: 100, Then: feed.Drop})
			require.NoError(s.h.t, err)
			s.fresh = true
		}
	}
}

// head is the link of the entry after a number.
func (h *house) head(at, mailbox string, n feed.Number) feed.Hash {
	page, err := h.base.logs[at].Entries(h.ctx, mailbox, n, 1)
	require.NoError(h.t, err)
	require.Len(h.t, page, 1)
	return page[0].Entry.Previous
}

// A mailbox that nobody read for longer than epochs are kept: whoever begins gets what can be verified, and blames nobody.
func TestWhoBeginsLateBlamesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, t.Context(), "alpha")
		h.keep = 3
		h.start("alpha")
		for range 8 {
			h.tell("alpha", 4)
			h.turn()
		}
		first, err := h.base.logs["alpha"].FirstSeal(t.Context())
		require.NoError(t, err)
		s := h.subscriber("all")
		s.begin()
		page, err := h.base.logs["alpha"].Entries(t.Context(), "all", s.from, 1)
		require.NoError(t, err)
		require.Equal(t, first.Epoch, page[0].Entry.Epoch())
		require.Positive(t, s.from)
		s.read()
		require.Empty(t, s.blames)
		require.EqualValues(t, 32, s.reader.At().Number)
		require.True(t, s.reader.Settled())
		h.kill("alpha")
	})
}

// After a move whoever begins reads first what the instance before delivered, as that one's; and once that one's seals are gone what the new one did.
func TestWhoBeginsAfterAMoveKnowsWhoseEntriesComeFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, t.Context(), "alpha", "beta")
		h.keep = 4
		h.start("alpha")
		h.start("beta")
		h.tell("alpha", 4)
		h.turn()
		from := h.base.homes["all"]
		to := map[string]string{"alpha": "beta", "beta": "alpha"}[from]
		h.move("all", to)
		h.turn()
		h.turn()
		h.tell("alpha", 4)
		h.turn()
		require.Equal(t, to, h.base.homes["all"])
		s := h.subscriber("all")
		s.begin()
		require.Equal(t, from, s.reader.Instance())
		require.Zero(t, s.from)
		s.read()
		require.Empty(t, s.blames)
		require.Equal(t, to, s.reader.Instance())
		for range 6 {
			h.tell("alpha", 4)
			h.turn()
			s.read()
		}
		late := h.subscriber("all")
		late.begin()
		require.Equal(t, to, late.reader.Instance())
		require.Positive(t, late.from)
		late.read()
		require.Empty(t, late.blames)
		require.Equal(t, s.reader.At(), late.reader.At())
		h.kill("alpha")
		h.kill("beta")
	})
}
