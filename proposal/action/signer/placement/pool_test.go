package placement

import (
	"context"
	mathrand "math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

func TestAddingAndReorderingMovesNoWallet(t *testing.T) {
	for _, policy := range policies() {
		t.Run(string(policy), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, "a", "b", "c")
				r.policy = policy
				r.start()
				defer func() { r.stop() }()
				for i := range 60 {
					r.generate(i)
				}
				was := r.homes()
				require.Len(t, was, 60)

				slices.Reverse(r.specs)
				r.start()
				require.Equal(t, was, r.homes(), "the order of the configuration")
				r.add("d")
				r.start()
				require.Equal(t, was, r.homes(), "a new backend")
				for wallet := range was {
					require.NoError(t, r.pool.Unsignable(wallet))
				}
				for i := range 60 {
					r.generate(1000 + i)
				}
				require.NotZero(t, r.status("d").Wallets, "it takes part in new wallets")
			})
		})
	}
}

func TestARetiredBackendGetsNoNewWalletsAndServesItsOwn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, "a", "b", "c")
		r.start()
		defer func() { r.stop() }()
		for i := range 30 {
			r.generate(i)
		}
		had := r.status("b").Wallets
		require.NotZero(t, had)
		require.NoError(t, r.pool.Say(t.Context(), "b", Retired, "operator", false))
		for i := range 300 {
			r.generate(1000 + i)
		}
		require.Equal(t, had, r.status("b").Wallets)
		require.InDelta(t, r.status("a").Wallets, r.status("c").Wallets, 80)
		for wallet, home := range r.homes() {
			require.NoError(t, r.pool.Unsignable(wallet), home)
		}
		require.False(t, r.status("b").SafeToShutDown)

		r.log.mu.Lock() // its wallets are put away, one by one
		for s, a := range r.log.rows {
			if a.Backend == "b" {
				a.Archived = true
				r.log.rows[s] = a
			}
		}
		r.log.mu.Unlock()
		r.pass(time.Minute)
		require.True(t, r.status("b").SafeToShutDown)
		require.False(t, r.status("a").SafeToShutDown)
	})
}

// Of 10 000 wallets that a pool itself places none goes to a retired backend, and the others take what they weigh.
func TestNoneOfTenThousandWalletsGoToARetiredBackend(t *testing.T) {
	for _, policy := range policies() {
		t.Run(string(policy), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, "a", "b", "c")
				r.policy, r.specs[2].Weight = policy, 3
				r.start()
				defer r.stop()
				r.pool.draw = mathrand.New(mathrand.NewPCG(1, 2)).Uint64N //nolint:gosec // a test that can be repeated
				counts := map[string]int{}
				for i := range 100 {
					counts[r.choose(session(wallets+i))]++
				}
				require.NotZero(t, counts["b"], "it was one of them")

				require.NoError(t, r.pool.Say(t.Context(), "b", Retired, "operator", false))
				clear(counts)
				for i := range wallets {
					if i%20 == 0 {
						r.log.forget() // a choice reads all assignments: of thousands it would take the test minutes
					}
					counts[r.choose(session(i))]++
				}
				require.Zero(t, counts["b"])
				requireSpread(t, []candidate{{ID: "a", Weight: 1}, {ID: "c", Weight: 3}}, counts, wallets)
			})
		})
	}
}

func TestAFailedBackendIsRefusedAtOnceAlsoInAnActionUnderWay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, "a")
		r.start()
		defer func() { r.stop() }()
		k := r.generate(1)
		backend, err := r.pool.For(k.Wallet)
		require.NoError(t, err)
		round := signer.SignRound{Open: &signer.SignOpen{Intent: signer.Intent{Wallet: k.Wallet}}}
		_, err = backend.Sign(t.Context(), round)
		require.NoError(t, err)

		require.NoError(t, r.pool.Say(t.Context(), "a", Failed, "operator", false))
		_, err = backend.Sign(t.Context(), round)
		require.ErrorIs(t, err, ErrBackendFailed)
		_, err = r.pool.For(k.Wallet)
		require.ErrorIs(t, err, ErrBackendFailed)
		_, err = r.pool.Choose(t.Context(), session(2), signer.FROST)
		require.ErrorIs(t, err, errNoCandidate)
		require.ErrorIs(t, err, ErrBackendFailed, "it says why")
		r.pass(time.Minute)
		asked := r.enclaves["a"].asked
		r.pass(time.Minute)
		require.Equal(t, asked, r.enclaves["a"].asked, "it is not asked for anything")

		require.NoError(t, r.pool.Say(t.Context(), "a", Active, "operator", false))
		require.ErrorIs(t, r.pool.Unsignable(k.Wallet), ErrUnavailable, "it has to be compared first")
		r.pass(time.Minute)
		require.NoError(t, r.pool.Unsignable(k.Wallet))
	})
}

