package signing

import (
	"bytes"
	"context"
	"slices"

	"github.com/btcsuite/btcd/wire"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/bitcoin"
)

// lenders is how many operators are asked at a time for the transaction of a main UTXO. Each try asks the next ones, so that not
// all answer at once, and all have been asked after as many blocks as there are times lenders operators.
const lenders = 3

// maxLent is how many transactions of one operator a search looks at that are not what is wanted.
const maxLent = 16

// asks reports whether a message asks an operator, among a wallet's. Who answers first is drawn from what is wanted.
func (m wanted) asks(wallet chain.Wallet, op chain.Operator) bool {
	all := operatorsOf(wallet, allSeats(wallet))
	slices.SortFunc(all, func(a, b chain.Operator) int {
		ra, rb := rank("lender", m.utxo, 0, a[:]), rank("lender", m.utxo, 0, b[:])
		return bytes.Compare(ra[:], rb[:])
	})
	first := int(m.try-1) % len(all) * lenders
	for i := range min(lenders, len(all)) {
		if all[(first+i)%len(all)] == op {
			return true
		}
	}
	return false
}

// lender gives transactions of the wallet to others who lack them: that of its main UTXO, without which they cannot make the next
// one, and earlier ones, by which their signers see what became of an earlier payment.
type lender struct {
	wallet chain.Wallet
	self   chain.Operator
	utxo   signer.Digest // as the chain has it
	raw    []byte        // that made it; nil: it is not known
	// earlier reads what was signed before; nil: nothing is given of that. It is read once somebody asks, and kept in known.
	earlier func(ctx context.Context) ([]Signing, error)
	known   map[signer.Digest]forebear
	given   map[signer.Digest]bool
	bytes   int // of them
}

// newLender takes what an intent was made of.
func newLender(wallet chain.Wallet, self chain.Operator, tx *signer.Transaction, earlier func(context.Context) ([]Signing, error)) *lender {
	l := &lender{wallet: wallet, self: self, earlier: earlier, given: make(map[signer.Digest]bool)}
	if tx == nil || len(tx.Previous) != 1 || len(tx.Prevouts) != 1 || tx.Prevouts[0].Value < 0 {
		return l
	}
	spent, err := bitcoin.Outpoints(tx)
	if err != nil || len(spent) != 1 {
		return l
	}
	main := chain.UTXO{TxHash: spent[0].TxHash, Index: spent[0].Index, Value: uint64(tx.Prevouts[0].Value)} //nolint:gosec // not negative
	l.utxo, l.raw = main.Hash(), tx.Previous[0]
	return l
}

// lender returns one of what is known when a wallet's order is carried out.
func (c Config) lender(wallet chain.Wallet, o proposal.Order, tx *signer.Transaction) *lender {
	return newLender(wallet, c.Self, tx, func(ctx context.Context) ([]Signing, error) {
		ctx, cancel := context.WithTimeout(ctx, writeTimeout)
		defer cancel()
		return c.Log.Signings(ctx, wallet.ID(), o.Window, earlierSignings)
	})
}

// hear answers whoever asks, each transaction once: what is published is repeated for as long as the topic is open. All that is given
// is no more than what a signer would read.
func (l *lender) hear(ctx context.Context, topic Topic, by chain.Operator, m wanted) {
	if l.given[m.utxo] || by == l.self || m.wallet != l.wallet.ID() || !l.wallet.Holds(by) || !m.asks(l.wallet, l.self) {
		return
	}
	raw := l.find(ctx, m.utxo)
	if raw == nil || len(l.given) > signer.MaxAncestors || l.bytes+len(raw) > signer.MaxAncestorBytes+bitcoin.MaxTransaction {
		return
	}
	if topic.Publish(ctx, encode(lent{m.wallet, raw})) == nil {
		l.given[m.utxo] = true
		l.bytes += len(raw)
	}
}

