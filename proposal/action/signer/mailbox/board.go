// Package mailbox gives a signer backend its own word of what leaders proposed: it follows a mailbox of the operator's feed, verifies
// it, and keeps the leaders' signed messages of the newest windows.
package mailbox

import (
	"bytes"
	"errors"
	"fmt"
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
	// maxOfAuthor is how many messages of one operator about one wallet and window are kept, those that came first: as many as a node
	// stores. What others say takes a leader nothing of that.
	maxOfAuthor = 8
	// maxBytesOfAuthor and maxBytes of messages of one epoch are kept. A leader of 1000 wallets says about one MiB.
	maxBytesOfAuthor, maxBytes = 4 << 20, 256 << 20
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
	until  feed.Epoch    // the first epoch whose seal can show that it is again
}

// page is what came in one epoch.
type page struct {
	slots   map[slot][]message
	authors map[chain.Operator]int // bytes
	bytes   int
}

type slot struct {
	wallet chain.WalletID
	window chain.Height
}

type message struct {
	author chain.Operator
	signed []byte
}

func newBoard() *board { return &board{epochs: map[feed.Epoch]*page{}, more: make(chan struct{})} }

// put keeps what a record holds, if it is a signed coordination message of the record's wallet and about the epoch. Whether it is the
// leader's is for who signs to judge.
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
	p := b.epochs[epoch]
	if p == nil {
		p = &page{slots: map[slot][]message{}, authors: map[chain.Operator]int{}}
		b.epochs[epoch] = p
		b.forget()
	}
	s, size, by := slot{e.Record.Item.Wallet, window}, len(payload), 0
	for _, m := range p.slots[s] {
		if bytes.Equal(m.signed, payload) { // read again
			return nil
		}
		if m.author == author {
			by++
		}
	}
	if by >= maxOfAuthor || p.authors[author]+size > maxBytesOfAuthor || p.bytes+size > maxBytes {
		return fmt.Errorf("wallet %v, window %d: operator %v says more than is kept", s.wallet, window, author)
	}
	p.authors[author] += size
	p.bytes += size
	p.slots[s] = append(p.slots[s], message{author, bytes.Clone(payload)})
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

// distrust has the board refuse everything, and forget what it has: what brought it is to blame for something else. The seal of an epoch
// from until on may show that it is well again.
func (b *board) distrust(why error, until feed.Epoch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wrong, b.until, b.epochs = why, max(b.until, until), map[feed.Epoch]*page{}
	b.changed()
}

// trust takes that back, if the epoch that is well now is late enough.
func (b *board) trust(e feed.Epoch) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.wrong == nil || e < b.until {
		return false
	}
	b.wrong, b.until = nil, 0
	b.changed()
	return true
}

// distrusted is why nothing is taken; nil if something is.
func (b *board) distrusted() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.wrong
}

// statements returns what came of a slot, oldest first, and what is closed when there may be more.
func (b *board) statements(wallet chain.WalletID, window chain.Height) (list [][]byte, more <-chan struct{}, err error) {
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
	return list, b.more, b.wrong
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
