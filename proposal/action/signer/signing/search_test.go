package signing

import (
	"slices"
	"sync/atomic"
	"testing"

	"github.com/btcsuite/btcd/wire"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/bitcoin"
)

// settled lets the chain have taken what a member signed in a window: its change is the main UTXO.
func (w *world) settled(m *member, window chain.Height) *wire.MsgTx {
	tx, err := bitcoin.Parse(m.log.get(window).Signed)
	require.NoError(w.t, err)
	require.Equal(w.t, bitcoin.Wallet{Key: w.wallet.Key(), Scheme: signer.FROST}.Script(), tx.TxOut[0].PkScript)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.main, w.known = bitcoin.UTXO{TxHash: tx.TxHash(), Value: uint64(tx.TxOut[0].Value)}, nil
	return tx
}

// One operator's node is down for a window, and the next redemption cannot be signed without it.
func TestWhoWasAwayIsGivenTheTransactionThatIsSpentNext(t *testing.T) {
	bubble(t, 2, []int{1, 1}, func(t *testing.T, w *world) {
		w.fund(1_000_000)
		w.start()
		late := w.members[1]
		w.play(w.redemption(900, 1000, w.request(1, 100_000)))
		tx := w.settled(late, 900)
		delete(late.log.rows, 900) // as if it had been away
		next := w.redemption(1800, 1000, w.request(2, 50_000))
		for m, e := range w.play(next) {
			row := m.requireSigned(next, e)
			require.Equal(t, tx.TxHash(), parse(t, row.Signed).TxIn[0].PreviousOutPoint.Hash)
		}
		require.NotContains(t, w.lines.String(), "Could not")
	})
}

// Those who sign are through before the one that lacks the transaction has asked.
func TestWhoHasSignedStillGivesTheTransaction(t *testing.T) {
	bubble(t, 2, []int{1, 1, 1}, func(t *testing.T, w *world) {
		w.fund(1_000_000)
		o := w.redemption(900, 1000, w.request(1, 100_000))
		w.start()
		late := w.members[2]
		late.ignorant = true
		first, second := w.members[0].handle(o), w.members[1].handle(o)
		w.mine(o.Start + attemptLength + 10) // the one that is late may have been the first coordinator
		w.members[0].requireSigned(o, first.over(t))
		w.members[1].requireSigned(o, second.over(t))
		h := late.handle(o)
		w.mine(o.SigningEnd())
		late.requireSigned(o, h.over(t))
	})
}

func TestWhatIsGivenIsNotBelieved(t *testing.T) {
	bubble(t, 2, []int{1, 1, 1, 1, 1}, func(t *testing.T, w *world) {
		w.fund(1_000_000)
		other := w.known[0].Copy()
		other.TxOut[0].Value++
		var gave atomic.Int32
		for _, m := range w.members[1:4] {
			m.tamper = func(content any) []any {
				if l, ok := content.(lent); ok {
					gave.Add(1)
					l.raw = bitcoin.Serialize(other)
					return []any{l, lent{l.wallet, []byte("no transaction")}}
				}
				return []any{content}
			}
		}
		o := w.redemption(900, 1000, w.request(1, 100_000))
		w.start()
		asks, honest := w.members[0], w.members[4]
		asks.ignorant = true
		under := map[*member]*handling{}
		for _, m := range w.members[:4] {
			under[m] = m.handle(o)
		}
		w.mine(o.Start + 10)
		require.Equal(t, int32(3), gave.Load())
		require.Empty(t, asks.log.get(900).Digest)
		under[honest] = honest.handle(o)
		w.mine(o.SigningEnd() + 1)
		for m, h := range under {
			m.requireSigned(o, h.over(t))
		}
	})
}

// A transaction that nobody has stays unknown, and whoever waits for it asks everybody.
func TestWhatNobodyHasIsAskedOfEverybodyAndNotFound(t *testing.T) {
	bubble(t, 2, []int{1, 1, 1, 1, 1}, func(t *testing.T, w *world) {
		w.fund(1_000_000)
		asked := map[chain.Operator]bool{}
		for _, m := range w.members {
			m.ignorant = true
			m.tamper = func(content any) []any {
				if q, ok := content.(wanted); ok {
					w.mu.Lock()
					defer w.mu.Unlock()
					for _, op := range w.wallet.Operators() {
						asked[op] = asked[op] || q.asks(w.wallet, op)
					}
				}
				return []any{content}
			}
		}
		o := w.redemption(900, 1000, w.request(1, 100_000))
		w.start()
		for _, e := range w.play(o) {
			require.Equal(t, action.Unverifiable, e.outcome)
		}
		require.Len(t, asked, 5)
		require.NotContains(t, asked, chain.Operator{})
		for _, yes := range asked {
			require.True(t, yes)
		}
		require.Empty(t, w.hub.lines, "the topic is closed")
	})
}

