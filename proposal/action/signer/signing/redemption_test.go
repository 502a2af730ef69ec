package signing

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"math/big"
	"slices"
	"sync"
	"testing"

	"github.com/btcsuite/btcd/wire"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/bitcoin"
)

// fund gives the wallet a main UTXO, made by a transaction that is known.
func (w *world) fund(value int64) *wire.MsgTx {
	tx := wire.NewMsgTx(1)
	tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Hash: [32]byte{7}, Index: 1}, SignatureScript: []byte{0x51}})
	tx.AddTxOut(wire.NewTxOut(value, bitcoin.ScriptOf(signer.FROST, w.wallet.Key())))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.main = chain.UTXO{TxHash: tx.TxHash(), Value: uint64(value)} //nolint:gosec // positive
	w.known = []*wire.MsgTx{tx}
	return tx
}

// request makes a redemption request and returns its script.
func (w *world) request(n byte, amount uint64) []byte {
	script := append([]byte{0x00, 20}, make([]byte, 20)...)
	script[2] = n
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests[string(script)] = chain.RedemptionRequest{Script: script, RequestedAmount: amount, TreasuryFee: amount / 1000, TxMaxFee: 10_000}
	return script
}

func (w *world) redemption(window chain.Height, fee int64, scripts ...[]byte) proposal.Order {
	return w.order(window, proposal.Redemption{OutputScripts: scripts, TxFee: big.NewInt(fee)})
}

func parse(t *testing.T, raw []byte) *wire.MsgTx {
	t.Helper()
	tx, err := bitcoin.Parse(raw)
	require.NoError(t, err)
	return tx
}

func TestARedemptionEndsWithASignedTransaction(t *testing.T) {
	bubble(t, 3, []int{2, 1, 1}, func(t *testing.T, w *world) {
		funds := w.fund(1_000_000)
		o := w.redemption(900, 1001, w.request(1, 100_000), w.request(2, 200_000))
		w.start()
		var raw []byte
		for m, e := range w.play(o) {
			row := m.requireSigned(o, e)
			tx := parse(t, row.Signed)
			require.NoError(t, bitcoin.Check(tx, row.Intent.Transaction.Prevouts))
			require.Equal(t, "transaction "+tx.TxID(), e.detail)
			require.Equal(t, signer.Digest(tx.TxHash()), row.TxHash)
			require.Equal(t, funds.TxHash(), tx.TxIn[0].PreviousOutPoint.Hash)
			require.Len(t, tx.TxOut, 3)
			require.Equal(t, int64(100_000-100-500), tx.TxOut[1].Value)
			require.Equal(t, int64(200_000-200-501), tx.TxOut[2].Value, "the last pays what the fee cannot be divided by")
			if raw != nil {
				require.Equal(t, raw, row.Signed, "all have the same")
			}
			raw = row.Signed
		}
	})
}

// After the chain has taken the redemption the next one spends its change, which nobody has to put into a directory.
func TestTheNextRedemptionSpendsWhatWasSignedBefore(t *testing.T) {
	bubble(t, 2, []int{1, 1, 1}, func(t *testing.T, w *world) {
		w.fund(1_000_000)
		first := w.redemption(900, 1000, w.request(1, 100_000))
		w.start()
		w.play(first)
		before := w.settled(w.members[0], 900)
		next := w.redemption(1800, 1000, w.request(2, 50_000))
		for m, e := range w.play(next) {
			row := m.requireSigned(next, e)
			require.Equal(t, before.TxHash(), parse(t, row.Signed).TxIn[0].PreviousOutPoint.Hash)
			require.Empty(t, row.Intent.Replaces, "the one before was settled")
		}
	})
}

func TestAnIntentNamesThoseThatItReplaces(t *testing.T) {
	bubble(t, 2, []int{1, 1}, func(t *testing.T, w *world) {
		w.fund(1_000_000)
		script := w.request(1, 100_000)
		first := w.redemption(900, 1000, script)
		w.start()
		w.play(first) // signed, and never settled on the chain
		next := w.redemption(1800, 2000, script)
		for m, e := range w.play(next) {
			row := m.requireSigned(next, e)
			require.Equal(t, []signer.Digest{m.log.get(900).Digest}, row.Intent.Replaces)
		}
	})
}

// A node that has lost its database learns from its backend what is replaced.
func TestWhatIsReplacedIsAlsoAskedOfTheBackend(t *testing.T) {
	bubble(t, 2, []int{1, 1}, func(t *testing.T, w *world) {
		funds := w.fund(1_000_000)
		script := w.request(1, 100_000)
		w.start()
		w.play(w.redemption(900, 1000, script)) // signed, and never settled on the chain
		lost, other := w.members[0], w.members[1]
		before := other.log.get(900).Digest
		delete(lost.log.rows, 900)
		lost.backend.mu.Lock()
		spent := signer.Digest(funds.TxHash())
		lost.backend.locked = []signer.Outpoint{
			{TxHash: spent, Window: 1800, Intent: signer.Digest{4}}, // its own window's is none that it replaces
			{TxHash: spent, Window: 900, Intent: before},
			{TxHash: spent, Index: 1, Window: 900, Intent: signer.Digest{5}}, // another output
			{TxHash: signer.Digest{6}, Window: 900, Intent: signer.Digest{7}},
		}
		lost.backend.mu.Unlock()
		other.backend.locked = []signer.Outpoint{{TxHash: spent, Window: 900, Intent: before}} // it knows that itself
		next := w.redemption(1800, 2000, script)
		for m, e := range w.play(next) {
			row := m.requireSigned(next, e)
			require.Equal(t, []signer.Digest{before}, row.Intent.Replaces)
		}
	})
}

