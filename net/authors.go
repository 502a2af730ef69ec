package net

import (
	"sync"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
)

// maxAuthors bounds the keys that are remembered: members of our wallets only, ~200 bytes each. At the bound others are
// read anew with each message.
const maxAuthors = 4096

// authors remembers the keys of members that have spoken, for all wallets. The zero value is empty. Safe for concurrent
// use.
type authors struct {
	mu   sync.RWMutex
	byID map[string]wire.Author
}

// operator returns the operator who signs under a peer ID; zero for an ID that holds no operator's key.
func (a *authors) operator(id peer.ID) chain.Operator {
	if author, ok := a.known([]byte(id)); ok {
		return author.Operator
	}
	key, err := wire.ParsePeerID([]byte(id))
	if err != nil {
		return chain.Operator{}
	}
	return key.Operator()
}

// read reads the author of a message, and remembers it if it is a member of the wallet: strangers could fill the memory.
func (a *authors) read(from []byte, wallet chain.Wallet) (wire.Author, error) {
	if author, ok := a.known(from); ok {
		return author, nil
	}
	author, err := wire.ParseAuthor(from)
	if err == nil && wallet.Holds(author.Operator) {
		a.remember(from, author)
	}
	return author, err
}

// known returns the author of a peer ID that is remembered.
func (a *authors) known(from []byte) (wire.Author, bool) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	author, ok := a.byID[string(from)]
	return author, ok
}

// remember keeps a member's key.
func (a *authors) remember(from []byte, author wire.Author) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.byID == nil {
		a.byID = make(map[string]wire.Author)
	}
	if len(a.byID) < maxAuthors {
		a.byID[string(from)] = author
	}
}
