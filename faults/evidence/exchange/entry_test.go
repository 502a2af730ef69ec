package exchange

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
)

var (
	leader    = chain.Operator{1}
	meddler   = chain.Operator{2}
	first     = [32]byte{1}
	second    = [32]byte{2}
	somewhere = Slot{chain.WalletID{9}, 900}
)

func TestWhatIsAttestedOfAWindow(t *testing.T) {
	inTime := func(who chain.Operator, what [32]byte) Saying { return Saying{who, what, true} }
	late := func(who chain.Operator, what [32]byte) Saying { return Saying{who, what, false} }
	for name, c := range map[string]struct {
		heard  Heard
		status evidence.Status
		sender chain.Operator
		none   bool // nothing is attested
	}{
		"silence":                             {heard: Heard{Leader: leader}, status: evidence.None},
		"silence, and nobody knows who led":   {heard: Heard{}, status: evidence.None},
		"one statement":                       {heard: Heard{Leader: leader, Said: []Saying{inTime(leader, first)}}, status: evidence.Said, sender: leader},
		"the same twice":                      {heard: Heard{Leader: leader, Said: []Saying{late(leader, first), inTime(leader, first)}}, status: evidence.Said, sender: leader},
		"a late one":                          {heard: Heard{Leader: leader, Said: []Saying{late(leader, first)}}, status: evidence.Late, sender: leader},
		"two that differ":                     {heard: Heard{Leader: leader, Said: []Saying{inTime(leader, first), late(leader, second)}}, status: evidence.Twice, sender: leader},
		"somebody else than the leader":       {heard: Heard{Leader: leader, Said: []Saying{inTime(meddler, first)}}, status: evidence.None},
		"both the leader and somebody else":   {heard: Heard{Leader: leader, Said: []Saying{inTime(meddler, second), inTime(leader, first)}}, status: evidence.Said, sender: leader},
		"one speaker of a leader not known":   {heard: Heard{Said: []Saying{inTime(meddler, first)}}, status: evidence.Said, sender: meddler},
		"two speakers of a leader not known":  {heard: Heard{Said: []Saying{inTime(meddler, first), inTime(leader, first)}}, none: true},
		"acted on a statement that came late": {heard: Heard{Leader: leader, Said: []Saying{late(leader, first)}, Acted: true}, status: evidence.Said, sender: leader},
		"acted on one that is not kept":       {heard: Heard{Leader: leader, Acted: true}, none: true},
	} {
		t.Run(name, func(t *testing.T) {
			c.heard.Slot = somewhere
			e, some := c.heard.Entry()
			require.Equal(t, !c.none, some)
			if c.none {
				return
			}
			require.NoError(t, e.Check())
			require.Equal(t, c.status, e.Status)
			require.Equal(t, c.sender, e.Sender)
			require.Equal(t, c.heard.Leader, e.Leader)
		})
	}
}

// TestAnEntryIsAFunctionOfWhatWasHeard: the order in which it came makes no difference, every entry is one that an honest
// operator makes, and nothing that was acted on is barred.
func TestAnEntryIsAFunctionOfWhatWasHeard(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := Heard{
			Slot:   somewhere,
			Leader: chain.Operator{byte(rapid.IntRange(0, 2).Draw(t, "leader"))},
			Acted:  rapid.Bool().Draw(t, "acted"),
			Said: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Saying {
				return Saying{
					Sender: chain.Operator{byte(rapid.IntRange(1, 2).Draw(t, "sender"))},
					Digest: [32]byte{byte(rapid.IntRange(1, 3).Draw(t, "digest"))},
					InTime: rapid.Bool().Draw(t, "in time"),
				}
			}), 0, 5).Draw(t, "said"),
		}
		e, some := h.Entry()
		if some {
			require.NoError(t, e.Check())
			require.False(t, h.Acted && e.Bars(), "what was acted on is not barred")
		}
		other := h
		other.Said = rapid.Permutation(slices.Clone(h.Said)).Draw(t, "order")
		again, someAgain := other.Entry()
		require.Equal(t, some, someAgain)
		require.Equal(t, e, again)
	})
}
