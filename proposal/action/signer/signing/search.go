package signing

import (
	"bytes"
	"context"
	"slices"

	"github.com/btcsuite/btcd/wire"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/bitcoin"
)

// lenders is how many operators are asked at a time for the transaction of a main UTXO. Each try asks the next ones, so that not
// all answer at once, and all have been asked after as many blocks as there are times lenders operators.
const lenders = 3

// maxLent is how many transactions of one operator a search looks at.
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

// lender gives the transaction of the wallet's main UTXO to others who do not have it and therefore cannot make the next one.
type lender struct {
	wallet chain.Wallet
	self   chain.Operator
	utxo   signer.Digest // as the chain has it
	raw    []byte        // nil: there is nothing to give
	given  bool
}

// newLender takes what an intent was made of.
func newLender(wallet chain.Wallet, self chain.Operator, tx *signer.Transaction) *lender {
	l := &lender{wallet: wallet, self: self}
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

// hear answers whoever asks, once: what is published is repeated for as long as the topic is open.
func (l *lender) hear(ctx context.Context, topic Topic, by chain.Operator, m wanted) {
	if l.raw == nil || l.given || by == l.self || m.wallet != l.wallet.ID() || m.utxo != l.utxo || !l.wallet.Holds(by) || !m.asks(l.wallet, l.self) {
		return
	}
	l.given = topic.Publish(ctx, encode(lent{m.wallet, l.raw})) == nil
}

// search asks a wallet's operators for the transaction of its main UTXO. Nobody is believed: what hashes to what the chain has
// is what was wanted.
type search struct {
	topic  Topic
	try    uint32
	said   []byte
	looked map[chain.Operator]int
	found  *wire.MsgTx
}

// seek asks once, and listens until the next block. Nil if nobody has answered by then.
func (s *Service) seek(ctx context.Context, j *job, utxo [32]byte) *wire.MsgTx {
	if j.search == nil {
		topic, err := s.cfg.Open(j.wallet)
		if err != nil {
			s.logger(j.order).Warn("Could not ask for the transaction of the wallet's main UTXO", "error", err)
			return nil
		}
		j.search = &search{topic: topic, looked: make(map[chain.Operator]int)}
	}
	if term, served := s.cfg.Term(j.wallet.ID()); !served || term != j.term {
		return nil
	}
	ctx, done := untilChanged(ctx, s.cfg.Clock.Changed())
	defer done()
	j.search.ask(ctx, wanted{j.wallet.ID(), utxo, j.search.try + 1})
	return j.search.listen(ctx, j, utxo)
}

// ask publishes a try in place of the one before.
func (s *search) ask(ctx context.Context, m wanted) {
	s.topic.Forget(s.said)
	s.try, s.said = m.try, encode(m)
	_ = s.topic.Publish(ctx, s.said) // the next try asks again
}

// listen returns the transaction that makes utxo, unless ctx ends before it comes.
func (s *search) listen(ctx context.Context, j *job, utxo [32]byte) (found *wire.MsgTx) {
	heed(ctx, s.topic, func(by chain.Operator, content any) (enough bool) {
		m, ok := content.(lent)
		if !ok || m.wallet != j.wallet.ID() || !j.wallet.Holds(by) || s.looked[by] == maxLent {
			return false
		}
		s.looked[by]++
		tx, err := bitcoin.Parse(m.raw)
		if err != nil {
			return false
		}
		if _, _, _, ok := j.main(utxo, []*wire.MsgTx{tx}); ok {
			s.found, found = tx, tx
		}
		return found != nil
	})
	return found
}

// all returns what was found before; nil is no search.
func (s *search) all() []*wire.MsgTx {
	if s == nil || s.found == nil {
		return nil
	}
	return []*wire.MsgTx{s.found}
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
