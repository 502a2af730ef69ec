package quorum

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAReloadThatWouldEndTheQuorumIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		ill ill
		why string
	}{
		"another chain": {ill{chainID: 5}, "wrong_chain"},
		"dead":          {ill{refuse: true}, "refused"},
		"black holes":   {ill{hang: true}, "timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, 3, nil, func(t *testing.T, r *rig) {
				fakes := []*fake{newFake(r.truth, "x"), newFake(r.truth, "y"), newFake(r.truth, "z")}
				for _, f := range fakes {
					f.fall(c.ill)
				}
				err := r.Reload(t.Context(), members(fakes...))
				require.ErrorIs(t, err, ErrMembers)
				require.ErrorContains(t, err, "no quorum, 0 of 3 vote groups agree on a head and 2 must")
				require.ErrorContains(t, err, "(x: "+c.why+", y: "+c.why+", z: "+c.why+")")
				for _, f := range fakes {
					require.True(t, f.isClosed())
				}
				require.Equal(t, ModeQuorum, r.Snapshot().Mode)
				require.Equal(t, "a", r.Snapshot().Serving)
				_, err = r.RedemptionLimits(t.Context())
				require.NoError(t, err)

				mixed := []*fake{r.fakes[0], newFake(r.truth, "u"), newFake(r.truth, "v")}
				mixed[2].fall(c.ill)
				require.NoError(t, r.Reload(t.Context(), members(mixed...)), "two of three agree")
				require.True(t, r.Snapshot().Quorum)
				r.fakes = mixed

				r.fall(ill{refuse: true}, "a", "u")
				time.Sleep(twoPolls)
				none := newFake(r.truth, "w")
				none.fall(c.ill)
				require.NoError(t, r.Reload(t.Context(), members(mixed[0], mixed[1], none)), "nothing is lost by it")
			})
		})
	}
}

func TestAnEndpointThatIsNeededIsNotCordoned(t *testing.T) {
	in(t, 3, nil, func(t *testing.T, r *rig) {
		require.NoError(t, r.Cordon("a"))
		require.NoError(t, r.Cordon("a"), "it is already")
		err := r.Cordon("b")
		require.ErrorIs(t, err, ErrNeeded)
		require.ErrorContains(t, err, `without "b" there would be no quorum, 1 of 3 vote groups agree on a head and 2 must`)
		require.False(t, r.endpoint("b").Cordoned)
		require.True(t, r.Snapshot().Quorum)
	})
	in(t, 5, func(r *rig, c *Config) {
		for i := 2; i < 5; i++ {
			c.Members[i].Roles = []Role{RoleVote}
		}
		r.fall(ill{refuse: true}, "b")
	}, func(t *testing.T, r *rig) {
		require.ErrorContains(t, r.Cordon("a"), `without "a" no endpoint that answers would serve reads`)
		require.NoError(t, r.Cordon("b"))
		require.Equal(t, "a", r.Snapshot().Serving)
	})
	in(t, 3, nil, func(t *testing.T, r *rig) {
		r.fall(ill{refuse: true}, "b", "c")
		time.Sleep(twoPolls)
		require.NoError(t, r.Cordon("b"), "there is no quorum to lose")
		require.ErrorIs(t, r.Cordon("a"), ErrNeeded)
	})
}
