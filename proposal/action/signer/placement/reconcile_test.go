package placement

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

var discard = slog.New(slog.DiscardHandler)

// kinds returns what was found of a backend.
func (r *rig) kinds(id string) (kinds []Discrepancy) {
	for _, f := range r.status(id).Findings {
		kinds = append(kinds, f.Kind)
	}
	return kinds
}

// A node is killed between the steps of a key generation, and another start finds what is right at each of them.
func TestKilledBetweenTheStepsOfAKeyGeneration(t *testing.T) {
	for name, stage := range map[string]struct {
		until     int // the step before which it was killed
		findings  []Discrepancy
		sign      error
		homeStays bool
	}{
		"before the assignment was written":   {until: 0, sign: ErrNoSigner},
		"before the key was generated":        {until: 1, sign: ErrNoSigner, homeStays: true},
		"before the key was confirmed":        {until: 2, sign: ErrNoSigner, homeStays: true},
		"after the key was confirmed":         {until: 3, homeStays: true},
		"after the generation was given up":   {until: 4, sign: ErrNoSigner, findings: []Discrepancy{Orphan}},
		"before the assignment, key is there": {until: 5, sign: ErrNoSigner, findings: []Discrepancy{Orphan}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, "a", "b", "c")
				r.start()
				defer func() { r.stop() }()
				s := session(42)
				home := "a"
				k := keyOf(s)
				if stage.until >= 1 && stage.until <= 4 {
					home = r.choose(s)
				}
				if stage.until >= 2 {
					r.enclaves[home].hold(s)
				}
				switch stage.until {
				case 3:
					require.NoError(t, r.pool.Confirm(t.Context(), s, k.Wallet))
				case 4:
					require.NoError(t, r.pool.Abandon(t.Context(), s))
				}

				slices.Reverse(r.specs)
				r.add("d")
				r.start() // killed, and started with another configuration
				err := r.pool.Unsignable(k.Wallet)
				if stage.sign == nil {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, stage.sign)
				}
				require.Equal(t, stage.findings, r.kinds(home))
				if !stage.homeStays {
					return
				}
				require.Equal(t, home, r.choose(s), "the session keeps its backend")
				r.enclaves[home].hold(s)
				require.NoError(t, r.pool.Confirm(t.Context(), s, k.Wallet))
				require.NoError(t, r.pool.Confirm(t.Context(), s, k.Wallet), "again")
				require.NoError(t, r.pool.Unsignable(k.Wallet))
				require.NoError(t, r.pool.Abandon(t.Context(), s))
				require.NoError(t, r.pool.Unsignable(k.Wallet), "what was confirmed stays")
			})
		})
	}
}

func TestAMissingKeyIsLostUntilItIsThereAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, "a")
		r.start()
		defer func() { r.stop() }()
		k, other := r.generate(1), r.generate(2)
		r.enclaves["a"].set(func(e *enclave) { delete(e.keys, k.Wallet) })
		r.start()
		require.Equal(t, []Discrepancy{Missing}, r.kinds("a"))
		require.ErrorIs(t, r.pool.Unsignable(k.Wallet), ErrUnsound)
		require.NoError(t, r.pool.Unsignable(other.Wallet))
		require.Equal(t, Lost, r.log.rows[k.Session].State)
		require.Equal(t, 1, r.status("a").Lost)

		r.enclaves["a"].hold(k.Session)
		r.pass(2 * time.Minute)
		require.NoError(t, r.pool.Unsignable(k.Wallet))
		require.Equal(t, Assigned, r.log.rows[k.Session].State)
	})
}

func TestAWalletInTwoBackendsIsRefusedInBoth(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, "a", "b")
		r.start()
		defer func() { r.stop() }()
		k := r.generate(1)
		home := r.homes()[k.Wallet]
		other := map[string]string{"a": "b", "b": "a"}[home]
		r.enclaves[other].hold(k.Session)
		r.start()
		require.Equal(t, []Discrepancy{Duplicate}, r.kinds(home))
		require.Equal(t, []Discrepancy{Orphan, Duplicate}, r.kinds(other))
		require.ErrorIs(t, r.pool.Unsignable(k.Wallet), ErrUnsound)
		require.ErrorContains(t, r.pool.Unsignable(k.Wallet), "duplicate")
	})
}

