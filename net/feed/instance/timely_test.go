package instance_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/net/feed"
)

// An instance that was away for so long that facts were collected seals the epochs that it missed, and none of them holds what it takes in when it is back,
// whichever height it is shown first: so it can be seen in its seals that it cannot have had what its siblings had, and nothing is proved of it.
func TestWhatWasCollectedMeanwhileLiesBeyondEpochsInWhichNothingCame(t *testing.T) {
	for name, back := range map[string]func(h *house){
		"in a new process": func(h *house) {
			h.kill("beta")
			away(h)
			r := h.begin("beta")
			h.rest()
			h.show(r)
		},
		"with an old height": func(h *house) {
			at := h.at
			h.kill("beta")
			away(h)
			now := h.at
			h.at = at
			r := h.begin("beta")
			h.show(r)
			h.rest()
			h.at = now
			h.show(r)
		},
		"cut off from database and chain": func(h *house) {
			r := h.runs["beta"]
			h.base.end(r.session)
			delete(h.runs, "beta")
			away(h)
			h.base.mu.Lock()
			h.base.live["beta"] = r.session.id
			h.base.mu.Unlock()
			h.runs["beta"] = r
			h.rest()
			h.rest()
		},
	} {
		t.Run(name, func(t *testing.T) {
			couple(t, "", func(t *testing.T, h *house) {
				all, some := h.subscriber("all"), h.subscriber("some")
				h.move("some", "beta")
				for range 3 {
					h.turn()
				}
				h.tell("alpha", 8)
				h.rest()
				some.read()
				require.Equal(t, "beta", some.reader.Instance())
				stopped := feed.Epoch(uint64(h.at) / window)
				log := h.base.logs["beta"]
				before, err := log.State(t.Context())
				require.NoError(t, err)
				back(h)
				h.rest()
				h.turn()
				h.turn()
				records, err := log.Records(t.Context(), before.Last+1, 100)
				require.NoError(t, err)
				require.Len(t, records, 8, "what is left")
				for _, rec := range records {
					require.GreaterOrEqual(t, rec.Epoch, stopped+2)
				}
				all.read()
				some.read()
				for _, pair := range [][2]*subscriber{{all, some}, {some, all}} {
					_, findings := across(t, pair[0], pair[1])
					require.NotEmpty(t, findings, "it lacks what was collected")
					for _, f := range findings {
						require.Nil(t, f.Proof)
					}
				}
			})
		})
	}
}

// away is what an instance misses for so long that all but the last facts are collected.
func away(h *house) {
	for range 4 {
		h.tell("alpha", 8)
		h.turn()
	}
	h.base.mu.Lock()
	defer h.base.mu.Unlock()
	facts := h.base.facts["alpha"]
	h.base.gone = map[string]uint64{"alpha": facts[len(facts)-8].Number - 1}
}

// An instance that lacks nothing goes on at once, also before it is shown a height.
func TestWhoLacksNothingWaitsForNoHeight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, t.Context(), "alpha")
		h.start("alpha")
		h.tell("alpha", 5)
		h.rest()
		h.kill("alpha")
		h.tell("alpha", 5)
		h.begin("alpha")
		h.rest()
		state, err := h.base.logs["alpha"].State(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 10, state.Last)
		h.kill("alpha")
	})
}
