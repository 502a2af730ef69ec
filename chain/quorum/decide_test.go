package quorum

import (
	"context"
	"log/slog"
	"math/big"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

func TestSection8AHeaderIsWhatMostVoteGroupsSay(t *testing.T) {
	fork := ill{fork: 400}
	for name, c := range map[string]struct {
		n     int
		ills  map[string]ill
		about chain.Height
		want  error // nil: the true header
		says  string
	}{
		"all agree":                     {5, nil, 500, nil, ""},
		"two forks of five":             {5, map[string]ill{"a": fork, "b": {fork: 300}}, 500, nil, ""},
		"two conspire":                  {5, map[string]ill{"a": fork, "b": fork}, 500, nil, ""},
		"two black holes":               {5, map[string]ill{"a": {hang: true}, "b": {hang: true}}, 500, nil, ""},
		"three conspire with two dead":  {5, map[string]ill{"a": fork, "b": {hang: true}, "c": {hang: true}}, 500, chain.ErrNoQuorum, "2 of 5"},
		"a majority refuses":            {5, map[string]ill{"a": {refuse: true}, "b": {refuse: true}, "c": {refuse: true}}, 500, chain.ErrNoQuorum, "2 of 5"},
		"one of two":                    {2, map[string]ill{"a": {refuse: true}}, 500, chain.ErrNoQuorum, "1 of 2"},
		"nobody has it":                 {5, nil, 2000, chain.ErrNotFound, ""},
		"two invent it":                 {5, map[string]ill{"a": {ahead: 5000}, "b": {ahead: 5000}}, 2000, chain.ErrNotFound, ""},
		"two invent it, one is away":    {5, map[string]ill{"a": {ahead: 5000}, "b": {ahead: 5000}, "c": {refuse: true}}, 2000, chain.ErrNoQuorum, "2 of 5"},
		"another chain has no voice":    {5, map[string]ill{"a": {chainID: 9}, "b": {chainID: 9}, "c": {chainID: 9}}, 500, chain.ErrNoQuorum, "2 of 5"},
		"what was agreed stays agreed":  {5, map[string]ill{"a": {refuse: true}, "b": {refuse: true}, "c": {refuse: true}}, 900, nil, ""},
		"what was agreed is not forked": {5, map[string]ill{"a": {fork: 850}, "b": {fork: 850}, "c": {fork: 850}}, 900, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, c.n, nil, func(t *testing.T, r *rig) {
				for who, i := range c.ills {
					r.fall(i, who)
				}
				if c.about == 500 {
					time.Sleep(twoPolls) // so that the pool knows, too
				}
				began := time.Now()
				header, err := r.Header(t.Context(), c.about)
				require.LessOrEqual(t, time.Since(began), 4*time.Second)
				require.ErrorIs(t, err, c.want)
				if c.want == nil {
					require.Equal(t, trueHeader(c.about), header)
				} else {
					require.ErrorContains(t, err, c.says)
				}
			})
		})
	}
}

func TestADecisionDoesNotWaitForAMinority(t *testing.T) {
	in(t, 5, nil, func(t *testing.T, r *rig) {
		r.fall(ill{hang: true}, "a", "b")
		began := time.Now()
		_, err := r.Header(t.Context(), 500)
		require.NoError(t, err)
		require.Zero(t, time.Since(began))
	})
}

func TestWhoGivesUpHasNoDisagreement(t *testing.T) {
	in(t, 3, nil, func(t *testing.T, r *rig) {
		r.fall(ill{hang: true}, "a", "b", "c")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := r.Header(ctx, 500)
		require.ErrorIs(t, err, context.Canceled)
		require.NotErrorIs(t, err, chain.ErrNoQuorum)
	})
}

