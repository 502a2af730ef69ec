package exchange

import (
	"context"
	"sync"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/heads"
)

// record is what this operator attests, as the log has it and as it is kept here from window to window: the ledger that the next head is
// made from, and the last heads, which are opened for others. It is read anew, or caught up with, when the log has another version.
//
// Who reads the log's state or makes a head has the turn; mu guards what is kept, and is never held while the log is asked.
type record struct {
	log     Heads
	chain   uint64 // ID
	self    chain.Operator
	company *company // is told what heads are about

	// turn holds a token while the log's state is read, or a head is made: who wants to know what is attested waits for what is about to be kept
	// rather than read all of it.
	turn chan struct{}

	mu       sync.Mutex    // guards what follows
	ledger   *heads.Ledger // not changed any more; nil before the first state was read
	basis    basis         // what it was made from
	version  uint64        // of the state that it is of
	window   chain.Height  // of the last head, up to which the ledger is whole
	attested []*heads.Attested
}

// keepAttested is how many heads can be opened for others: the last one, and the one before for who is behind.
const keepAttested = 2

func newRecord(log Heads, chainID uint64, self chain.Operator, company *company) *record {
	return &record{log: log, chain: chainID, self: self, company: company, turn: make(chan struct{}, 1)}
}

// refresh takes over what is in the log, if it has changed: siblings write there, too.
func (r *record) refresh(ctx context.Context) error {
	if err := r.enter(ctx); err != nil {
		return err
	}
	defer r.leave()
	return r.reread(ctx)
}

// enter waits for the turn, which leave gives on.
func (r *record) enter(ctx context.Context) error {
	select {
	case r.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *record) leave() { <-r.turn }

// reread is refresh for who has the turn.
func (r *record) reread(ctx context.Context) error {
	version, err := r.log.Version(ctx)
	if err != nil {
		return err
	}
	if _, _, same := r.kept(version); same {
		return nil
	}
	state, a, err := r.catchUp(ctx)
	if err != nil || a.now == nil {
		if state, err = r.log.State(ctx); err != nil {
			return err
		}
		if a, err = state.attestation(heads.NewLedger(r.chain, r.self, evidence.Head{})); err != nil {
			return err
		}
	}
	r.adopt(a, state.Wallets, state.Version)
	return r.company.look(ctx)
}

// catchUp makes what is attested from what is kept and what has changed since: a sibling has made a head, or gaps were filled. It returns
// nothing where that cannot be, and an error where it does not come out.
func (r *record) catchUp(ctx context.Context) (State, attestation, error) {
	r.mu.Lock()
	from := r.basis
	r.mu.Unlock()
	if from.window == 0 {
		return State{}, attestation{}, nil
	}
	state, some, err := r.log.Since(ctx, from.window, from.made)
	if err != nil || !some {
		return State{}, attestation{}, err
	}
	a, err := state.after(from)
	return state, a, err
}

// adopt replaces what this operator attests. The ledgers are not changed from here on.
func (r *record) adopt(a attestation, about []chain.Wallet, version uint64) {
	r.company.remember(about)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.basis, r.ledger, r.version, r.window = a.basis, a.now, version, a.basis.window
	last := a.last
	if last == nil {
		return
	}
	for i, a := range r.attested {
		if a.Head.Window == last.Head.Window {
			r.attested[i] = last // what is stored counts
			return
		}
	}
	if n := len(r.attested); n > 0 && r.attested[n-1].Head.Window > last.Head.Window {
		return // the log has forgotten what others have heard: that can still be opened
	}
	r.attested = append(r.attested, last)
	if len(r.attested) > keepAttested {
		r.attested = r.attested[1:]
	}
}

// of returns the head of a window that can be opened; false if it is not one of the last.
func (r *record) of(window chain.Height) (*heads.Attested, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.attested {
		if a.Head.Window == window {
			return a, true
		}
	}
	return nil, false
}

// following returns the ledger of a version, and the window of its last head. ErrStale says that the log has another version by now.
func (r *record) following(ctx context.Context, version uint64) (*heads.Ledger, chain.Height, error) {
	if ledger, newest, same := r.kept(version); same {
		return ledger, newest, nil
	}
	if err := r.reread(ctx); err != nil {
		return nil, 0, err
	}
	ledger, newest, same := r.kept(version)
	if !same {
		return nil, 0, ErrStale
	}
	return ledger, newest, nil
}

// kept returns the ledger that is kept, and whether it is that of a version.
func (r *record) kept(version uint64) (*heads.Ledger, chain.Height, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ledger, r.window, r.ledger != nil && r.version == version
}

// newer returns what is said of heads after a window.
func (r *record) newer(window chain.Height) [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all [][]byte
	for _, a := range r.attested {
		if a.Head.Window > window {
			all = append(all, evidence.EncodeHead(a.Head))
		}
	}
	return all
}

// newest returns the ledger that is kept, nil if none was read yet, and the window of the last head.
func (r *record) newest() (*heads.Ledger, chain.Height) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ledger, r.window
}
