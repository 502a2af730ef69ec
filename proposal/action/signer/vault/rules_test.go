package vault

import (
	"context"
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	ownwire "github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/bitcoin"
)

// threeOperators have generated a key that two of them sign with, and it is the first window's time.
func threeOperators(t testing.TB) (*rig, signer.KeyDetail) {
	t.Helper()
	r := newRig(t, 1, 1, 1)
	key := r.generate(signer.FROST, 2)
	r.at(firstWindow)
	return r, key
}

// begin asks the first vault for the first round of a plan.
func (r *rig) begin(p plan) error {
	_, err := p.ask(r.houses[0], 1, nil)
	return err
}

// untouched wants that nothing was bound.
func (r *rig) untouched(key signer.KeyDetail) {
	r.t.Helper()
	p, err := r.houses[0].vault.Protection(context.Background(), key.Wallet)
	require.NoError(r.t, err)
	require.Empty(r.t, p.Slots)
	require.Empty(r.t, p.Outpoints)
	require.Zero(r.t, p.Signatures)
	require.Zero(r.t, p.LastWindow)
}

func TestRuleStatement(t *testing.T) {
	r, key := threeOperators(t)
	good := r.heartbeat(key, firstWindow, 1)
	message, err := ownwire.ParsePubsub(good.intent.Statement)
	require.NoError(t, err)
	resigned := func(h *house, topic string, data []byte) []byte {
		return ownwire.SignPubsub(h.key, topic, data, binary.BigEndian.AppendUint64(nil, 1)).Bytes()
	}
	other := key
	point := ownwire.PublicKeyOf(r.houses[1].key).Uncompressed()
	other.GroupKey = point[:]
	other.Wallet = chain.PublicKey(other.GroupKey).Hash()
	stranger := &house{key: newRig(t, 1, 1, 1, 1).houses[3].key}
	stranger.op = ownwire.PublicKeyOf(stranger.key).Operator()
	foreign := key
	foreign.Roster = []chain.Operator{stranger.op} // it claims seat 1
	broken := append([]byte(nil), good.intent.Statement...)
	broken[len(broken)-1] ^= 1

	padded := func(n int) []byte { // with a field that nobody knows
		field := append([]byte{0xfa, 0x3f}, binary.AppendUvarint(nil, uint64(n))...) //nolint:gosec // positive
		return slices.Concat(message.Data(), field, make([]byte, n))
	}
	for name, statement := range map[string][]byte{
		"nothing":                  nil,
		"no message":               []byte("hello"),
		"what nobody relays":       resigned(r.houses[0], message.Topic(), padded(maxStatement)),
		"a broken signature":       broken,
		"another window":           r.statement(r.houses[0], key, firstWindow+900, good.proposal),
		"another wallet":           r.statement(r.houses[0], other, firstWindow, good.proposal),
		"who holds no seat":        r.statement(stranger, foreign, firstWindow, good.proposal),
		"another's seat":           r.statement(r.houses[1], signer.KeyDetail{Key: key.Key, Roster: []chain.Operator{r.houses[1].op}}, firstWindow, good.proposal),
		"another channel":          resigned(r.houses[0], "/walletnode/else", message.Data()),
		"an envelope of another's": resigned(r.houses[1], message.Topic(), message.Data()),
		"no envelope":              resigned(r.houses[0], message.Topic(), []byte("hello")),
		"a payload that is no message": resigned(r.houses[0], message.Topic(), ownwire.EncodeEnvelope(ownwire.Envelope{
			Sender: ownwire.PublicKeyOf(r.houses[0].key), Payload: []byte{1}, Type: proposal.MessageType, Sequence: 1,
		})),
	} {
		t.Run(name, func(t *testing.T) {
			p := good
			p.intent.Statement = statement
			wantRefused(t, signer.RuleStatement, r.begin(p))
		})
	}
	odd := r.heartbeat(key, firstWindow+1, 1)
	wantRefused(t, signer.RuleStatement, r.begin(odd))
	r.untouched(key)

	// Any operator of the wallet may have led, and a message that was sent again is signed anew.
	long := good
	long.intent.Statement = resigned(r.houses[0], message.Topic(), padded(maxStatement/2))
	require.NoError(t, r.begin(long))
	led := good
	led.intent.Statement = r.statement(r.houses[2], key, firstWindow, good.proposal)
	require.NoError(t, r.begin(led))
	require.NoError(t, r.begin(good))
}

