package sim

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/chainhash"
	btc "github.com/btcsuite/btcd/wire"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/net/nettest"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/bitcoin"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

// A house that breaks an invariant is noticed: here nodes that never ran do, one for each of those that are checked as things happen.
func TestHouseNoticesWhatIsWrong(t *testing.T) {
	wallet := newWallet(1, 0, 1, 2)
	h := &house{t: t, chain: newTruth(990), wallets: []chain.Wallet{wallet}}
	i := &instance{firm: &firm{house: h, n: 0, op: operator(0)}, life: new(process)}
	redemption := func(fee int64) proposal.Proposal {
		return proposal.Redemption{OutputScripts: [][]byte{{0, 20}}, TxFee: big.NewInt(fee)}
	}
	says := func(r *record, p proposal.Proposal, window chain.Height) { r.sent(i, message(0, wallet, window, 1, p)) }
	ends := func(r *record, reason coordination.Reason, window chain.Height, found ...faults.Fault) {
		w, _ := coordination.RFC12().Window(window)
		r.reported(i, coordination.Result{Wallet: wallet.ID(), Window: w, Reason: reason, Faults: found})
	}
	accuses := func(kind faults.Kind, culprit int, attributed bool) faults.Fault {
		return faults.Fault{Key: faults.Key{Wallet: wallet.ID(), Window: 900, Kind: kind, Culprit: operator(culprit)}, Attributed: attributed}
	}
	for name, c := range map[string]struct {
		does  func(r *record)
		wrong string
	}{
		"the same envelope again": {func(r *record) {
			says(r, redemption(1), 900)
			says(r, redemption(1), 900)
			says(r, redemption(2), 1800)
		}, ""},
		"another envelope": {func(r *record) { says(r, redemption(1), 900); says(r, redemption(2), 900) }, "one envelope"},
		"no envelope":      {func(r *record) { r.sent(i, []byte{1}) }, "no message"},
		"the same result again": {func(r *record) {
			ends(r, coordination.ReasonNoop, 900)
			ends(r, coordination.ReasonNoop, 900)
			ends(r, coordination.ReasonOK, 1800)
		}, ""},
		"another result": {func(r *record) { ends(r, coordination.ReasonNoop, 900); ends(r, coordination.ReasonLeaderIdle, 900) }, "one result"},
		"a mistake": {func(r *record) {
			ends(r, coordination.ReasonLeaderMistake, 900, accuses(faults.LeaderMistake, 1, true))
		}, "no honest culprit"},
		"one in doubt": {func(r *record) {
			ends(r, coordination.ReasonLeaderMistake, 900, accuses(faults.LeaderMistake, 1, false))
		}, ""},
		"the crook's": {func(r *record) {
			ends(r, coordination.ReasonLeaderMistake, 900, accuses(faults.LeaderMistake, crook, true))
		}, ""},
		"silence": {func(r *record) { ends(r, coordination.ReasonLeaderIdle, 900, accuses(faults.LeaderIdle, 1, true)) }, ""},
		"silence that was not": {func(r *record) {
			spoken(r, i, wallet, 910)
			ends(r, coordination.ReasonLeaderIdle, 900, accuses(faults.LeaderIdle, 1, true))
		}, "no honest culprit"},
		"a word that was late": {func(r *record) {
			spoken(r, i, wallet, 979)
			ends(r, coordination.ReasonLeaderIdle, 900, accuses(faults.LeaderIdle, 1, true))
		}, ""},
		"two intents": {func(r *record) {
			r.bind(subject{window: 900}, "a", "one")
			r.bind(subject{window: 900}, "b", "another")
		}, "one signature"},
		"a second signature": {func(r *record) {
			r.signed(i.firm, signing.Signing{Window: 900, Digest: signer.Digest{1}})
			r.signed(i.firm, signing.Signing{Window: 1800, Digest: signer.Digest{2}})
			r.signed(i.firm, signing.Signing{Window: 900, Digest: signer.Digest{3}})
		}, "one signature"},
		"a redeemer paid twice": {func(r *record) {
			r.pledged("one", payment(1, 7))
			r.pledged("one", payment(2, 7))
		}, "one signature"},
		"redeemers paid once, or in place of it, or after it": {func(r *record) {
			first := payment(1, 7)
			r.pledged("one", first)
			r.pledged("one", first)
			r.pledged("one", payment(2, 8))
			r.pledged("one", payment(1, 7, 9))
			r.pledged("another", payment(3, 7))
			r.pledged("one", spending(must(bitcoin.ParseUnsigned(first)).TxHash(), 7))
		}, ""},
		"one intent": {func(r *record) {
			r.bind(subject{window: 900}, "a", "one")
			r.bind(subject{window: 900}, "a", "another")
			r.bind(subject{window: 1800}, "b", "one")
		}, ""},
	} {
		r := newRecord(h)
		c.does(r)
		if c.wrong == "" {
			require.Empty(t, r.broken(), name)
			continue
		}
		require.Len(t, r.broken(), 1, name)
		require.True(t, strings.Contains(fmt.Sprint(r.broken()), c.wrong), "%s: %v", name, r.broken())
	}
}

// payment is a transaction that spends the n-th output and pays redeemers.
func payment(n byte, redeemers ...byte) []byte { return spending([32]byte{n}, redeemers...) }

func spending(of chainhash.Hash, redeemers ...byte) []byte {
	tx := btc.NewMsgTx(1)
	tx.AddTxIn(&btc.TxIn{PreviousOutPoint: btc.OutPoint{Hash: of}})
	for _, r := range redeemers {
		tx.AddTxOut(btc.NewTxOut(1000, houseScript(r)))
	}
	return bitcoin.Serialize(tx)
}

// spoken has an honest leader's word reach an instance at a block.
func spoken(r *record, i *instance, w chain.Wallet, at chain.Height) {
	tip := i.tip()
	i.chain.tip = at
	r.arrived(i, nettest.Delivery{Wallet: w.ID(), Author: operator(1), Data: message(1, w, 900, 2, proposal.Noop{})})
	i.chain.tip = tip
}
