package vault

import (
	"fmt"
	"sync"

	"github.com/walletnode/walletnode/internal/wire"
)

// maxAuthors is more operators than a node has wallets with. At it all are forgotten, and found out again.
const maxAuthors = 4096

// authors remembers the operators' keys. To read one means to find a point of the curve, and each operator of a wallet says
// something in every round.
type authors struct {
	mu    sync.Mutex
	known map[string]wire.Author // by peer ID
}

// verify checks a message's signature and returns who signed it. It accepts what wire's Verify accepts, except that it does not
// look at the key field, which no signature covers. Where C is linked in it takes a third of that one's time: a signature of
// 51 operators has a hundred messages.
func (a *authors) verify(m wire.PubsubMessage) (wire.Author, error) {
	author, err := a.find(m.From())
	if err != nil {
		return wire.Author{}, fmt.Errorf("%w: %w", wire.ErrSignature, err)
	}
	if err := m.VerifyBy(author); err != nil {
		return wire.Author{}, err
	}
	return author, nil
}

func (a *authors) find(peerID []byte) (wire.Author, error) {
	a.mu.Lock()
	author, ok := a.known[string(peerID)]
	a.mu.Unlock()
	if ok {
		return author, nil
	}
	author, err := wire.ParseAuthor(peerID)
	if err != nil {
		return wire.Author{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known == nil || len(a.known) >= maxAuthors {
		a.known = make(map[string]wire.Author)
	}
	a.known[string(peerID)] = author
	return author, nil
}