// What the leader proposed decides over change, fee, previous transactions and everything else that is signed.
func TestRulesAboutTheTransaction(t *testing.T) {
	r, key := threeOperators(t)
	previous := coins(key, 500_000, 1)
	for name, test := range map[string]struct {
		rule   signer.Rule
		change func(p *plan, tx *wire.MsgTx)
	}{
		"proposal, a heartbeat was proposed": {signer.RuleProposal, func(p *plan, _ *wire.MsgTx) {
			p.proposal = r.heartbeat(key, firstWindow, 1).proposal
			p.intent.Statement = r.statement(r.houses[0], key, firstWindow, p.proposal)
		}},
		"proposal, a no-op was proposed": {signer.RuleProposal, func(p *plan, _ *wire.MsgTx) {
			p.proposal = proposal.Noop{}
			p.intent.Statement = r.statement(r.houses[0], key, firstWindow, p.proposal)
		}},
		"proposal, a request is left out": {signer.RuleProposal, func(_ *plan, tx *wire.MsgTx) { tx.TxOut = tx.TxOut[:2] }},
		"change, another script":          {signer.RuleChange, func(_ *plan, tx *wire.MsgTx) { tx.TxOut[0].PkScript = script(9) }},
		"fee, more than proposed":         {signer.RuleFee, func(_ *plan, tx *wire.MsgTx) { tx.TxOut[0].Value-- }},
		"previous, another one": {signer.RulePrevious, func(p *plan, _ *wire.MsgTx) {
			p.intent.Transaction.Previous = [][]byte{bitcoin.Serialize(coins(key, 500_000, 2))}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			p := r.redemption(key, firstWindow, previous, script(1), script(2))
			tx := p.spend(t)
			test.change(&p, tx)
			p.intent.Transaction.Raw = bitcoin.Serialize(tx)
			wantRefused(t, test.rule, r.begin(p))
		})
	}
	nothing := r.redemption(key, firstWindow, previous, script(1))
	nothing.intent.Transaction = nil
	wantRefused(t, signer.RuleProposal, r.begin(nothing))
	r.houses[0].vault.cfg.FeeCap = 999
	wantRefused(t, signer.RuleFee, r.begin(r.redemption(key, firstWindow, previous, script(1))))
	r.untouched(key)
}

func TestRuleSlot(t *testing.T) {
	r, key := threeOperators(t)
	first := r.heartbeat(key, firstWindow, 1)
	require.NoError(t, r.begin(first))
	wantRefused(t, signer.RuleSlot, r.begin(r.heartbeat(key, firstWindow, 2)))
	r.reopen(r.houses[0])
	wantRefused(t, signer.RuleSlot, r.begin(r.heartbeat(key, firstWindow, 2)))
	wantRefused(t, signer.RuleSlot, r.begin(r.redemption(key, firstWindow, coins(key, 500_000, 1), script(1))))

	// The same intent may be tried again: by other seats, in another attempt.
	first.attempt, first.signers = 2, []chain.Seat{1, 3}
	r.sign(key, first)
}

// Two nodes that mean different things never get two signatures: each operator's vault binds the window once.
func TestTwoNodesWithDifferentIntentsGetOneSignature(t *testing.T) {
	r, key := threeOperators(t)
	one, two := r.heartbeat(key, firstWindow, 1), r.heartbeat(key, firstWindow, 2)
	_, err := one.ask(r.houses[0], 1, nil)
	require.NoError(t, err)
	two.signers = []chain.Seat{2, 3}
	r.sign(key, two)

	for _, attempt := range []uint32{1, 2, 3} {
		for _, signers := range [][]chain.Seat{{1, 2}, {1, 3}, {2, 3}} {
			again := one
			again.attempt, again.signers = attempt, signers
			refused := 0
			for _, h := range r.signing(again) {
				if _, err := again.ask(h, 1, nil); err != nil {
					wantRefused(t, signer.RuleSlot, err)
					refused++
				}
			}
			require.NotZero(t, refused, "whoever two of three are, one of them has signed the other one")
		}
	}
}

