package placement

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// export does to a wallet's key what walletnode signer export and import do, and returns where it was and is.
func (r *rig) export(k signer.Key) (from, to string) {
	r.t.Helper()
	from = r.homes()[k.Wallet]
	to = map[string]string{"a": "b", "b": "a"}[from]
	r.enclaves[from].set(func(e *enclave) {
		old := e.keys[k.Wallet]
		moved := old
		old.State, old.Why = signer.KeyFrozen, signer.WhyExported
		e.keys[k.Wallet] = old
		r.enclaves[to].set(func(e *enclave) { e.keys[k.Wallet] = moved })
	})
	return from, to
}

// A wallet's key was exported from one signer and imported into another: the operator says so, and the other one serves it.
func TestAWalletFollowsItsKeyByTheOperatorsWord(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, "a", "b")
		r.start()
		defer func() { r.stop() }()
		k, other := r.generate(1), r.generate(2)
		sign(t, r, k.Wallet)
		r.pass(6 * time.Second)
		from, to := r.export(k)
		r.pass(time.Minute)
		err := r.pool.Unsignable(k.Wallet)
		require.ErrorIs(t, err, ErrUnsound)
		require.ErrorContains(t, err, fmt.Sprintf("walletnode signers move %v %s", k.Wallet, to), "what to do is told")
		require.NotContains(t, r.kinds(to), Duplicate, "it is there in name only")
		require.NotContains(t, r.kinds(from), Duplicate)
		require.NoError(t, r.pool.Unsignable(other.Wallet))

		second := r.pool // another instance on the same records
		r.stop = nil
		r.start()
		require.NoError(t, r.pool.Move(t.Context(), k.Wallet, to))
		require.NoError(t, r.pool.Move(t.Context(), k.Wallet, to), "it was moved already")
		r.pass(6 * time.Second)
		for _, pool := range []*Pool{r.pool, second} {
			require.NoError(t, pool.Unsignable(k.Wallet))
			home, _ := pool.Home(k.Wallet)
			require.Equal(t, to, home)
		}
		sign(t, r, k.Wallet)
		r.pass(6 * time.Second)
		require.EqualValues(t, 2, r.log.rows[k.Session].Signatures, "the count goes on")
		require.Equal(t, []Discrepancy{Orphan}, r.kinds(from))
		require.NotContains(t, r.kinds(to), Orphan)
		require.NoError(t, r.pool.Say(t.Context(), from, Retired, "me", false))
		require.Equal(t, r.homes()[other.Wallet] != from, r.status(from).SafeToShutDown)
		r.start()
		require.NoError(t, r.pool.Unsignable(k.Wallet), "also for the next start")
	})
}