func TestTheOperatorsWordReachesEveryInstance(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, "a")
		r.start()
		defer r.stop()
		k := r.generate(1)
		there := &rig{t: t, log: r.log, enclaves: r.enclaves, specs: r.specs, policy: Derived}
		there.start()
		defer there.stop()
		require.NoError(t, there.pool.Unsignable(k.Wallet), "it was made by another instance")

		require.NoError(t, r.pool.Say(t.Context(), "a", Failed, "operator", false))
		there.pass(2 * time.Second)
		require.ErrorIs(t, there.pool.Unsignable(k.Wallet), ErrBackendFailed)
		require.Equal(t, "operator", there.status("a").Word.By)

		second := r.log
		_, err := second.Assign(t.Context(), session(2), "a", Derived)
		require.NoError(t, err)
		other := r.enclaves["a"].hold(session(2))
		require.NoError(t, second.Confirm(t.Context(), session(2), other.Wallet))
		require.NoError(t, r.pool.Say(t.Context(), "a", Active, "operator", false))
		there.pass(10 * time.Second)
		require.NoError(t, there.pool.Unsignable(other.Wallet))
		require.ErrorIs(t, there.pool.Say(t.Context(), "none", Failed, "operator", false), ErrUnknown)
	})
}

// A start does not need all backends; the wallets of one that is down wait for it.
func TestABackendThatIsDownDelaysItsOwnWalletsOnly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, "a", "b")
		r.start()
		defer func() { r.stop() }()
		var wallets []chain.WalletID
		for i := range 20 {
			wallets = append(wallets, r.generate(i).Wallet)
		}
		homes := r.homes()
		r.enclaves["a"].set(func(e *enclave) { e.down = errDown })
		r.start()
		for _, w := range wallets {
			if homes[w] == "a" {
				require.ErrorIs(t, r.pool.Unsignable(w), ErrUnavailable)
				require.ErrorIs(t, r.pool.Unsignable(w), errDown, "it says why")
			} else {
				require.NoError(t, r.pool.Unsignable(w))
			}
		}
		r.pass(time.Minute)
		require.Equal(t, Suspect, r.status("a").Standing)
		require.Equal(t, "b", r.choose(session(500)), "a suspect gets no new wallets")

		r.enclaves["a"].set(func(e *enclave) { e.down = nil })
		r.pass(10 * time.Second)
		require.Equal(t, Healthy, r.status("a").Standing)
		require.Equal(t, homes[wallets[0]], r.homes()[wallets[0]])
		for _, w := range wallets {
			require.NoError(t, r.pool.Unsignable(w))
		}
	})
}

func TestOneFailedProbeIsNoSuspicion(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, "a")
		r.start()
		defer r.stop()
		k := r.generate(1)
		r.enclaves["a"].set(func(e *enclave) { e.down = errDown })
		r.pass(10 * time.Second)
		require.Equal(t, Healthy, r.status("a").Standing)
		require.NotEmpty(t, r.status("a").Trouble)
		require.NoError(t, r.pool.Unsignable(k.Wallet))
		r.pass(5 * time.Second)
		require.Equal(t, Suspect, r.status("a").Standing)
		require.ErrorIs(t, r.pool.Unsignable(k.Wallet), ErrUnavailable)
	})
}

// stuck is a backend that answers nothing until it is given up.
type stuck struct{ signer.Backend }

func (stuck) Health(ctx context.Context) (signer.Health, error) {
	<-ctx.Done()
	return signer.Health{}, ctx.Err()
}

func TestABackendThatDoesNotAnswerIsDown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, "a")
		pool, err := New(Config{
			Members: []Member{{r.specs[0], r.enclaves["a"]}, {Spec{ID: "stuck", Weight: 1}, stuck{}}}, Policy: Derived, Log: r.log, Logger: discard,
		})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- pool.Run(ctx) }()
		r.pass(time.Minute)
		all := pool.Backends()
		require.Equal(t, Healthy, all[0].Standing)
		require.Equal(t, Suspect, all[1].Standing)
		cancel()
		require.NoError(t, <-done)
	})
}