func TestRuleWindow(t *testing.T) {
	t.Run("never back", func(t *testing.T) {
		r, key := threeOperators(t)
		older := r.heartbeat(key, firstWindow, 1)
		r.at(firstWindow + 900)
		require.NoError(t, r.begin(r.heartbeat(key, firstWindow+900, 1)))
		wantRefused(t, signer.RuleWindow, r.begin(older))
		r.reopen(r.houses[0])
		wantRefused(t, signer.RuleWindow, r.begin(older))
	})
	t.Run("an open session of an older window gives no share", func(t *testing.T) {
		r, key := threeOperators(t)
		older := r.heartbeat(key, firstWindow, 1)
		a, err := older.ask(r.houses[1], 1, nil)
		require.NoError(t, err)
		said := r.say(r.houses[1], signer.SigningTopic(key.Wallet), older.session(), 1, a.Out)
		require.NoError(t, r.begin(older))
		r.at(firstWindow + 900)
		require.NoError(t, r.begin(r.heartbeat(key, firstWindow+900, 1)))
		_, err = older.ask(r.houses[0], 2, [][]byte{said})
		require.ErrorIs(t, err, signer.ErrUnknownSession, "it was dropped with its window")
	})
	t.Run("never ahead of what can have come", func(t *testing.T) {
		r, key := threeOperators(t)
		for _, window := range []chain.Height{firstWindow + 900, firstWindow + 9000, 9_000_000, 1 << 62 / 900 * 900, (1<<64 - 1) / 900 * 900} {
			wantRefused(t, signer.RuleWindow, r.begin(r.heartbeat(key, window, 1)))
		}
		r.untouched(key)
		r.now = startTime.Add(time.Duration(firstWindow-startHeight)*defaultBlockTime - 1)
		wantRefused(t, signer.RuleWindow, r.begin(r.heartbeat(key, firstWindow, 1)))
		r.now = r.now.Add(1)
		require.NoError(t, r.begin(r.heartbeat(key, firstWindow, 1)), "the block can be there from now on")
	})
	t.Run("a clock that was put back makes nothing possible", func(t *testing.T) {
		r, key := threeOperators(t)
		r.now = startTime.Add(-time.Hour)
		wantRefused(t, signer.RuleWindow, r.begin(r.heartbeat(key, firstWindow, 1)))
	})
	t.Run("windows that were signed for tell the time as well", func(t *testing.T) {
		r, key := threeOperators(t)
		// The chain made few blocks in a year: what it could have made by now lies far ahead.
		r.now = startTime.Add(365 * 24 * time.Hour)
		require.NoError(t, r.begin(r.heartbeat(key, firstWindow, 1)))
		wantRefused(t, signer.RuleWindow, r.begin(r.heartbeat(key, firstWindow+9000, 1)))
		// The next window is signed for 600 blocks later at the earliest.
		r.now = r.now.Add(600 * defaultBlockTime)
		require.NoError(t, r.begin(r.heartbeat(key, firstWindow+900, 1)))
	})
}

func TestRuleNonce(t *testing.T) {
	r, key := threeOperators(t)
	p := r.heartbeat(key, firstWindow, 1)
	topic, id := signer.SigningTopic(key.Wallet), p.session()
	_, err := p.ask(r.houses[0], 1, nil)
	require.NoError(t, err)
	other, err := p.ask(r.houses[1], 1, nil)
	require.NoError(t, err)
	commitments := r.say(r.houses[1], topic, id, 1, other.Out)
	share, err := p.ask(r.houses[0], 2, [][]byte{commitments})
	require.NoError(t, err)
	require.NotEmpty(t, share.Out)

	// The other operator's backend makes commitments of its own once more, and asks for a share that answers them.
	fresh := r.freshCommitments(key, p)
	_, err = p.ask(r.houses[0], 2, [][]byte{r.say(r.houses[1], topic, id, 1, fresh)})
	wantRefused(t, signer.RuleNonce, err)
	again, err := p.ask(r.houses[0], 2, [][]byte{r.say(r.houses[1], topic, id, 1, other.Out)})
	require.NoError(t, err, "what is published again is signed anew")
	require.Equal(t, share, again)
	k, err := r.houses[0].vault.Key(t.Context(), key.Wallet)
	require.NoError(t, err)
	require.EqualValues(t, 1, k.Signatures)
}

