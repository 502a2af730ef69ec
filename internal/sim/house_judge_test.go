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
	"github.com/walletnode/walletnode/net/feed"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
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

// What a follower is told that it must not be is noticed, and what it may be told is not.
func TestHouseNoticesWhatFollowersAreTold(t *testing.T) {
	item := func(number uint64, wallet byte) feed.Item {
		return feed.NewItem("op1-0", number, chain.WalletID{wallet}, feed.KindAction, []byte{byte(number)})
	}
	gives := func(f *follower, number feed.Number, i feed.Item) {
		f.take(feedclient.Delivery{Entry: feed.Entry{Number: number, Record: feed.Record{Item: i}}})
	}
	dies := func(f *follower, killed bool) { f.lives, f.fell = f.lives+1, killed }
	a, b, c := item(1, 1), item(2, 1), item(3, 2)
	for name, test := range map[string]struct {
		does  func(f *follower)
		wrong string
	}{
		"in order":                        {func(f *follower) { gives(f, 1, a); gives(f, 2, b); gives(f, 3, c) }, ""},
		"two wallets in another order":    {func(f *follower) { gives(f, 1, a); gives(f, 2, c); gives(f, 3, b) }, ""},
		"again after it was killed":       {func(f *follower) { gives(f, 1, a); dies(f, true); gives(f, 1, a); gives(f, 2, b) }, ""},
		"again":                           {func(f *follower) { gives(f, 1, a); gives(f, 1, a) }, "told once"},
		"again after it was stopped":      {func(f *follower) { gives(f, 1, a); dies(f, false); gives(f, 1, a) }, "told once"},
		"another one after it was killed": {func(f *follower) { gives(f, 1, a); dies(f, true); gives(f, 1, b) }, "told as recorded"},
		"one left out":                    {func(f *follower) { gives(f, 1, a); gives(f, 3, c) }, "told once"},
		"an item under two numbers":       {func(f *follower) { gives(f, 1, a); gives(f, 2, a) }, "told once"},
		"one wallet in another order":     {func(f *follower) { gives(f, 1, b); gives(f, 2, a) }, "told once"},
		"another payload":                 {func(f *follower) { f.take(feedclient.Delivery{Wrong: feed.ErrPayload}) }, "told as recorded"},
		"what is not stored":              {func(f *follower) { f.holds(map[feed.Item]bool{a: true}, b, 1) }, "told as recorded"},
		"what is stored":                  {func(f *follower) { f.holds(map[feed.Item]bool{a: true}, a, 1) }, ""},
		"a loss":                          {func(f *follower) { require.NoError(t, f.lost(t.Context(), feed.Handover{})) }, "told as recorded"},
		"no time": {func(f *follower) {
			require.NoError(t, f.sealed(t.Context(), feed.Seal{}, []feed.Blame{{Reason: feed.Missing}}))
		}, ""},
		"a blame": {func(f *follower) {
			require.NoError(t, f.sealed(t.Context(), feed.Seal{}, []feed.Blame{{Reason: feed.Changed}}))
		}, "no honest culprit"},
		"a difference": {func(f *follower) { f.met(t.Context(), feedclient.Comparison{Findings: []feed.Finding{{}}}) }, ""},
		"a proof": {func(f *follower) {
			f.met(t.Context(), feedclient.Comparison{Findings: []feed.Finding{{Proof: new(feed.Proof)}}})
		}, "no honest culprit"},
		"another end": {func(f *follower) {
			f.record.facts[f.of]["result 900"] = "ok x"
			f.ended["result 900"] = "noop"
			f.results()
		}, "told once"},
		"the same end": {func(f *follower) {
			f.record.facts[f.of]["result 900"] = "ok x"
			f.ended["result 900"] = "ok"
			f.results()
		}, ""},
		"what is untold": {func(f *follower) {
			gives(f, 1, a)
			require.Equal(t, 1, f.lacks(map[feed.Item]bool{a: true, b: true}))
			f.mourn(feedclient.ErrCollected)
		}, "told once"},
	} {
		h := &house{t: t, chain: newTruth(990)}
		h.record = newRecord(h)
		f := &follower{
			house: h, of: &firm{house: h}, life: &process{kill: func() {}}, lives: 1, got: map[feed.Number]parcel{}, had: map[feed.Origin]feed.Number{},
			last: map[strand]uint64{}, ended: map[string]string{},
		}
		h.record.facts[f.of] = map[string]string{}
		test.does(f)
		if test.wrong == "" {
			require.Empty(t, h.record.broken(), name)
			continue
		}
		require.NotEmpty(t, h.record.broken(), name)
		require.Contains(t, h.record.broken()[0], test.wrong, name)
	}
}

// Feeds have those of the first operator with several instances whose database stays what it is.
func TestHouseFeedsAreOfWhoForgetsNothing(t *testing.T) {
	backed := func(who ...int) (p plan) {
		for _, w := range who {
			p.events = append(p.events, event{kind: putBack, who: w})
		}
		return p
	}
	for name, c := range map[string]struct {
		plan plan
		want []int
	}{
		"fair weather":             {plan{events: []event{{kind: stop}}}, []int{1}},
		"another one forgets":      {backed(0, 2), []int{1}},
		"the first one forgets":    {backed(1), []int{2}},
		"the first one, by number": {backed(3*7 + 1), []int{2}},
		"all forget":               {backed(2, 1), nil},
		"without feeds":            {plan{untold: true}, nil},
	} {
		h := &house{t: t, plan: c.plan}
		for n, crew := range []int{1, 2, 3} {
			h.firms = append(h.firms, &firm{house: h, n: n, shared: crew > 1})
		}
		var serve []int
		for _, f := range h.firms {
			if f.serves() {
				serve = append(serve, f.n)
			}
		}
		require.Equal(t, c.want, serve, name)
	}
}
