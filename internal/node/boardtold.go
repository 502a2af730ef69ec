package node

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// recorded is what the board shows of windows: what was read of the store, and what the feed has told since. What is told changes
// it as storing it changed the store, so that reading the store again comes to the same.
type recorded struct {
	window    chain.Height     // the present one; 0 before the first
	windows   []chain.Height   // of the heatmap
	operators []chain.Operator // of the wallets
	tally     store.Tally
	heard     map[feed.Origin]struct{} // what was told of what the tally does not count, at most maxHeard
	wallets   []view.BoardWallet
	faults    []view.BoardFault // the newest boardFaults, in the order of the store
}

// maxHeard bounds what is remembered of what was told since the store was read: several windows of a thousand wallets. At the bound the store is
// read, and what was told before that is forgotten. It is remembered one by one, for only what is told of one wallet comes in the order of its
// numbers.
const maxHeard = 1 << 14

// records shows it. What it returns shares nothing with it that changes.
func (r *recorded) records(self chain.Operator) view.BoardRecords {
	return view.BoardRecords{
		Wallets: slices.Clone(r.wallets), Faults: slices.Clone(r.faults), Heat: view.NewHeat(r.windows, r.operators, self, r.tally),
	}
}

// tiding is one record of the feed as the board understands it. Of event and action at most one is set.
type tiding struct {
	origin feed.Origin // who told it, and its number among all that were told there
	size   int         // of the payload, in bytes
	event  *view.Event
	action *view.ActionNews
}

// newTiding reads a record's payload. An error says that it has not the form that this version knows; who told it is known even so.
func newTiding(d pipeline.Delivered) (tiding, error) {
	item := d.Entry.Record.Item
	t := tiding{origin: feed.Origin{Source: item.Source, Number: item.Number}, size: len(d.Payload)}
	if feed.IsEcho(item.Source) { // as after a loss: which item it repeats is what its origin signed of it
		if d.Witness == nil {
			return t, errors.New("what is repeated does not say what it repeats")
		}
		t.origin = d.Witness.Origin
	}
	switch item.Kind {
	case feed.KindResult, feed.KindFault:
		var e view.Event
		if err := json.Unmarshal(d.Payload, &e); err != nil {
			return t, fmt.Errorf("read what is told of a window: %w", err)
		}
		if e.Event == view.EventOpened { // the window's time says more, and wallets begin their parts after this
			return t, nil
		}
		if e.Window == nil || e.Wallet == nil || e.Event != view.EventResult && e.Event != view.EventAmendment {
			return t, errors.New("what is told is no event of a wallet's window")
		}
		t.event = &e
	case feed.KindAction:
		var a view.ActionNews
		if err := json.Unmarshal(d.Payload, &a); err != nil {
			return t, fmt.Errorf("read what is told of an action: %w", err)
		}
		t.action = &a
	}
	return t, nil
}

// add adds what was told, once. known is false if it cannot be told what the store makes of it.
func (r *recorded) add(t tiding) (changed, known bool) {
	if t.origin.Number <= r.tally.Told[t.origin.Source] {
		return false, true // it was there when the store was read
	}
	if _, again := r.heard[t.origin]; again {
		return false, true
	}
	if len(r.heard) == maxHeard {
		return false, false
	}
	if r.heard == nil {
		r.heard = map[feed.Origin]struct{}{}
	}
	r.heard[t.origin] = struct{}{}
	switch {
	case t.event != nil:
		return true, r.addEvent(*t.event)
	case t.action != nil:
		return r.addAction(*t.action), true
	}
	return false, true
}

// addEvent adds how a window has ended, or what was learned of it afterwards.
func (r *recorded) addEvent(e view.Event) (known bool) {
	known = true
	for _, f := range e.Faults {
		if f.Kind != "" && !r.addFault(e, f) { // without a kind it says no more than that an action is revoked
			known = false
		}
	}
	if e.Event != view.EventResult {
		return known
	}
	var leader chain.Operator
	var reason coordination.Reason
	if e.Leader != nil {
		leader = *e.Leader
	}
	if e.Reason != nil {
		reason = *e.Reason
	}
	if r.counts(*e.Window) {
		same := func(t store.ResultTally) bool {
			return t.Block == *e.Window && t.Leader == leader && t.Reason == reason
		}
		if i := slices.IndexFunc(r.tally.Results, same); i >= 0 {
			r.tally.Results[i].Wallets++
		} else {
			r.tally.Results = append(r.tally.Results, store.ResultTally{Block: *e.Window, Leader: leader, Reason: reason, Wallets: 1})
		}
	}
	if w := r.wallet(*e.Window, *e.Wallet); w != nil {
		finished := view.WindowFinished
		w.State, w.Reason, w.Action = &finished, e.Reason, e.Action
	}
	return known
}