// freshCommitments are those of the second vault as it would make them if it had forgotten the session.
func (r *rig) freshCommitments(key signer.KeyDetail, p plan) []signer.Parcel {
	r.t.Helper()
	v := r.houses[1].vault
	k, err := v.readKey(context.Background(), key.Wallet)
	require.NoError(r.t, err)
	q, err := readAsked(p.round1(), k)
	require.NoError(r.t, err)
	w := bitcoin.Wallet{Key: k.public(), Scheme: k.Scheme}
	what, err := bitcoin.Signables(w, p.proposal, p.intent.Transaction)
	require.NoError(r.t, err)
	parts, err := v.signing(p.session(), q, what[0])
	require.NoError(r.t, err)
	a, err := parts.begin(p.session())
	require.NoError(r.t, err)
	return a.Reply.Out
}

func TestRuleOutpoint(t *testing.T) {
	r, key := threeOperators(t)
	main := coins(key, 500_000, 1)
	first := r.redemption(key, firstWindow, main, script(1), script(2))
	require.NoError(t, r.begin(first))

	second := r.redemption(key, firstWindow+900, main, script(1))
	wantRefused(t, signer.RuleSlot, r.begin(r.redemption(key, firstWindow, main, script(1))))
	wantRefused(t, signer.RuleWindow, r.begin(second)) // its window comes after the deadline of the first
	r.at(firstWindow + 900)
	wantRefused(t, signer.RuleOutpoint, r.begin(second))
	second.intent.Replaces = []signer.Digest{{1}}
	wantRefused(t, signer.RuleOutpoint, r.begin(second))
	second.intent.Replaces = []signer.Digest{first.digest()}
	require.NoError(t, r.begin(second))

	r.at(firstWindow + 1800)
	third := r.redemption(key, firstWindow+1800, main, script(3))
	third.intent.Replaces = []signer.Digest{second.digest()}
	wantRefused(t, signer.RuleOutpoint, r.begin(third))
	third.intent.Replaces = []signer.Digest{second.digest(), first.digest()}
	require.NoError(t, r.begin(third))

	p, err := r.houses[0].vault.Protection(t.Context(), key.Wallet)
	require.NoError(t, err)
	require.Len(t, p.Outpoints, 3)
	require.Equal(t, third.digest(), p.Outpoints[0].Intent, "newest first")
}

func TestRuleDouble(t *testing.T) {
	r, key := threeOperators(t)
	main := coins(key, 900_000, 1)
	first := r.redemption(key, firstWindow, main, script(1), script(2))
	require.NoError(t, r.begin(first))

	// Another output of the wallet's: both transactions could be confirmed.
	r.at(firstWindow + 900)
	disjoint := r.redemption(key, firstWindow+900, coins(key, 500_000, 2), script(2))
	wantRefused(t, signer.RuleDouble, r.begin(disjoint))
	disjoint.intent.Replaces = []signer.Digest{first.digest()} // to name it does not make them exclude each other
	wantRefused(t, signer.RuleDouble, r.begin(disjoint))
	r.reopen(r.houses[0])
	wantRefused(t, signer.RuleDouble, r.begin(disjoint))

	// What spends the first one's change is confirmed after it: the same redeemer has asked again.
	second := r.redemption(key, firstWindow+900, first.spend(t), script(2), script(3))
	require.NoError(t, r.begin(second))
	r.at(firstWindow + 1800)
	third := r.redemption(key, firstWindow+1800, second.spend(t), script(1))
	third.intent.Transaction.Previous = nil
	require.NoError(t, r.begin(third), "it descends from the first, as the vault itself has recorded")
}

