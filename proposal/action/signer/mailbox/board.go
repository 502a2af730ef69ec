// Package mailbox gives a signer backend its own word of what leaders proposed: it follows a mailbox of the operator's feed, verifies
// it, and keeps the leaders' signed messages of the newest windows.
//
// What is no signed coordination message about the wallet that it was told for is not kept, and what one operator says leaves room for the
// others'. A mailbox that was given otherwise than its instance sealed it is not relied on: what it brought is forgotten, and an error
// says why. Nothing is decided here: whether a message permits a signature is the vault's question.
package mailbox

import (
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/proposal"
)

// Bounds of a board.
const (
	// maxEpochs are kept: what a window's leader said is signed for within it, and the next one may have begun at the node already.
	maxEpochs = 3
	// maxAhead is how far the open epoch can be ahead of the newest one that is sealed: one may be ending.
	maxAhead = 2
	// frequency is the distance between windows in blocks (RFC 12); an epoch of the feed is one of them.
	frequency = 900
)

// Why a record is left out.
var (
	errOff   = errors.New("the record is no leader's message of its wallet and epoch")
	errEpoch = errors.New("the record is of an epoch that is long over, or cannot be open yet")
)

// bell tells who waits that there may be more on some board. It may be used by many goroutines at once.
type bell struct {
	mu    sync.Mutex
	rings chan struct{} // closed and replaced each time
}

func newBell() *bell { return &bell{rings: make(chan struct{})} }

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.rings)
	b.rings = make(chan struct{})
}

// heard is closed when it rings next.
func (b *bell) heard() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rings
}

// board is what came through one mailbox. It may be used by many goroutines at once.
type board struct {
	more *bell // rings with each message, and when the board is not to be relied on any more

	mu     sync.Mutex
	epochs map[feed.Epoch]*page
	begun  bool       // whether sealed is known
	sealed feed.Epoch // the newest epoch whose seal was read
	wrong  error      // why it is not to be relied on
	until  feed.Epoch // the first epoch whose seal can show that it is again
}

func newBoard(more *bell) *board { return &board{epochs: map[feed.Epoch]*page{}, more: more} }

// put keeps what a record holds, if it is a signed coordination message of the record's wallet and about the epoch. Whether it is the
// leader's is for who signs to judge. The error says what was left out: the record, or what makes room for it.
func (b *board) put(e feed.Entry, payload []byte) error {
	if e.Gap != nil || e.Record.Item.Kind != feed.KindProposal {
		return nil
	}
	window, author, err := about(e.Record.Item.Wallet, payload)
	if err != nil {
		return err
	}
	epoch := e.Record.Epoch
	if of := feed.Epoch(window / frequency); of > epoch || of+1 < epoch { // the window's, or one that is told late
		return errOff
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	p, err := b.page(epoch)
	if err != nil {
		return err
	}
	fresh, err := p.put(slot{e.Record.Item.Wallet, window}, author, payload)
	if fresh {
		b.more.ring()
	}
	return err
}

// page finds or makes an epoch's. There are maxEpochs at most, of which the oldest goes: so one that is ahead of all that can be open must not
// come, or it would have those that are go. As long as no seal tells what is open, the newest goes.
func (b *board) page(epoch feed.Epoch) (*page, error) {
	if b.begun && epoch > b.sealed+maxAhead {
		return nil, errEpoch
	}
	p := b.epochs[epoch]
	if p != nil {
		return p, nil
	}
	if len(b.epochs) >= maxEpochs {
		drop := epoch
		for e := range b.epochs {
			if b.begun {
				drop = min(drop, e)
			} else {
				drop = max(drop, e)
			}
		}
		if drop == epoch {
			return nil, errEpoch
		}
		delete(b.epochs, drop)
	}
	p = newPage()
	b.epochs[epoch] = p
	return p, nil
}

// seal learns which epochs can be open now.
func (b *board) seal(e feed.Epoch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.begun, b.sealed = true, max(b.sealed, e)
	maps.DeleteFunc(b.epochs, func(e feed.Epoch, _ *page) bool { return e > b.sealed+maxAhead })
}

// distrust has the board refuse everything, and forget what it has: what brought it is to blame for something else. The seal of an epoch
// from until on may show that it is well again.
func (b *board) distrust(why error, until feed.Epoch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wrong, b.until, b.epochs = why, max(b.until, until), map[feed.Epoch]*page{}
	b.more.ring()
}

// trust takes that back, if the epoch that is well now is late enough.
func (b *board) trust(e feed.Epoch) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.wrong == nil || e < b.until {
		return false
	}
	b.wrong, b.until = nil, 0
	b.more.ring()
	return true
}

// distrusted is why nothing is taken; nil if something is.
func (b *board) distrusted() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.wrong
}

// statements returns what came of a slot, oldest first.
func (b *board) statements(wallet chain.WalletID, window chain.Height) (list [][]byte, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	of := feed.Epoch(window / frequency)
	for _, e := range []feed.Epoch{of, of + 1} {
		if p := b.epochs[e]; p != nil {
			for _, m := range p.slots[slot{wallet, window}] {
				list = append(list, m.signed)
			}
		}
	}
	return list, b.wrong
}

// about reads which window a message is about, and who signed it.
func about(wallet chain.WalletID, signed []byte) (window chain.Height, author chain.Operator, err error) {
	message, err := wire.ParsePubsub(signed)
	if err != nil {
		return 0, author, fmt.Errorf("%w: %w", errOff, err)
	}
	key, err := message.Verify()
	if err != nil {
		return 0, author, fmt.Errorf("%w: %w", errOff, err)
	}
	envelope, err := wire.DecodeEnvelope(message.Data(), message.From())
	if err != nil {
		return 0, author, fmt.Errorf("%w: %w", errOff, err)
	}
	said, err := proposal.DecodeMessage(envelope.Payload)
	if err != nil {
		return 0, author, fmt.Errorf("%w: %w", errOff, err)
	}
	if said.Wallet != wallet || said.Block%frequency != 0 {
		return 0, author, errOff
	}
	return said.Block, key.Operator(), nil
}