// Nothing is moved on somebody's word alone: a signer that could still use the key, or that does not have it whole, keeps or
// gets no wallet.
func TestAWalletIsMovedOnlyWhereItsKeyIs(t *testing.T) {
	for name, row := range map[string]struct {
		change func(r *rig, k signer.Key, from, to string)
		why    string
	}{
		"it was not exported": {func(r *rig, k signer.Key, from, _ string) {
			r.enclaves[from].set(func(e *enclave) { e.keys[k.Wallet] = k })
		}, "has not exported it"},
		"it was frozen for another reason": {func(r *rig, k signer.Key, from, _ string) {
			r.enclaves[from].set(func(e *enclave) {
				k.State, k.Why = signer.KeyFrozen, "the operator is away"
				e.keys[k.Wallet] = k
			})
		}, "has not exported it"},
		"the new one does not hold it": {func(r *rig, k signer.Key, _, to string) {
			r.enclaves[to].set(func(e *enclave) { delete(e.keys, k.Wallet) })
		}, "does not hold this key"},
		"the new one has forgotten": {func(r *rig, k signer.Key, _, to string) {
			r.enclaves[to].set(func(e *enclave) { k.Signatures = 0; e.keys[k.Wallet] = k })
		}, "remembers 0 signatures, and 1 were made"},
		"the new one may not use it": {func(r *rig, k signer.Key, _, to string) {
			r.enclaves[to].set(func(e *enclave) { k.State = signer.KeyPending; e.keys[k.Wallet] = k })
		}, "its key is pending"},
		"another key generation's": {func(r *rig, k signer.Key, _, to string) {
			r.enclaves[to].set(func(e *enclave) { k.Session[0] ^= 1; k.Signatures = 1; e.keys[k.Wallet] = k })
		}, "of key generation"},
		"another key": {func(r *rig, k signer.Key, _, to string) {
			r.enclaves[to].set(func(e *enclave) {
				k.GroupKey = append(bytes.Clone(k.GroupKey[:64]), k.GroupKey[64]^1)
				e.keys[k.Wallet] = k
			})
		}, "group key"},
		"the old one does not answer": {func(r *rig, _ signer.Key, from, _ string) {
			r.enclaves[from].set(func(e *enclave) { e.down = errDown })
		}, "walletnode signers fail"},
		"the new one does not answer": {func(r *rig, _ signer.Key, _, to string) {
			r.enclaves[to].set(func(e *enclave) { e.down = errDown })
		}, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, "a", "b")
				r.start()
				defer func() { r.stop() }()
				k := r.generate(1)
				sign(t, r, k.Wallet)
				r.pass(6 * time.Second)
				from, to := r.export(k)
				row.change(r, k, from, to)
				r.pass(time.Minute)
				err := r.pool.Move(t.Context(), k.Wallet, to)
				require.ErrorIs(t, err, ErrNotMoved)
				require.ErrorContains(t, err, row.why)
				require.Equal(t, from, r.homes()[k.Wallet])
				require.Error(t, r.pool.Unsignable(k.Wallet))
			})
		})
	}
}

func TestMovingIsForWalletsAndSignersThatThereAre(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, "a", "b")
		r.start()
		defer func() { r.stop() }()
		k := r.generate(1)
		require.ErrorIs(t, r.pool.Move(t.Context(), chain.WalletID{9}, "a"), ErrNoSigner)
		require.ErrorIs(t, r.pool.Move(t.Context(), k.Wallet, "c"), ErrUnknown)
		r.log.fail(errDown)
		require.ErrorIs(t, r.pool.Move(t.Context(), k.Wallet, "a"), errDown)
	})
}

// A machine that burned down exports nothing: once it is declared failed its keys may be served from where they were imported to.
func TestAWalletLeavesASignerThatWasDeclaredFailed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, "a", "b")
		r.start()
		defer func() { r.stop() }()
		k := r.generate(1)
		from, to := r.export(k)
		r.enclaves[from].set(func(e *enclave) { e.down = errDown })
		r.pass(time.Minute)
		require.ErrorIs(t, r.pool.Move(t.Context(), k.Wallet, to), ErrNotMoved)
		require.NoError(t, r.pool.Say(t.Context(), from, Failed, "me", false))
		require.NoError(t, r.pool.Move(t.Context(), k.Wallet, to))
		r.pass(6 * time.Second)
		require.NoError(t, r.pool.Unsignable(k.Wallet))
	})
}

// lines counts what is logged.
type lines struct{ strings.Builder }

// A signer that does not let the node freeze a key is complained of once, and again if it says something else.
func TestAKeyThatCannotBeFrozenIsToldOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, "a")
		var out lines
		r.out = &out
		r.start()
		defer func() { r.stop() }()
		k := r.generate(1)
		sign(t, r, k.Wallet)
		r.pass(6 * time.Second)
		r.enclaves["a"].set(func(e *enclave) {
			e.keys[k.Wallet], e.lacks = keyOf(k.Session), signer.ErrForbidden
		})
		told := func() int { return strings.Count(out.String(), "Could not freeze") }
		r.pass(10 * time.Minute)
		require.Equal(t, 1, told())
		require.Greater(t, len(r.enclaves["a"].frozen), 5, "it is tried again")
		r.enclaves["a"].set(func(e *enclave) { e.lacks = signer.ErrStoreFailed })
		r.pass(10 * time.Minute)
		require.Equal(t, 2, told())
		r.enclaves["a"].set(func(e *enclave) { e.lacks = nil })
		r.pass(10 * time.Minute)
		require.Equal(t, 2, told())
		require.ErrorIs(t, r.pool.Unsignable(k.Wallet), ErrUnsound)
	})
}