// A vault that was not among the signers of a transaction learns what it spent from the next one's previous transactions.
func TestRuleDoubleKnowsAncestorsThatOthersSigned(t *testing.T) {
	r, key := threeOperators(t)
	first := r.redemption(key, firstWindow, coins(key, 900_000, 1), script(1))
	require.NoError(t, r.begin(first))
	missed := r.redemption(key, firstWindow+900, first.spend(t), script(2))
	r.at(firstWindow + 1800)
	third := r.redemption(key, firstWindow+1800, missed.spend(t), script(1))
	blind := third
	tx := *third.intent.Transaction
	tx.Previous = nil
	blind.intent.Transaction = &tx
	wantRefused(t, signer.RuleDouble, r.begin(blind))
	require.NoError(t, r.begin(third))
}

// What was replaced cannot be confirmed any more where its replacement is built on: the redeemer whom it paid is paid again.
func TestRuleDoubleForgivesWhatWasReplaced(t *testing.T) {
	for name, told := range map[string]bool{"as the vault has recorded": false, "as the previous transaction shows": true} {
		t.Run(name, func(t *testing.T) {
			r, key := threeOperators(t)
			main := coins(key, 900_000, 1)
			failed := r.redemption(key, firstWindow, main, script(1))
			require.NoError(t, r.begin(failed))
			r.at(firstWindow + 900)
			settled := r.redemption(key, firstWindow+900, main, script(1), script(2))
			settled.intent.Replaces = []signer.Digest{failed.digest()}
			if !told {
				require.NoError(t, r.begin(settled))
			}
			r.at(firstWindow + 1800)
			again := r.redemption(key, firstWindow+1800, settled.spend(t), script(1))
			blind := again
			tx := *again.intent.Transaction
			tx.Previous = nil
			blind.intent.Transaction = &tx
			if told {
				wantRefused(t, signer.RuleDouble, r.begin(blind)) // it knows nothing of what was settled
				require.NoError(t, r.begin(again))
			} else {
				require.NoError(t, r.begin(blind))
			}
		})
	}
}

// A vault that took no part in many transactions is shown them: it believes their hashes, and nothing else.
func TestRuleDoubleFollowsTheAncestorsThatItIsShown(t *testing.T) {
	for name, way := range map[string]func(r *rig, key signer.KeyDetail, first plan) *wire.MsgTx{
		"to the payment itself": func(_ *rig, _ signer.KeyDetail, first plan) *wire.MsgTx { return first.spend(t) },
		"to what excludes the payment": func(r *rig, key signer.KeyDetail, _ plan) *wire.MsgTx {
			return r.redemption(key, firstWindow+900, coins(key, 900_000, 1), script(2)).spend(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, key := threeOperators(t)
			first := r.redemption(key, firstWindow, coins(key, 900_000, 1), script(1))
			require.NoError(t, r.begin(first))
			tip := way(r, key, first)
			var missed [][]byte
			for i := range 4 {
				missed = append(missed, bitcoin.Serialize(tip))
				tip = r.redemption(key, firstWindow+1800, tip, script(byte(10+i))).spend(t)
			}
			r.at(firstWindow + 2700)
			again := r.redemption(key, firstWindow+2700, tip, script(1))
			wantRefused(t, signer.RuleDouble, r.begin(again))
			for i := range missed {
				gap := again
				gap.intent.Ancestors = slices.Delete(slices.Clone(missed), i, i+1)
				if i == 0 && name == "to the payment itself" {
					continue // the vault has signed it itself
				}
				wantRefused(t, signer.RuleDouble, r.begin(gap))
			}
			forged := slices.Clone(missed)
			tx, err := bitcoin.Parse(missed[2])
			require.NoError(t, err)
			tx.TxIn[0].PreviousOutPoint = wire.OutPoint{Hash: first.spend(t).TxHash()}
			forged[2] = bitcoin.Serialize(tx)
			again.intent.Ancestors = forged
			wantRefused(t, signer.RuleDouble, r.begin(again))

			tx, err = bitcoin.Parse(missed[1])
			require.NoError(t, err)
			tx.TxIn[0].Witness = wire.TxWitness{{1}}
			missed[1] = bitcoin.Serialize(tx) // as it stands in a block
			slices.Reverse(missed)
			again.intent.Ancestors = missed
			plain := again.digest()
			require.NoError(t, r.begin(again))
			again.intent.Ancestors = nil
			require.Equal(t, plain, again.digest(), "they are no part of what is agreed")
			require.NoError(t, r.begin(again), "what was answered is answered")
		})
	}
}

