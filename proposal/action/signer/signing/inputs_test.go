package signing

import (
	"bytes"
	"context"
	"math/big"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/wire"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/bitcoin"
)

// twoInputs is a transaction that spends two outputs of the wallet, as those of kinds will that sweep.
func (w *world) twoInputs(t testing.TB) *signer.Transaction {
	t.Helper()
	own := bitcoin.ScriptOf(signer.FROST, w.wallet.Key())
	made := new(signer.Transaction)
	tx := wire.NewMsgTx(1)
	for i, value := range []int64{70_000, 30_000} {
		funds := w.fund(value)
		tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Hash: funds.TxHash()}, Sequence: wire.MaxTxInSequenceNum})
		made.Prevouts = append(made.Prevouts, signer.Prevout{Value: value, Script: own})
		made.Previous = append(made.Previous, bitcoin.Serialize(funds))
		require.Len(t, tx.TxIn, i+1)
	}
	tx.AddTxOut(wire.NewTxOut(99_000, own))
	var raw bytes.Buffer
	require.NoError(t, tx.SerializeNoWitness(&raw))
	made.Raw = raw.Bytes()
	return made
}

// Two inputs are signed one after the other, each in a session of its own. Who falls silent at the second one costs an attempt, and
// the next begins anew with both: what was signed of the first one is not used again, nor is a nonce.
func TestEachInputOfATransactionHasItsOwnSessionInEachAttempt(t *testing.T) {
	bubble(t, 3, []int{1, 1, 1, 1, 1}, func(t *testing.T, w *world) {
		tx := w.twoInputs(t)
		var o proposal.Order
		var digest signer.Digest
		var lists [2][]chain.Seat
		quiet := w.members[0]
		for window := chain.Height(900); ; window += 900 { // one that is named at first, and coordinates neither attempt
			o = w.order(window, proposal.Redemption{OutputScripts: [][]byte{{0x51}}, TxFee: big.NewInt(1000)})
			digest = signer.Intent{Wallet: o.Wallet, Window: window, Transaction: tx}.Digest(o.Proposal)
			var all []candidate
			var names [2]chain.Operator
			for i := range names {
				_, names[i] = coordinator(w.wallet, digest, uint32(i+1)) //nolint:gosec // two
			}
			for _, m := range w.members {
				all = append(all, candidate{operator: m.op, seats: seatsOf(w.wallet, m.op, allSeats(w.wallet))})
			}
			lists[0] = quorum(all, names[0], digest, 1, w.threshold)
			lists[1] = quorum(all[1:], names[1], digest, 2, w.threshold)
			if !slices.Contains(names[:], quiet.op) && slices.Contains(lists[0], 1) {
				w.at(o.Start - 1)
				break
			}
		}
		second := signer.SigningSession(digest, 1, 1, lists[0])
		quiet.tamper = func(content any) []any {
			if b, ok := content.(bundle); ok && b.session == second {
				return nil
			}
			return []any{content}
		}
		w.start()
		under := map[*member]*handling{}
		for _, m := range w.members {
			under[m] = m.handleBy(o, func(ctx context.Context) (action.Outcome, string) {
				return m.service.carryOut(ctx, o, func(context.Context, *job) (*signer.Transaction, error) { return tx, nil })
			})
		}
		w.mine(o.SigningEnd() + 1)
		var signed []byte
		for m, h := range under {
			row := m.requireSigned(o, h.over(t))
			require.Equal(t, digest, row.Digest)
			if signed != nil {
				require.Equal(t, signed, row.Signed, "all have the same")
			}
			signed = row.Signed
			require.NoError(t, bitcoin.Check(parse(t, row.Signed), tx.Prevouts))
			require.Len(t, row.Attempts, 2)
			if m != quiet {
				require.Equal(t, ResultSilent, row.Attempts[0].Result, row.Attempts[0].Detail)
				require.Equal(t, []chain.Operator{quiet.op}, row.Attempts[0].Silent)
			}
		}
		final := parse(t, signed)
		require.NotEqual(t, final.TxIn[0].Witness, final.TxIn[1].Witness)
		for seat, m := range w.members { // who asked its backend for what, in which order
			var asked, want []signer.SessionID
			for _, r := range m.backend.asked {
				if r.Open != nil {
					asked = append(asked, r.Session)
				}
			}
			for attempt, list := range lists {
				for input := range tx.Prevouts {
					if slices.Contains(list, chain.Seat(seat+1)) { //nolint:gosec // five
						want = append(want, signer.SigningSession(digest, input, uint32(attempt+1), list)) //nolint:gosec // two
					}
				}
			}
			require.Equal(t, want, asked, "seat %d", seat+1)
			if len(want) < 2 || !slices.Contains(lists[0], chain.Seat(seat+1)) || m == quiet { //nolint:gosec // five
				continue
			}
			first := m.backend.sessions[signer.SigningSession(digest, 0, 1, lists[0])].replies
			thrown := first[len(first)-1].Done
			require.NotNil(t, thrown, "the first input was signed in the first attempt, too")
			require.NotEqual(t, wire.TxWitness{thrown.Signature}, final.TxIn[0].Witness, "with other nonces")
		}
	})
}