// addAction adds what became of an action, or that it is tried again.
func (r *recorded) addAction(a view.ActionNews) (changed bool) {
	w := r.wallet(a.Window, a.Wallet)
	if w == nil {
		return false
	}
	switch a.Event {
	case view.EventOutcome:
		w.Outcome = &a.Outcome
	case view.EventRetried:
		w.Outcome = nil
	default:
		return false
	}
	return true
}

// wallet returns a wallet's row of the present window; nil of another window or wallet.
func (r *recorded) wallet(window chain.Height, id chain.WalletID) *view.BoardWallet {
	if window != r.window {
		return nil
	}
	i := slices.IndexFunc(r.wallets, func(w view.BoardWallet) bool { return w.Wallet == id })
	if i < 0 {
		return nil
	}
	return &r.wallets[i]
}

// counts says whether the heatmap has a window, or will have it.
func (r *recorded) counts(window chain.Height) bool {
	return len(r.windows) > 0 && window >= r.windows[0]
}

// addFault adds a fault, or what was learned of one. False: the store alone can say whether it was known already, or what was wrong.
func (r *recorded) addFault(e view.Event, f view.EventFault) (known bool) {
	if i := slices.IndexFunc(r.faults, func(b view.BoardFault) bool { return b.ID == f.ID }); i >= 0 {
		r.faults[i].Late = r.faults[i].Late || f.Late // all that the store takes over of a fault that it has
		return true
	}
	added := view.BoardFault{
		ID: f.ID, Window: *e.Window, Wallet: *e.Wallet, Kind: f.Kind, Culprit: f.Culprit, Attributed: f.Attributed, Late: f.Late, RecordedAt: e.Time,
	}
	if f.Detail != nil {
		added.Detail = *f.Detail
	}
	at, _ := slices.BinarySearchFunc(r.faults, added, inStoresOrder)
	if at == boardFaults && e.Event == view.EventAmendment {
		return false // older than those that are shown, it may be one that was stored long ago
	}
	r.faults = slices.Insert(r.faults, at, added)
	r.faults = r.faults[:min(len(r.faults), boardFaults)]
	known = f.Detail != nil // what an instance of an earlier version does not tell the store has
	if !r.counts(*e.Window) {
		return known
	}
	same := func(t store.FaultTally) bool {
		return t.Block == *e.Window && t.Culprit == f.Culprit && t.Kind == f.Kind && t.Attributed == f.Attributed
	}
	if i := slices.IndexFunc(r.tally.Faults, same); i >= 0 {
		r.tally.Faults[i].Wallets++
	} else {
		r.tally.Faults = append(r.tally.Faults, store.FaultTally{
			Block: *e.Window, Culprit: f.Culprit, Kind: f.Kind, Attributed: f.Attributed, Wallets: 1,
		})
	}
	return known
}

// inStoresOrder is the order in which the store lists faults: the newest window first.
func inStoresOrder(a, b view.BoardFault) int {
	return cmp.Or(cmp.Compare(b.Window, a.Window), bytes.Compare(a.Wallet[:], b.Wallet[:]), bytes.Compare(a.Culprit[:], b.Culprit[:]), cmp.Compare(a.Kind, b.Kind))
}

// maxTidings bounds what is kept while the store is read, in bytes of payloads: a window's results of a thousand wallets are half of one MiB. What
// comes beyond is forgotten, and the store is read once more.
const maxTidings = 4 << 20

// tidings are what the feed has told since a reading of the store began.
type tidings struct {
	list []tiding
	size int
}

// keep keeps one; false if there is no room. Nil, without a reading at work, keeps nothing and needs nothing.
func (k *tidings) keep(t tiding) bool {
	switch {
	case k == nil:
		return true
	case k.size+t.size > maxTidings:
		return false
	}
	k.list, k.size = append(k.list, t), k.size+t.size
	return true
}