func TestAnotherBackendUnderAKnownIDIsRefusedUnlessTheOperatorSaysSo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, "a")
		r.start()
		defer func() { r.stop() }()
		k := r.generate(1)
		other := newEnclave("somebody else")
		other.hold(k.Session)
		r.enclaves["a"] = other
		r.start()
		require.Equal(t, Foreign, r.status("a").Standing)
		require.ErrorIs(t, r.pool.Unsignable(k.Wallet), errOtherBackend)
		require.ErrorIs(t, r.pool.Unsignable(k.Wallet), ErrUnavailable)
		r.pass(time.Hour)
		require.Equal(t, Foreign, r.status("a").Standing)

		require.NoError(t, r.pool.Say(t.Context(), "a", Active, "operator", true))
		r.pass(10 * time.Second)
		require.Equal(t, Healthy, r.status("a").Standing)
		require.Equal(t, "somebody else", r.status("a").Identity)
		require.NoError(t, r.pool.Unsignable(k.Wallet))
	})
}

func TestOneBackendUnderTwoIDsIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, "a")
		r.start()
		defer func() { r.stop() }()
		r.specs = append(r.specs, Spec{ID: "b", Weight: 1})
		r.enclaves["b"] = r.enclaves["a"]
		r.start()
		r.pass(10 * time.Second)
		require.Equal(t, Healthy, r.status("a").Standing)
		require.Equal(t, Foreign, r.status("b").Standing)
		require.Contains(t, r.status("b").Trouble, "called a")
	})
}

func TestABackendThatLeftTheConfigurationIsListedWithItsWallets(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, "a")
		r.start()
		defer func() { r.stop() }()
		k := r.generate(1)
		r.specs, r.enclaves = nil, map[string]*enclave{}
		r.add("b")
		r.start()
		require.ErrorIs(t, r.pool.Unsignable(k.Wallet), ErrUnavailable)
		require.ErrorContains(t, r.pool.Unsignable(k.Wallet), "signer a is not in the configuration")
		gone := r.status("a")
		require.True(t, gone.Removed)
		require.Equal(t, 1, gone.Wallets)
	})
}

func TestACapacityAndASchemeAreHeeded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, "full", "frost", "closed")
		r.enclaves["full"].set(func(e *enclave) { e.health.Capacity = 1 })
		r.enclaves["full"].hold(session(7777))
		r.enclaves["frost"].set(func(e *enclave) { e.health.Schemes = []signer.Scheme{signer.FROST} })
		r.enclaves["closed"].set(func(e *enclave) { e.health.Accepting = false })
		r.start()
		defer r.stop()
		for i := range 20 {
			require.Equal(t, "frost", r.choose(session(i)))
		}
		_, err := r.pool.Choose(t.Context(), session(100), signer.CMP)
		require.ErrorIs(t, err, errNoCandidate)
		for _, why := range []string{"full", "scheme cmp", "no new keys"} {
			require.ErrorContains(t, err, why)
		}
	})
}

func TestWithoutBackendsThereIsNoSigner(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t)
		require.ErrorIs(t, func() error { p, _ := New(Config{Log: r.log, Logger: discard}); return p.Unsignable(chain.WalletID{}) }(), ErrUnavailable)
		r.start()
		defer r.stop()
		_, err := r.pool.For(chain.WalletID{1})
		require.ErrorIs(t, err, signer.ErrNoSigner)
		_, err = r.pool.Choose(t.Context(), session(1), signer.FROST)
		require.ErrorIs(t, err, errNoCandidate)
		require.ErrorContains(t, err, "[[signers]]")
	})
}

func TestAConfigurationThatMakesNoSenseIsRefused(t *testing.T) {
	e, log := newEnclave("x"), newMemory()
	for _, members := range [][]Member{
		{{Spec{ID: "a"}, e}},
		{{Spec{ID: "", Weight: 1}, e}},
		{{Spec{ID: "a", Weight: 1}, nil}},
		{{Spec{ID: "a", Weight: 1}, e}, {Spec{ID: "a", Weight: 1}, newEnclave("y")}},
	} {
		_, err := New(Config{Members: members, Log: log, Logger: discard})
		require.Error(t, err)
	}
	_, err := New(Config{Log: log})
	require.Error(t, err)
	_, err = ParseState("away")
	require.ErrorContains(t, err, "active, retired, failed")
}

// While the database is away, what was read of it counts, and no backend is blamed.
func TestADatabaseThatIsAwayStopsNoSigner(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, "a")
		r.start()
		defer r.stop()
		k := r.generate(1)
		r.log.fail(errDown)
		r.pass(10 * time.Minute)
		require.Equal(t, Healthy, r.status("a").Standing)
		require.NoError(t, r.pool.Unsignable(k.Wallet))
		_, err := r.pool.Choose(t.Context(), session(2), signer.FROST)
		require.ErrorIs(t, err, errDown, "nothing is begun that is not written down")
	})
}
