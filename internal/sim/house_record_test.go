package sim

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/btcsuite/btcd/chaincfg/chainhash"
	btc "github.com/btcsuite/btcd/wire"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/internal/node"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/net/nettest"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// record is what the world has seen of the nodes, and what is wrong with it.
type record struct {
	h     *house
	looks int      // into stores
	tale  []string // what instances stored and said, and when

	mu       sync.Mutex
	wrongs   []string
	said     map[slot][32]byte           // what an operator first said in a window
	results  map[slot]string             // and how it ended there, as its instances were told by their store
	heard    map[hearsay]chain.Height    // when something first arrived
	facts    map[*firm]map[string]string // that were found in a store
	bound    map[subject]string          // what backends are bound to in windows of wallets that sign
	well     map[*firm]chain.Height      // since when an operator has been able to take part, as far as it can be asked to; 0 if it is not
	able     map[*firm]map[chain.Height]bool
	finals   map[chain.Height]signer.Digest // the intent that was signed in a window
	paid     map[chain.Height][]byte        // the signed transaction
	banned   map[*firm]banned               // who ban him who is not honest
	gone     map[*firm]map[string]string    // what operators are bound by, though their databases have forgotten it
	doubtful map[*firm]bool                 // whose instances have not all compared what they know with a database that was put back
	restores int                            // of databases
	pledges  map[string][]*btc.MsgTx        // transactions that a backend began to sign
	known    map[chainhash.Hash]*btc.MsgTx  // all that any began to sign
}

// slot is an operator's part in a wallet's window.
type slot struct {
	op     chain.Operator
	wallet chain.WalletID
	window chain.Height
}

// hearsay is that something of an author arrived at an instance.
type hearsay struct {
	by   *instance
	from slot
}

func newRecord(h *house) *record {
	return &record{
		h: h, said: map[slot][32]byte{}, results: map[slot]string{}, heard: map[hearsay]chain.Height{},
		bound: map[subject]string{}, finals: map[chain.Height]signer.Digest{}, paid: map[chain.Height][]byte{},
		banned: map[*firm]banned{}, pledges: map[string][]*btc.MsgTx{}, known: map[chainhash.Hash]*btc.MsgTx{},
		gone: map[*firm]map[string]string{}, doubtful: map[*firm]bool{},
		facts: map[*firm]map[string]string{}, well: map[*firm]chain.Height{}, able: map[*firm]map[chain.Height]bool{},
	}
}

// fault notes that an invariant does not hold.
func (r *record) fault(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wrong(format, args...)
}

func (r *record) wrong(format string, args ...any) {
	r.wrongs = append(r.wrongs, fmt.Sprintf("block %d: ", r.h.tip())+fmt.Sprintf(format, args...))
}

func (r *record) broken() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wrongs
}

// read tells what an envelope of an operator is about.
func read(envelope []byte, by int) (about subject, err error) {
	e, err := wire.DecodeEnvelope(envelope, wire.PublicKeyOf(secret(by)).PeerID())
	if err != nil {
		return subject{}, err
	}
	s, err := node.Inspect(e.Payload)
	return subject{s.Wallet, s.Window}, err
}

// subject is a window of a wallet.
type subject struct {
	wallet chain.WalletID
	window chain.Height
}

// sent is told of each envelope that leaves an instance.
func (r *record) sent(i *instance, envelope []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	about, err := read(envelope, i.n)
	if err != nil {
		r.wrong("%s sends what is no message: %v", i.name(), err)
		return
	}
	at, digest := slot{i.op, about.wallet, about.window}, digestOf(envelope)
	r.tale = append(r.tale, fmt.Sprintf("%6d %s said of %v %x", r.h.tip(), i.name(), at, digest[:4]))
	first, spoke := r.said[at]
	if !spoke {
		r.said[at] = digest
	} else if first != digest {
		r.wrong("one envelope: %s says another thing for wallet %v, window %d, than its operator said", i.name(), at.wallet, at.window)
	}
}

// arrived is told of what reaches an instance.
func (r *record) arrived(i *instance, d nettest.Delivery) {
	if d.Wallet == (chain.WalletID{}) {
		return
	}
	about, err := read(d.Data, numberOf(r.h.t, d.Author))
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	at := hearsay{i, slot{d.Author, about.wallet, about.window}}
	if _, before := r.heard[at]; !before {
		r.heard[at] = r.h.tip()
	}
}

// reported is told of each report that an instance has stored.
func (r *record) reported(i *instance, report coordination.Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch report := report.(type) {
	case coordination.Amendment:
		r.accused(i, report.Fault)
	case coordination.Result:
		at, text := slot{i.op, report.Wallet, report.Window.Block}, outcome(report.Reason, report.Proposal)
		r.tale = append(r.tale, fmt.Sprintf("%6d %s stored of %v %s", r.h.tip(), i.name(), at, text))
		first, ended := r.results[at]
		if !ended {
			r.results[at] = text
		} else if first != text {
			r.wrong("one result: %s stores %q for wallet %v, window %d, after %q", i.name(), text, at.wallet, at.window, first)
		}
		for _, f := range report.Faults {
			r.accused(i, f)
		}
	}
}

// accused checks an accusation. Who was silent to all that somebody could hear is idle to him (rule R4): then it must be true.
func (r *record) accused(i *instance, f faults.Fault) {
	if !f.Attributed || f.Culprit == operator(crook) {
		return
	}
	if f.Kind != faults.LeaderIdle {
		r.wrong("no honest culprit: %s accuses %v of %s in window %d: %s", i.name(), f.Culprit, f.Kind, f.Window, f.Detail)
		return
	}
	if i.well > f.Window {
		r.wrong("no honest culprit: %s calls %v idle in window %d, and was started at block %d", i.name(), f.Culprit, f.Window, i.well)
		return
	}
	at, arrived := r.heard[hearsay{i, slot{f.Culprit, f.Wallet, f.Window}}]
	if arrived && at+5 < f.Window+80 {
		r.wrong("no honest culprit: %s calls %v idle in window %d, of whom it heard at block %d", i.name(), f.Culprit, f.Window, at)
	}
}

// proved checks a proof that an operator holds: whoever is honest is proved nothing, whatever he has forgotten.
func (r *record) proved(f *firm, p exchange.StoredProof) {
	if p.Slot.Operator != operator(crook) {
		r.fault("no honest culprit: operator %d has a proof, %s, against %v", f.n, p.Kind, p.Slot)
	}
}

// outcomes tells one run from another: how each operator's windows ended.
func (r *record) outcomes() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	var lines []string
	for at, text := range r.results {
		n := slices.IndexFunc(r.h.wallets, func(w chain.Wallet) bool { return w.ID() == at.wallet })
		reason, _, _ := strings.Cut(text, " ")
		lines = append(lines, fmt.Sprint(at.op, n, at.window, reason))
	}
	slices.Sort(lines)
	return digest4(lines)
}

// course tells one run from another more closely: what each operator stored, which of its instances, at which block and of which proposal, and what it said.
// What happens at one block has no order.
func (r *record) course() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(slices.Values(r.tale))
}

func outcome(reason coordination.Reason, p any) string { return fmt.Sprintf("%s %v", reason, p) }