// A script that was paid before is shown to be settled: by all that lies between the payment and what is spent now.
func TestARepeatedScriptComesWithTheTransactionsBetween(t *testing.T) {
	bubble(t, 2, []int{1, 1}, func(t *testing.T, w *world) {
		w.fund(1_000_000)
		w.start()
		m := w.members[0]
		again := w.request(1, 50_000)
		var between [][]byte
		for i, scripts := range [][][]byte{{w.request(9, 50_000)}, {again}, {w.request(2, 50_000)}, {w.request(3, 50_000)}} {
			o := w.redemption(chain.Height(i+1)*900, 1000, scripts...) //nolint:gosec // a few
			w.play(o)
			w.settled(m, o.Window)
			intent := m.log.get(o.Window).Intent
			require.Empty(t, intent.Ancestors, "nothing is repeated")
			if i > 0 {
				between = append([][]byte{intent.Transaction.Raw}, between...)
			}
		}
		o := w.redemption(4500, 1000, again)
		for m, e := range w.play(o) {
			row := m.requireSigned(o, e)
			require.Equal(t, between, row.Intent.Ancestors, "from the newest to the one that paid it")
		}
		// Who was away in a window knows what it did from the next one, which spent it.
		earlier, err := m.log.Signings(t.Context(), w.wallet.ID(), 4500, 10)
		require.NoError(t, err)
		hole := append(slices.Clone(earlier[:1]), earlier[2:]...)
		intent := m.log.get(4500).Intent
		found, err := ancestors(intent.Transaction, [][]byte{again}, hole, nil)
		require.NoError(t, err)
		require.Equal(t, lineage{raw: between}, found)
	})
}

func TestAncestorsAreBounded(t *testing.T) {
	paid := append([]byte{0x00, 20}, make([]byte, 20)...)
	chained := func(n, size int) []Signing {
		var all []Signing
		from := wire.OutPoint{Hash: [32]byte{1}}
		for i := range n {
			tx := wire.NewMsgTx(1)
			tx.AddTxIn(&wire.TxIn{PreviousOutPoint: from, Sequence: wire.MaxTxInSequenceNum})
			tx.AddTxOut(wire.NewTxOut(1000, append([]byte{0x51, 32}, make([]byte, 32)...)))
			tx.AddTxOut(wire.NewTxOut(1000, paid))
			tx.AddTxOut(wire.NewTxOut(1000, make([]byte, size)))
			var raw bytes.Buffer
			require.NoError(t, tx.SerializeNoWitness(&raw))
			from = wire.OutPoint{Hash: tx.TxHash()}
			row := Signing{Window: chain.Height(i+1) * 900, Intent: signer.Intent{Transaction: &signer.Transaction{Raw: raw.Bytes()}}} //nolint:gosec // a few
			all = append([]Signing{row}, all...)
		}
		return all
	}
	for _, c := range []struct{ n, size int }{{300, 10}, {100, 5000}} {
		earlier := chained(c.n, c.size)
		followed, err := ancestors(earlier[0].Intent.Transaction, [][]byte{paid}, earlier[1:], nil)
		require.NoError(t, err)
		require.Zero(t, followed.missing)
		found := followed.raw
		total := 0
		for i, raw := range found {
			require.Equal(t, earlier[i+1].Intent.Transaction.Raw, raw, "the newest are kept")
			total += len(raw)
		}
		require.LessOrEqual(t, len(found), signer.MaxAncestors)
		require.LessOrEqual(t, total, signer.MaxAncestorBytes)
		require.True(t, len(found) == signer.MaxAncestors || total+len(found[0]) > signer.MaxAncestorBytes, "as many as may be")
	}
}

// A restart, or an heir of the wallet, signs what was stored, although the chain would now have another transaction built.
func TestAnActionThatIsTakenUpAgainSignsTheStoredIntent(t *testing.T) {
	bubble(t, 2, []int{1, 1}, func(t *testing.T, w *world) {
		funds := w.fund(1_000_000)
		o := w.redemption(900, 1000, w.request(1, 100_000))
		w.start(w.members[0])
		alone := w.members[0].handle(o)
		w.mine(o.Start + 20)
		intent := w.members[0].log.get(900)
		require.Equal(t, [32]byte(funds.TxHash()), spent(t, intent.Intent))
		alone.cancel()
		w.members[0].halt()

		w.mu.Lock()
		w.main = chain.UTXO{TxHash: [32]byte{9}, Value: 5} // what it was made of has moved on
		w.blind = true
		w.mu.Unlock()
		other := w.members[1]
		intent.Begun, intent.Attempts = 0, nil
		require.NoError(t, other.log.SaveIntent(t.Context(), intent))
		w.start()
		for m, e := range w.play(o) {
			row := m.requireSigned(o, e)
			require.Equal(t, intent.Digest, row.Digest)
			require.Equal(t, funds.TxHash(), parse(t, row.Signed).TxIn[0].PreviousOutPoint.Hash)
		}
	})
}