func TestAncestorsAreBounded(t *testing.T) {
	r, key := threeOperators(t)
	p := r.redemption(key, firstWindow, coins(key, 900_000, 1), script(1))
	one := bitcoin.Serialize(coins(key, 1, 9))
	for name, ancestors := range map[string][][]byte{
		"too many":       slices.Repeat([][]byte{one}, signer.MaxAncestors+1),
		"too many bytes": {make([]byte, signer.MaxAncestorBytes), one},
		"no transaction": {one, []byte("hello")},
		"an empty one":   {nil},
		"half of one":    {one[:len(one)/2]},
		"one and a byte": {append(slices.Clone(one), 0)},
	} {
		bad := p
		bad.intent.Ancestors = ancestors
		require.ErrorIs(t, r.begin(bad), signer.ErrMalformed, name)
	}
	r.untouched(key)
	p.intent.Ancestors = slices.Repeat([][]byte{one}, signer.MaxAncestors)
	require.NoError(t, r.begin(p))
}

// What it cannot see it takes for not there: both payments could be confirmed, as far as it knows.
func TestRuleDoubleRefusesWhatItCannotFollow(t *testing.T) {
	t.Run("it took no part in two transactions in a row", func(t *testing.T) {
		r, key := threeOperators(t)
		first := r.redemption(key, firstWindow, coins(key, 900_000, 1), script(1))
		require.NoError(t, r.begin(first))
		missed := r.redemption(key, firstWindow+900, first.spend(t), script(2))
		missed = r.redemption(key, firstWindow+1800, missed.spend(t), script(3))
		r.at(firstWindow + 2700)
		wantRefused(t, signer.RuleDouble, r.begin(r.redemption(key, firstWindow+2700, missed.spend(t), script(1))))
		require.NoError(t, r.begin(r.redemption(key, firstWindow+2700, missed.spend(t), script(4))), "other scripts are paid")
	})
	t.Run("the earlier payment left no change", func(t *testing.T) {
		r, key := threeOperators(t)
		first := r.redemption(key, firstWindow, coins(key, 100_000, 1), script(1))
		require.Len(t, first.spend(t).TxOut, 1)
		require.NoError(t, r.begin(first))
		r.at(firstWindow + 900)
		wantRefused(t, signer.RuleDouble, r.begin(r.redemption(key, firstWindow+900, coins(key, 500_000, 2), script(1))))
	})
}

// Another output of a transaction that the replaced one spends from excludes nothing.
func TestRuleDoubleTellsOutputsOfOneTransactionApart(t *testing.T) {
	r, key := threeOperators(t)
	main := coins(key, 900_000, 1)
	main.AddTxOut(main.TxOut[0])
	first := r.redemption(key, firstWindow, main, script(1))
	require.NoError(t, r.begin(first))
	second := main.Copy() // builds on the second output
	second.TxIn[0].PreviousOutPoint = wire.OutPoint{Hash: main.TxHash(), Index: 1}
	r.at(firstWindow + 900)
	wantRefused(t, signer.RuleDouble, r.begin(r.redemption(key, firstWindow+900, second, script(1))))
	second.TxIn[0].PreviousOutPoint.Index = 0
	require.NoError(t, r.begin(r.redemption(key, firstWindow+900, second, script(1))))
}

func TestRuleRate(t *testing.T) {
	r, key := threeOperators(t)
	r.houses[0].vault.cfg.Rate = 3
	p := r.heartbeat(key, firstWindow, 1)
	for p.attempt = 1; p.attempt <= 3; p.attempt++ {
		require.NoError(t, r.begin(p))
		require.NoError(t, r.begin(p), "to repeat a request is no further session")
	}
	wantRefused(t, signer.RuleRate, r.begin(p))
	r.reopen(r.houses[0])
	r.houses[0].vault.cfg.Rate = 3
	wantRefused(t, signer.RuleRate, r.begin(p))
	r.at(firstWindow + 900)
	require.NoError(t, r.begin(r.heartbeat(key, firstWindow+900, 1)))
}