func TestEachTryAsksTheNextOperators(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 10, 100} {
		var roster []chain.Operator
		for i := range n {
			roster = append(roster, chain.Operator{1, byte(i)})
		}
		wallet, err := chain.NewWallet(sharesOf(t, 3, 2)[1].Key(), roster)
		require.NoError(t, err)
		asked := map[chain.Operator]int{}
		for try := range (n + lenders - 1) / lenders {
			m := wanted{wallet.ID(), signer.Digest{9}, uint32(try + 1)} //nolint:gosec // a few
			at := 0
			for _, op := range roster {
				if m.asks(wallet, op) {
					at++
					asked[op]++
				}
			}
			require.Equal(t, min(n, lenders), at)
		}
		require.Len(t, asked, n, "all of %d", n)
	}
}

func TestALenderGivesOnceAndToOperatorsOfTheWalletAlone(t *testing.T) {
	bubble(t, 2, []int{1, 1}, func(t *testing.T, w *world) {
		w.fund(1_000_000)
		o := w.redemption(900, 1000, w.request(1, 100_000))
		w.start()
		self, other := w.members[0], w.members[1]
		self.requireSigned(o, w.play(o)[self])
		tx := self.log.get(900).Intent.Transaction
		topic := w.hub.open(self.op, self.key, nil)
		defer func() { require.NoError(t, topic.Close()) }()
		l := newLender(w.wallet, self.op, tx, nil)
		right := wanted{w.wallet.ID(), l.utxo, 1}
		ask := func(by chain.Operator, change func(*wanted)) {
			m := right
			change(&m)
			l.hear(t.Context(), topic, by, m)
		}
		ask(chain.Operator{9}, func(*wanted) {})
		ask(self.op, func(*wanted) {})
		ask(other.op, func(m *wanted) { m.wallet[0]++ })
		ask(other.op, func(m *wanted) { m.utxo[0]++ })
		require.Empty(t, topic.queue)
		for range 3 {
			ask(other.op, func(*wanted) {})
		}
		require.Len(t, topic.queue, 1)
		require.Equal(t, encode(lent{w.wallet.ID(), tx.Previous[0]}), topic.queue[0].Data)

		for name, spoil := range map[string]func(*signer.Transaction){
			"no previous transaction": func(tx *signer.Transaction) { tx.Previous = nil },
			"two of them":             func(tx *signer.Transaction) { tx.Previous = slices.Repeat(tx.Previous, 2) },
			"no transaction":          func(tx *signer.Transaction) { tx.Raw = []byte{1} },
		} {
			bad := *tx
			spoil(&bad)
			require.Nil(t, newLender(w.wallet, self.op, &bad, nil).raw, name)
		}
		require.Nil(t, newLender(w.wallet, self.op, nil, nil).raw, "a heartbeat")
		require.IsType(t, proposal.Redemption{}, o.Proposal)
	})
}

// One operator's node was away for three windows. A script that is paid again is shown to its signer with all that lies between, which
// the node asks the others for, one after the other; what nobody has is left out, and the others sign.
func TestWhoWasAwayForSeveralWindowsIsGivenAllOfThem(t *testing.T) {
	for name, lends := range map[string]bool{"the others give them": true, "nobody gives any": false} {
		bubble(t, 2, []int{1, 1, 1, 1}, func(t *testing.T, w *world) {
			w.fund(1_000_000)
			asked := 0
			for _, m := range w.members {
				m.tamper = func(content any) []any {
					w.mu.Lock()
					defer w.mu.Unlock()
					switch m := content.(type) {
					case wanted:
						asked++
					case lent:
						main := w.known != nil && signer.Digest(w.known[0].TxHash()) == signer.Digest(parse(t, m.raw).TxHash())
						if !lends && !main {
							return nil
						}
					}
					return []any{content}
				}
			}
			w.start()
			late, other := w.members[3], w.members[0]
			again := w.request(1, 50_000)
			for i, script := range [][]byte{w.request(9, 50_000), again, w.request(2, 50_000), w.request(3, 50_000), w.request(4, 50_000)} {
				o := w.redemption(chain.Height(i+1)*900, 1000, script) //nolint:gosec // a few
				w.play(o)
				main := w.settled(other, o.Window)
				w.mu.Lock()
				w.known, asked = []*wire.MsgTx{main}, 0
				w.mu.Unlock()
			}
			for _, window := range []chain.Height{2700, 3600, 4500} {
				delete(late.log.rows, window)
			}
			o := w.redemption(5400, 1000, again)
			for m, e := range w.play(o) {
				m.requireSigned(o, e)
			}
			want := hashesOf(t, other.log.get(5400).Intent.Ancestors)
			require.Len(t, want, 4)
			if lends {
				require.Equal(t, 2, asked, "%s: two of the three, for that of the main UTXO is known", name)
			} else {
				require.Equal(t, 2, asked, "%s: two tries ask all four operators", name)
				want = want[:1]
			}
			require.Equal(t, want, hashesOf(t, late.log.get(5400).Intent.Ancestors), name)
		})
	}
}

func hashesOf(t *testing.T, all [][]byte) (hashes []signer.Digest) {
	for _, raw := range all {
		hashes = append(hashes, signer.Digest(parse(t, raw).TxHash()))
	}
	return hashes
}