func spent(t *testing.T, i signer.Intent) [32]byte {
	t.Helper()
	tx, err := bitcoin.ParseUnsigned(i.Transaction.Raw)
	require.NoError(t, err)
	return tx.TxIn[0].PreviousOutPoint.Hash
}

func TestATransactionThatCannotBeBuiltEndsTheAction(t *testing.T) {
	gone := append([]byte{0x00, 20}, make([]byte, 20)...)
	for name, c := range map[string]struct {
		prepare func(w *world) proposal.Order
		want    action.Outcome
		detail  string
		atOnce  bool
	}{
		"no main UTXO": {
			func(w *world) proposal.Order { return w.redemption(900, 1000, w.request(1, 100_000)) },
			action.Unverifiable, "no main UTXO", false,
		},
		"its transaction is not known": {func(w *world) proposal.Order {
			w.fund(1_000_000)
			w.known = nil
			return w.redemption(900, 1000, w.request(1, 100_000))
		}, action.Unverifiable, "not known here", false},
		"a request is gone": {func(w *world) proposal.Order {
			w.fund(1_000_000)
			return w.redemption(900, 1000, gone)
		}, action.Invalidated, chain.ErrNoRequest.Error(), false},
		"the funds do not suffice": {func(w *world) proposal.Order {
			w.fund(50_000)
			return w.redemption(900, 1000, w.request(1, 100_000))
		}, action.Invalidated, bitcoin.ErrFunds.Error(), true},
		"the chain cannot be read": {func(w *world) proposal.Order {
			w.fund(50_000)
			w.blind = true
			return w.redemption(900, 1000, w.request(1, 100_000))
		}, action.ValidationError, errBlind.Error(), false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 2, []int{1, 1}, func(t *testing.T, w *world) {
				o := c.prepare(w)
				w.start()
				h := w.members[0].handle(o)
				if !c.atOnce {
					w.mine(o.Start + patience - 1)
					require.Empty(t, h.done, "it may still come")
				}
				w.mine(o.Start + patience)
				e := h.over(t)
				require.Equal(t, c.want, e.outcome)
				require.Contains(t, e.detail, c.detail)
				require.Empty(t, w.members[0].backend.asked)
			})
		})
	}
}

func TestWhatIsMissingAtFirstMayCome(t *testing.T) {
	bubble(t, 2, []int{1, 1}, func(t *testing.T, w *world) {
		tx := w.fund(1_000_000)
		w.known = nil
		o := w.redemption(900, 1000, w.request(1, 100_000))
		w.start()
		under := map[*member]*handling{}
		for _, m := range w.members {
			under[m] = m.handle(o)
		}
		w.mine(o.Start + 10)
		w.mu.Lock()
		w.known = []*wire.MsgTx{tx} // the operator has put it there
		w.mu.Unlock()
		w.mine(o.SigningEnd())
		for m, h := range under {
			m.requireSigned(o, h.over(t))
		}
		require.Contains(t, w.lines.String(), "directory of transactions")
	})
}

// relay takes transactions, or refuses them.
type relay struct {
	err error
	mu  sync.Mutex
	got [][]byte
}

func (r *relay) Broadcast(_ context.Context, raw []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, raw)
	return r.err
}

func TestWhatIsSignedIsHandedOnWhereThereIsSomebodyToTakeIt(t *testing.T) {
	bubble(t, 2, []int{1, 1, 1}, func(t *testing.T, w *world) {
		w.fund(1_000_000)
		takes, refuses := &relay{}, &relay{err: errors.New("no peers")}
		w.members[0].sends, w.members[1].sends = takes, refuses
		o := w.redemption(900, 1000, w.request(1, 100_000))
		w.start()
		all := w.play(o)
		for _, m := range w.members {
			m.requireSigned(o, all[m])
		}
		signed := w.members[2].log.get(900).Signed
		require.Equal(t, [][]byte{signed}, takes.got)
		require.Equal(t, [][]byte{signed}, refuses.got)
		require.Contains(t, w.lines.String(), "no peers")
		w.play(w.heartbeat(1800))
		require.Len(t, takes.got, 1, "a heartbeat's signature is no transaction")
	})
}

func TestTxIDsAreWrittenInReverse(t *testing.T) {
	require.Equal(t, "02"+hex.EncodeToString(make([]byte, 30))+"01", TxID(signer.Digest{0: 1, 31: 2}))
}