func TestRuleTerm(t *testing.T) {
	r, key := threeOperators(t)
	v := r.houses[0].vault
	ask := func(p plan, generation, epoch uint64) error {
		s := p.round1()
		s.Term = signer.Term{Generation: generation, Epoch: epoch}
		_, err := v.Sign(t.Context(), s)
		return err
	}
	p := r.heartbeat(key, firstWindow, 1)
	require.NoError(t, ask(p, 1, 5))
	wantRefused(t, signer.RuleTerm, ask(p, 1, 4)) // even what was answered before
	wantRefused(t, signer.RuleTerm, ask(p, 0, 9))
	require.NoError(t, ask(p, 1, 5))

	// Who asks for what is refused has nevertheless taken over.
	wantRefused(t, signer.RuleSlot, ask(r.heartbeat(key, firstWindow, 2), 2, 0))
	wantRefused(t, signer.RuleTerm, ask(p, 1, 5))
	r.reopen(r.houses[0])
	v = r.houses[0].vault
	wantRefused(t, signer.RuleTerm, ask(p, 1, 5))
	require.NoError(t, ask(p, 2, 0))

	_, err := v.Sign(t.Context(), signer.SignRound{Session: p.session(), Round: 2, Term: signer.Term{Generation: 1, Epoch: 99}})
	wantRefused(t, signer.RuleTerm, err)
	frozen := signer.StateChange{State: signer.KeyFrozen, Why: "no", Term: signer.Term{Generation: 1}}
	wantRefused(t, signer.RuleTerm, v.SetState(t.Context(), key.Wallet, frozen))
	again := signer.StateChange{State: signer.KeyActive, Record: r.record(key)}
	require.NoError(t, v.SetState(t.Context(), key.Wallet, again), "what is in use already is no business of a term")
	again.Record = again.Record[:10]
	require.ErrorIs(t, v.SetState(t.Context(), key.Wallet, again), signer.ErrMalformed)
	require.ErrorIs(t, ask(p, 1<<63, 0), signer.ErrMalformed)
	got, err := v.Protection(t.Context(), key.Wallet)
	require.NoError(t, err)
	require.Equal(t, signer.Term{Generation: 2}, got.Term)
}

func TestRuleSeats(t *testing.T) {
	r, key := threeOperators(t)
	for name, signers := range map[string][]chain.Seat{
		"none":                {},
		"too few":             {1},
		"seat 0":              {0, 1},
		"one twice":           {1, 1},
		"not in order":        {2, 1},
		"not of the wallet":   {1, 4},
		"none of them here":   {2, 3},
		"more than there are": {1, 2, 3, 4},
	} {
		t.Run(name, func(t *testing.T) {
			p := r.heartbeat(key, firstWindow, 1)
			p.signers = signers
			wantRefused(t, signer.RuleSeats, r.begin(p))
		})
	}
	r.untouched(key)
}

// A session's name is the hash of all that it is about; nobody can ask for one thing under another's name.
func TestASessionIsWhatItsNameSays(t *testing.T) {
	r, key := threeOperators(t)
	p := r.heartbeat(key, firstWindow, 1)
	s := p.round1()
	for _, change := range []func(o *signer.SignOpen){
		func(o *signer.SignOpen) { o.Attempt++ },
		func(o *signer.SignOpen) { o.Input++ },
		func(o *signer.SignOpen) { o.Signers = []chain.Seat{1, 3} },
		func(o *signer.SignOpen) { o.Intent = r.heartbeat(key, firstWindow, 2).intent },
	} {
		open := *s.Open
		change(&open)
		_, err := r.houses[0].vault.Sign(t.Context(), signer.SignRound{Session: s.Session, Round: 1, Open: &open})
		require.ErrorIs(t, err, signer.ErrMalformed)
	}
	second := *s.Open
	second.Input = 1
	id := signer.SigningSession(p.digest(), 1, p.attempt, p.signers)
	_, err := r.houses[0].vault.Sign(t.Context(), signer.SignRound{Session: id, Round: 1, Open: &second})
	require.ErrorIs(t, err, signer.ErrMalformed)
	require.ErrorContains(t, err, "no input 1")
	r.untouched(key)
}
