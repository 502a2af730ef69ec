// Package mailbox gives a signer backend its own word of what leaders proposed: it follows a mailbox of the operator's feed, verifies
// it, and keeps the leaders' signed messages of the newest windows.
package mailbox

import (
	"errors"
	"fmt"
	"slices"
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
	// maxOfSlot is how many messages of one wallet and window are kept, those that came first. A leader says one thing.
	maxOfSlot = 16
	// maxBytes of messages of one epoch are kept. Those of 1000 wallets have some hundred kB.
	maxBytes = 64 << 20
	// frequency is the distance between windows in blocks (RFC 12); an epoch of the feed is one of them.
	frequency = 900
)

// errOff says that a message is none of the wallet and the window that its record is of.
var errOff = errors.New("the record is no leader's message of its wallet and epoch")

// board is what came through the mailbox. It may be used by many goroutines at once.
type board struct {
	mu     sync.Mutex
	epochs map[feed.Epoch]*page
	more   chan struct{} // closed and replaced with each message, and when it is not to be relied on any more
	wrong  error         // why it is not
}

// page is what came in one epoch.
type page struct {
	slots map[slot][][]byte
	bytes int
}

type slot struct {
	wallet chain.WalletID
	window chain.Height
}

func newBoard() *board { return &board{epochs: map[feed.Epoch]*page{}, more: make(chan struct{})} }

// put keeps what a record holds, if it is a leader's message of the record's wallet and about the epoch. Whose it is and whether it
// leads is for who signs to judge.
func (b *board) put(e feed.Entry, payload []byte) error {
	if e.Gap != nil || e.Record.Item.Kind != feed.KindProposal {
		return nil
	}
	window, err := windowOf(e.Record.Item.Wallet, payload)
	if err != nil {
		return err
	}
	epoch := e.Record.Epoch
	if about := feed.Epoch(window / frequency); about > epoch || about+1 < epoch { // the window's, or one that is told late
		return errOff
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.epochs[epoch]
	if p == nil {
		p = &page{slots: map[slot][][]byte{}}
		b.epochs[epoch] = p
		b.forget()
	}
	s := slot{e.Record.Item.Wallet, window}
	if len(p.slots[s]) >= maxOfSlot || p.bytes+len(payload) > maxBytes {
		return fmt.Errorf("wallet %v, window %d: more is said than is kept", s.wallet, window)
	}
	p.bytes += len(payload)
	p.slots[s] = append(p.slots[s], slices.Clone(payload))
	b.changed()
	return nil
}

// forget drops the oldest epochs beyond those that are kept.
func (b *board) forget() {
	for len(b.epochs) > maxEpochs {
		oldest := ^feed.Epoch(0)
		for e := range b.epochs {
			oldest = min(oldest, e)
		}
		delete(b.epochs, oldest)
	}
}

func (b *board) changed() {
	close(b.more)
	b.more = make(chan struct{})
}

// distrust has the board refuse everything: what brought it is to blame for something else.
func (b *board) distrust(why error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.wrong == nil {
		b.wrong = why
		b.changed()
	}
}

// statements returns what came of a slot, oldest first, and what is closed when there may be more.
func (b *board) statements(wallet chain.WalletID, window chain.Height) (list [][]byte, more <-chan struct{}, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	about := feed.Epoch(window / frequency)
	for _, e := range []feed.Epoch{about, about + 1} {
		if p := b.epochs[e]; p != nil {
			list = append(list, p.slots[slot{wallet, window}]...)
		}
	}
	return list, b.more, b.wrong
}

// windowOf reads which window a signed message is about.
func windowOf(wallet chain.WalletID, signed []byte) (chain.Height, error) {
	message, err := wire.ParsePubsub(signed)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errOff, err)
	}
	envelope, err := wire.DecodeEnvelope(message.Data(), message.From())
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errOff, err)
	}
	said, err := proposal.DecodeMessage(envelope.Payload)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errOff, err)
	}
	if said.Wallet != wallet || said.Block%frequency != 0 {
		return 0, errOff
	}
	return said.Block, nil
}
