package instance_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/instance"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// A mailbox of one instance's own events is no other one's: a wish to move it is refused rather than taken and never done, and what it is
// subscribed to is shown by all instances as it is.
func TestAnInstancesOwnMailboxStaysAndIsShownAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, t.Context(), "alpha", "beta")
		h.own = []feed.Kind{feed.KindResult, feed.KindFault}
		h.start("alpha")
		h.start("beta")
		h.turn()
		for _, r := range h.runs {
			require.ErrorIs(t, r.instance.Move(t.Context(), "live.beta", "alpha"), instance.ErrStays)
			require.NoError(t, r.instance.Move(t.Context(), "live.beta", "beta"), "an earlier wish is taken back")
			require.NotErrorIs(t, r.instance.Move(t.Context(), "live.nobody", "alpha"), instance.ErrStays, "there is none of that name")
			list, err := r.instance.Mailboxes(t.Context())
			require.NoError(t, err)
			names := map[string]instance.Mailbox{}
			for _, m := range list {
				names[m.Name] = m
				require.Empty(t, m.Wished)
			}
			require.Len(t, list, 4)
			for _, name := range []string{"live.alpha", "live.beta"} {
				require.Equal(t, h.own, names[name].Subscription.Kinds, "%s as %s sees it", name, r.instance.Name())
			}
		}
		for name := range h.runs {
			h.kill(name)
		}
	})
}

// An instance that has not looked since a mailbox left it is told that an entry was read which it never had: it says who has the mailbox now
// rather than that the subscriber is wrong.
func TestAnAcknowledgementAfterAMoveIsSentOnRatherThanRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, t.Context(), "alpha", "beta")
		h.start("alpha")
		h.turn()
		alpha := h.runs["alpha"].instance
		require.ErrorIs(t, alpha.Acknowledge(t.Context(), "all", 5), pipeline.ErrFuture, "it is alpha's")
		h.base.mu.Lock()
		h.base.homes["all"] = "beta"
		h.base.mu.Unlock()
		require.Equal(t, instance.Elsewhere{Mailbox: "all", Instance: "beta"}, alpha.Acknowledge(t.Context(), "all", 5))
		h.base.mu.Lock()
		h.base.homes["all"] = "alpha"
		h.base.mu.Unlock()
		h.kill("alpha")
	})
}

// A mailbox that left and came back is exported from where it came back on, however much was delivered here before and elsewhere meanwhile.
func TestAMailboxThatCameBackIsExported(t *testing.T) {
	for before := range 4 {
		for between := range 4 {
			couple(t, "", func(t *testing.T, h *house) {
				home := h.base.homes["all"]
				other := map[string]string{"alpha": "beta", "beta": "alpha"}[home]
				h.tell(home, 1+2*before)
				h.turn()
				h.move("all", other)
				h.turn()
				h.turn()
				h.tell(home, 1+2*between)
				h.turn()
				h.move("all", home)
				h.turn()
				h.turn()
				h.tell(other, 3)
				h.turn()
				x, err := h.runs[home].instance.Export(t.Context(), "all")
				require.NoError(t, err, "%d before, %d between", before, between)
				ring, err := h.runs[home].instance.Keyring(t.Context())
				require.NoError(t, err)
				_, err = x.Verify(ring)
				require.NoError(t, err)
				require.NotEmpty(t, x.Epochs)
			})
		}
	}
}