// find returns the transaction that is wanted; nil if it is not known, or cannot be read now.
func (l *lender) find(ctx context.Context, what signer.Digest) []byte {
	if l.raw != nil && what == l.utxo {
		return l.raw
	}
	if l.known == nil && l.earlier != nil {
		earlier, err := l.earlier(ctx)
		if err != nil {
			return nil // whoever wants it asks again
		}
		if l.known, err = forebears(earlier); err != nil {
			return nil
		}
	}
	return l.known[what].raw
}

// search asks a wallet's operators for transactions. Nobody is believed: what hashes to what was wanted is that.
type search struct {
	cfg    Config
	topic  Topic
	try    uint32
	said   []byte
	looked map[chain.Operator]int // that were not what was wanted
	found  []*wire.MsgTx
	vain   int // tries in a row that nobody answered
}

// seek asks once, and listens until the next block for a transaction that fits. Nil if nobody has answered by then.
func (s *Service) seek(ctx context.Context, j *job, what signer.Digest, fits func(*wire.MsgTx) bool) *wire.MsgTx {
	if j.search == nil {
		topic, err := s.cfg.Open(j.wallet)
		if err != nil {
			s.logger(j.order).Warn("Could not ask for the transaction of the wallet's main UTXO", "error", err)
			return nil
		}
		j.search = &search{cfg: s.cfg, topic: topic, looked: make(map[chain.Operator]int)}
	}
	if term, served := s.cfg.Term(j.wallet.ID()); !served || term != j.term {
		return nil
	}
	ctx, done := untilChanged(ctx, s.cfg.Clock.Changed())
	defer done()
	j.search.ask(ctx, wanted{j.wallet.ID(), what, j.search.try + 1})
	found := j.search.listen(ctx, j.wallet, fits)
	if j.search.vain++; found != nil {
		j.search.found, j.search.vain = append(j.search.found, found), 0
	}
	return found
}

// everybody reports whether all of a wallet's operators were asked since somebody last answered.
func (s *search) everybody(wallet chain.Wallet) bool {
	return s != nil && s.vain*lenders >= len(wallet.Operators())
}

// ask publishes a try in place of the one before.
func (s *search) ask(ctx context.Context, m wanted) {
	s.topic.Forget(s.said)
	s.try, s.said = m.try, encode(m)
	_ = s.topic.Publish(ctx, s.said) // the next try asks again
}

// listen returns a transaction that fits, unless ctx ends before it comes.
func (s *search) listen(ctx context.Context, wallet chain.Wallet, fits func(*wire.MsgTx) bool) (found *wire.MsgTx) {
	s.cfg.heed(ctx, s.topic, func(by chain.Operator, content any) (enough bool) {
		m, ok := content.(lent)
		if !ok || m.wallet != wallet.ID() || !wallet.Holds(by) || s.looked[by] == maxLent {
			return false
		}
		tx, err := bitcoin.Parse(m.raw)
		if err == nil && fits(tx) {
			found = tx
			return true
		}
		if err != nil || !s.has(tx) { // several give the same
			s.looked[by]++
		}
		return false
	})
	return found
}

// has reports whether a transaction was found before.
func (s *search) has(tx *wire.MsgTx) bool {
	return slices.ContainsFunc(s.found, func(one *wire.MsgTx) bool { return one.TxHash() == tx.TxHash() })
}

// all returns what was found before; nil is no search.
func (s *search) all() []*wire.MsgTx {
	if s == nil {
		return nil
	}
	return s.found
}

// close ends a search; nil is none.
func (s *search) close() {
	if s != nil {
		_ = s.topic.Close() // it ends with the network at the latest
	}
}

// untilChanged returns a context that also ends when a channel is closed. done waits for the goroutine behind it.
func untilChanged(ctx context.Context, changed <-chan struct{}) (within context.Context, done func()) {
	within, cancel := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		select {
		case <-changed:
			cancel()
		case <-within.Done():
		}
	}()
	return within, func() {
		cancel()
		<-over
	}
}