func TestAVoteGroupHasOneVoice(t *testing.T) {
	grouped := func(spoilt ...string) func(*rig, *Config) {
		return func(r *rig, c *Config) { // a b | c d | e
			for i, group := range []string{"x", "x", "y", "y", "z"} {
				c.Members[i].Group = group
			}
			r.fall(ill{fork: 400}, spoilt...)
		}
	}
	ask := func(want error, spoilt ...string) {
		in(t, 5, grouped(spoilt...), func(t *testing.T, r *rig) {
			header, err := r.Header(t.Context(), 500)
			require.ErrorIs(t, err, want, spoilt)
			if want == nil {
				require.Equal(t, trueHeader(500), header)
			}
		})
	}
	ask(nil, "a", "b")               // one group lies, two agree
	ask(nil, "a")                    // one group contradicts itself, two agree
	ask(chain.ErrNoQuorum, "a", "c") // two groups contradict themselves
	ask(chain.ErrNoQuorum, "a", "e") // one contradicts itself, one lies
	ask(nil, "e")                    // two groups of two agree
	ask(chain.ErrNoQuorum, "b", "d") // no number of endpoints makes up for groups
	require.Len(t, Member{}.roles(), 3)
}

func TestACordonedEndpointKeepsItsGroupInTheDenominator(t *testing.T) {
	in(t, 3, nil, func(t *testing.T, r *rig) {
		require.NoError(t, r.Cordon("a"))
		r.fall(ill{refuse: true}, "b")
		_, err := r.Header(t.Context(), 500)
		require.ErrorIs(t, err, chain.ErrNoQuorum)
		require.ErrorContains(t, err, "1 of 3")
		require.Zero(t, r.fakes[0].count("header"))
	})
}

func TestValidationsNeedTheSameVerdictOfMostGroups(t *testing.T) {
	no := func(text string) ill { return ill{verdict: &chain.Refusal{Reason: text}} }
	for name, c := range map[string]struct {
		ills map[string]ill
		want string // a refusal's reason; "ok"; or empty for no quorum
	}{
		"all accept":                  {nil, "ok"},
		"two refuse":                  {map[string]ill{"a": no("x"), "b": no("x")}, "ok"},
		"three refuse":                {map[string]ill{"a": no("x"), "b": no("x"), "c": no("x")}, "x"},
		"three refuse without a word": {map[string]ill{"a": no(""), "b": no(""), "c": no("")}, "-"},
		"three refuse differently":    {map[string]ill{"a": no("x"), "b": no("x"), "c": no("y")}, ""},
		"two refuse, one is away":     {map[string]ill{"a": no("x"), "b": no("x"), "c": {refuse: true}}, ""},
		"two are away":                {map[string]ill{"a": {hang: true}, "c": {refuse: true}}, "ok"},
		"three are away":              {map[string]ill{"a": {hang: true}, "b": {hang: true}, "c": {refuse: true}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, 5, nil, func(t *testing.T, r *rig) {
				for who, i := range c.ills {
					r.fall(i, who)
				}
				for _, err := range []error{
					r.ValidateHeartbeat(t.Context(), chain.WalletID{}, [16]byte{}),
					r.ValidateRedemption(t.Context(), chain.WalletID{}, nil, big.NewInt(1)),
					r.ValidateMovedFundsSweep(t.Context(), chain.WalletID{}, [32]byte{}, 0, big.NewInt(1)),
				} {
					var refusal *chain.Refusal
					switch c.want {
					case "ok":
						require.NoError(t, err)
					case "":
						require.ErrorIs(t, err, chain.ErrNoQuorum)
						require.NotErrorAs(t, err, &refusal, "what a minority refuses is nobody's fault")
					case "-":
						require.ErrorAs(t, err, &refusal)
						require.Empty(t, refusal.Reason)
					default:
						require.ErrorAs(t, err, &refusal)
						require.Equal(t, c.want, refusal.Reason)
					}
				}
			})
		})
	}
}

func TestNothingIsValidatedAtAnOldAgreement(t *testing.T) {
	in(t, 3, nil, func(t *testing.T, r *rig) {
		r.fall(ill{refuse: true}, "b", "c")
		time.Sleep(twoPolls)
		r.fall(ill{hang: true}, "b", "c")
		before := r.fakes[0].count("validate")
		require.ErrorIs(t, r.ValidateHeartbeat(t.Context(), chain.WalletID{}, [16]byte{}), chain.ErrNoQuorum)
		require.Equal(t, before, r.fakes[0].count("validate"))
	})
}