func TestAKeyThatIsNotTheWalletsIsRefused(t *testing.T) {
	for name, change := range map[string]func(k *signer.Key){
		"group key": func(k *signer.Key) { k.GroupKey = slices.Clone(k.GroupKey); k.GroupKey[9]++ },
		"length":    func(k *signer.Key) { k.GroupKey = k.GroupKey[:33] },
		"wallet":    func(k *signer.Key) { k.Wallet[3]++ },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, "a")
				r.start()
				defer func() { r.stop() }()
				k := r.generate(1)
				r.enclaves["a"].set(func(e *enclave) {
					bad := e.keys[k.Wallet]
					change(&bad)
					e.keys = map[chain.WalletID]signer.Key{bad.Wallet: bad}
				})
				r.start()
				require.Equal(t, []Discrepancy{Mismatch}, r.kinds("a"))
				require.ErrorIs(t, r.pool.Unsignable(k.Wallet), ErrUnsound)
			})
		})
	}
}

func sign(t *testing.T, r *rig, wallet chain.WalletID) {
	t.Helper()
	backend, err := r.pool.For(wallet)
	require.NoError(t, err)
	_, err = backend.Sign(t.Context(), signer.SignRound{Open: &signer.SignOpen{Intent: signer.Intent{Wallet: wallet}}})
	require.NoError(t, err)
}

// betweenSignatures has a backend sign twice, and returns its copy of a key from between the two.
func betweenSignatures(t *testing.T, r *rig, wallet chain.WalletID) signer.Key {
	t.Helper()
	sign(t, r, wallet)
	copied := r.enclaves["a"].keys[wallet]
	sign(t, r, wallet)
	r.pass(6 * time.Second)
	return copied
}

// The count of signatures is written down soon after each, so that an older copy of a backend's files is found out.
func TestABackendThatForgotSignaturesIsFrozen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, "a")
		r.start()
		defer func() { r.stop() }()
		k, other := r.generate(1), r.generate(2)
		copied := betweenSignatures(t, r, k.Wallet)
		require.EqualValues(t, 2, r.log.rows[k.Session].Signatures)
		require.EqualValues(t, 2, r.status("a").Calls.Signatures)

		r.enclaves["a"].set(func(e *enclave) { e.keys[k.Wallet], e.health.BootID = copied, "2" })
		r.pass(6 * time.Second)
		require.Equal(t, []Discrepancy{RolledBack}, r.kinds("a"))
		require.ErrorIs(t, r.pool.Unsignable(k.Wallet), ErrUnsound)
		require.NoError(t, r.pool.Unsignable(other.Wallet))
		require.Equal(t, []signer.StateChange{{State: signer.KeyFrozen, Why: "rolled_back"}}, r.enclaves["a"].frozen)
		r.pass(time.Hour)
		require.Len(t, r.enclaves["a"].frozen, 1, "once")
		require.EqualValues(t, 2, r.log.rows[k.Session].Signatures, "what was recorded stays")
		r.start()
		require.ErrorIs(t, r.pool.Unsignable(k.Wallet), ErrUnsound, "also for the next start")
	})
}

// A backend that is set back right before an action is found out by that action, whichever attempt it is at, and not five seconds
// later; what it holds is then compared at once.
func TestABackendThatForgotSignaturesIsNotAskedForTheNext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, "a")
		r.start()
		defer func() { r.stop() }()
		k, other := r.generate(1), r.generate(2)
		copied := betweenSignatures(t, r, k.Wallet)
		backend, err := r.pool.For(k.Wallet)
		require.NoError(t, err)
		_, err = backend.Brief(t.Context(), k.Wallet)
		require.NoError(t, err)

		for name, ask := range map[string]func() error{
			"the action begins": func() error { _, err := backend.Brief(t.Context(), k.Wallet); return err },
			"another attempt begins": func() error {
				open := signer.SignOpen{Intent: signer.Intent{Wallet: k.Wallet}, Attempt: 2}
				_, err := backend.Sign(t.Context(), signer.SignRound{Round: 1, Open: &open})
				return err
			},
		} {
			whole := r.enclaves["a"].keys[k.Wallet]
			r.enclaves["a"].set(func(e *enclave) { e.keys[k.Wallet] = copied })
			err := ask()
			require.ErrorIs(t, err, ErrUnsound, name)
			require.ErrorContains(t, err, "rolled_back: it remembers 1 signatures, and had made 2", name)
			synctest.Wait() // no time passes
			require.EqualValues(t, 1, r.enclaves["a"].keys[k.Wallet].Signatures, "%s: nothing was signed", name)
			require.Equal(t, []Discrepancy{RolledBack}, r.kinds("a"), name)
			require.ErrorIs(t, r.pool.Unsignable(k.Wallet), ErrUnsound, name)
			require.NoError(t, r.pool.Unsignable(other.Wallet), name)
			require.Equal(t, signer.KeyFrozen, r.enclaves["a"].keys[k.Wallet].State, name)
			r.enclaves["a"].set(func(e *enclave) { e.keys[k.Wallet] = whole })
			r.start()
			backend, err = r.pool.For(k.Wallet)
			require.NoError(t, err)
		}
	})
}

