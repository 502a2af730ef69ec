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
	mu    sync.RWMutex
	known map[string]wire.Author
}

// operator returns the operator who signs under a peer ID; zero for an ID that holds no operator's key.
func (a *authors) operator(id peer.ID) chain.Operator {
	a.mu.RLock()
	author, ok := a.known[string(id)]
	a.mu.RUnlock()
	if ok {
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
	a.mu.RLock()
	author, ok := a.known[string(from)]
	a.mu.RUnlock()
	if ok {
		return author, nil
	}
	author, err := wire.ParseAuthor(from)
	if err != nil || !wallet.Holds(author.Operator) {
		return author, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known == nil {
		a.known = make(map[string]wire.Author)
	}
	if len(a.known) < maxAuthors {
		a.known[string(from)] = author
	}
	return author, nil
}