// A follower refuses a proposal that the contract refused at several heads (rule R5). Two verdicts at one block would be
// counted as two.
func TestR5AVerdictIsOfTheHeadThatWasDelivered(t *testing.T) {
	in(t, 5, func(_ *rig, c *Config) { c.PollEvery = 20 * time.Second }, func(t *testing.T, r *rig) {
		for n := range chain.Height(6) {
			time.Sleep(6 * time.Second) // more than a quarter of the interval
			r.truth.advance(1)
			synctest.Wait()
			require.Equal(t, 1001+n, r.delivered()[len(r.delivered())-1].Height)
			require.NoError(t, r.ValidateHeartbeat(t.Context(), chain.WalletID{}, [16]byte{}))
			synctest.Wait() // three verdicts are enough, and not everybody was heard yet
			var newest chain.Height
			for _, f := range r.fakes {
				newest = max(newest, f.validatedAt())
			}
			require.Equal(t, 1001+n, newest)
			header, err := r.Header(t.Context(), 1001+n)
			require.NoError(t, err)
			require.Equal(t, trueHeader(1001+n), header)
		}
	})
}

func TestAHeadThatOnlyOneShowsHoldsNothingUp(t *testing.T) {
	in(t, 5, nil, func(t *testing.T, r *rig) {
		time.Sleep(1500 * time.Millisecond) // more than a quarter of the interval
		r.fall(ill{ahead: 2}, "a")
		r.truth.advance(1)
		synctest.Wait()
		requireUnbroken(t, r.delivered(), 1000, 1001)
		began := time.Now()
		require.NoError(t, r.ValidateHeartbeat(t.Context(), chain.WalletID{}, [16]byte{}))
		require.Zero(t, time.Since(began))
	})
}

// What one endpoint showed while there was no quorum is no block to validate at, nor is one below it.
func TestNothingIsValidatedBelowAHeadThatNobodyAgreedTo(t *testing.T) {
	f := &forger{above: 60, many: 60}
	withForger(t, f, func(t *testing.T, r *rig) {
		r.fall(ill{refuse: true}, "b", "c", "d", "e")
		time.Sleep(twoPolls)
		f.begin()
		synctest.Wait()
		require.EqualValues(t, 1060, r.delivered()[len(r.delivered())-1].Height)
		r.fall(ill{}, "b", "c", "d", "e")
		time.Sleep(twoPolls)
		require.True(t, r.Snapshot().Quorum)
		require.ErrorIs(t, r.ValidateHeartbeat(t.Context(), chain.WalletID{}, [16]byte{}), chain.ErrNoQuorum)
		r.truth.advance(1)
		time.Sleep(6 * time.Second)
		require.Equal(t, trueHeader(1001), r.delivered()[len(r.delivered())-1])
		require.NoError(t, r.ValidateHeartbeat(t.Context(), chain.WalletID{}, [16]byte{}))
	})
}

func TestBeforeAHeadWasDeliveredTheAgreedOneIsValidatedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTruth(2) // the ring has the first block, too
		f := newFake(w, "a")
		p, err := New(t.Context(), Config{Members: members(f, newFake(w, "b")), ChainID: truthChain}, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		defer p.Close()
		require.NoError(t, p.ValidateHeartbeat(t.Context(), chain.WalletID{}, [16]byte{}))
		synctest.Wait()
		require.EqualValues(t, 2, f.validatedAt())
	})
}

func TestIdentity(t *testing.T) {
	in(t, 3, func(_ *rig, c *Config) { c.ChainID = 0 }, func(t *testing.T, r *rig) {
		id, err := r.ChainID(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, truthChain, id)
		hash, err := r.Genesis(t.Context())
		require.NoError(t, err)
		require.Equal(t, trueHeader(0).Hash, hash)

		r.fall(ill{refuse: true}, "b", "c")
		_, err = r.ChainID(t.Context())
		require.ErrorIs(t, err, chain.ErrNoQuorum)
		_, err = r.Genesis(t.Context())
		require.ErrorIs(t, err, chain.ErrNoQuorum, "one endpoint's word is not enough")
	})
	synctest.Test(t, func(t *testing.T) {
		w := newTruth(10)
		p, err := New(t.Context(), Config{Members: members(newFake(w, "a"), newFake(w, "b")), ChainID: 7}, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		defer p.Close()
		id, err := p.ChainID(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 7, id, "the configured one")
		require.Equal(t, WrongChain, p.Snapshot().Endpoints[0].Reason)
	})
}