func TestAnInstanceFreezesTheKeysOfItsOwnWalletsOnly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, "a")
		serves := chain.WalletID{}
		r.term = func(w chain.WalletID) (signer.Term, bool) { return signer.Term{Generation: 3, Epoch: 4}, w == serves }
		r.start()
		defer func() { r.stop() }()
		mine, theirs := r.generate(1), r.generate(2)
		serves = mine.Wallet
		sign(t, r, mine.Wallet)
		sign(t, r, theirs.Wallet)
		r.pass(6 * time.Second)
		r.enclaves["a"].set(func(e *enclave) {
			e.keys = map[chain.WalletID]signer.Key{mine.Wallet: keyOf(mine.Session), theirs.Wallet: keyOf(theirs.Session)}
		})
		r.start()
		require.Equal(t, []signer.StateChange{{State: signer.KeyFrozen, Why: "rolled_back", Term: signer.Term{Generation: 3, Epoch: 4}}}, r.enclaves["a"].frozen)
		require.ErrorIs(t, r.pool.Unsignable(theirs.Wallet), ErrUnsound)
	})
}

func TestAFrozenKeyIsNotUsed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, "a")
		r.start()
		defer func() { r.stop() }()
		k := r.generate(1)
		r.enclaves["a"].set(func(e *enclave) {
			frozen := e.keys[k.Wallet]
			frozen.State, frozen.Why = signer.KeyFrozen, "export"
			e.keys[k.Wallet] = frozen
		})
		r.start()
		require.ErrorIs(t, r.pool.Unsignable(k.Wallet), signer.ErrFrozen)
		require.ErrorContains(t, r.pool.Unsignable(k.Wallet), "export")
	})
}

func TestAnOrphanIsListedAndDisturbsNobody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, "a")
		r.enclaves["a"].hold(session(9))
		r.start()
		defer func() { r.stop() }()
		k := r.generate(1)
		require.Equal(t, []Discrepancy{Orphan}, r.kinds("a"))
		require.NoError(t, r.pool.Unsignable(k.Wallet))
		require.Len(t, r.enclaves["a"].keys, 2, "nothing is deleted")
	})
}

// loop lists the same keys again and again.
type loop struct {
	*enclave
	keys []signer.Key
}

// Keys implements signer.Backend, wrongly.
func (l loop) Keys(context.Context, *chain.WalletID, int) ([]signer.Key, error) { return l.keys, nil }

func TestABackendThatListsKeysInNoOrderIsNotUsed(t *testing.T) {
	keys := make([]signer.Key, pageSize)
	for i := range keys {
		keys[i] = keyOf(session(i))
	}
	slices.SortFunc(keys, func(a, b signer.Key) int { return bytes.Compare(a.Wallet[:], b.Wallet[:]) })
	bubble(t, func(t *testing.T) {
		r := newRig(t, "a")
		p, err := New(Config{Log: r.log, Logger: discard, Members: []Member{{Spec{ID: "a", Weight: 1}, loop{r.enclaves["a"], keys}}}})
		require.NoError(t, err)
		_, err = p.list(t.Context(), p.members[0])
		require.ErrorContains(t, err, "order")
		require.Empty(t, p.members[0].holds.keys)
	})
}

// BenchmarkReconcile is a start with 1000 wallets in four backends: the goal is a second.
func BenchmarkReconcile(b *testing.B) {
	log, enclaves := newMemory(), map[string]*enclave{}
	var members []Member
	for i := range 4 {
		id := idOf(i)
		enclaves[id] = newEnclave("identity of " + id)
		members = append(members, Member{Spec{ID: id, Weight: 1}, enclaves[id]})
	}
	for i := range 1000 {
		id, k := idOf(i%4), keyOf(session(i))
		enclaves[id].keys[k.Wallet] = k
		log.rows[k.Session] = Assignment{Session: k.Session, Wallet: k.Wallet, Backend: id, State: Assigned}
	}
	for b.Loop() {
		p, err := New(Config{Members: members, Policy: Derived, Log: log, Logger: discard})
		require.NoError(b, err)
		_, err = p.load(b.Context())
		require.NoError(b, err)
		for _, m := range p.members {
			p.probed(b.Context(), m, p.probe(b.Context(), m))
		}
		for _, a := range p.Where() {
			require.NoError(b, p.Unsignable(a.Wallet))
		}
	}
}
