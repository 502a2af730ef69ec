package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/executor"
	"github.com/walletnode/walletnode/internal/cluster"
)

// errNotWritten says that an envelope was to be sent that is not the window's stored one.
var errNotWritten = errors.New("not sent: it was not written down for any window")

// mouth is what a wallet's executor writes in and speaks through in one term. Nothing leaves that was not claimed, stored and
// written into the instance's own journal under this very term, and nothing once the term is over.
type mouth struct {
	executor.Channel
	coordination.Journal

	wallet  chain.WalletID
	term    coordination.Term
	custody *custody
	desk    *cluster.Desk

	mu  sync.Mutex
	own map[chain.Height]utterance // what is said in a window: one, or two at the turn of windows
}

// utterance is a window's stored proposal. It is cleared once the desk let it pass in this term.
type utterance struct {
	coordination.OwnProposal
	cleared bool
}

// newMouth makes the mouth for a term of a wallet, which may be over before it says anything.
func newMouth(wallet chain.WalletID, c *custody, desk *cluster.Desk, channel executor.Channel, journal coordination.Journal) *mouth {
	return &mouth{
		Channel: channel, Journal: journal, wallet: wallet, term: c.Term(wallet), custody: c, desk: desk,
		own: make(map[chain.Height]utterance),
	}
}

// Own implements coordination.Journal. What it returns still has to pass the desk before it is sent again.
func (m *mouth) Own(ctx context.Context, wallet chain.WalletID, window chain.Height) (coordination.OwnProposal, bool, error) {
	own, found, err := m.Journal.Own(ctx, wallet, window)
	if err == nil && found {
		m.mu.Lock()
		defer m.mu.Unlock()
		if _, known := m.own[window]; !known {
			m.own[window] = utterance{OwnProposal: own}
		}
	}
	return own, found, err
}

// SaveOwn implements coordination.Journal.
func (m *mouth) SaveOwn(ctx context.Context, _ chain.WalletID, window chain.Height, own coordination.OwnProposal) (coordination.OwnProposal, error) {
	return m.clear(ctx, window, own)
}

// clear has the desk settle what is said in a window: what is stored, or else own.
func (m *mouth) clear(ctx context.Context, window chain.Height, own coordination.OwnProposal) (coordination.OwnProposal, error) {
	tenure, a, term, err := m.custody.session(m.wallet)
	if err != nil {
		return own, err
	}
	if term != m.term {
		return own, cluster.ErrFenced
	}
	settled, err := m.desk.Propose(ctx, tenure, a, window, func(context.Context) (coordination.OwnProposal, error) { return own, nil })
	if err != nil {
		if errors.Is(err, cluster.ErrFenced) {
			m.custody.lapse(m.wallet, term)
		}
		return own, fmt.Errorf("claim the window: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.own[window] = utterance{settled, true}
	return settled, nil
}

// Publish sends an envelope that was written down for a window, if the term still lasts.
func (m *mouth) Publish(ctx context.Context, envelope []byte) error {
	window, u, ok := m.written(envelope)
	if !ok {
		return errNotWritten
	}
	if !u.cleared {
		settled, err := m.clear(ctx, window, u.OwnProposal)
		if err != nil {
			return err
		}
		if !bytes.Equal(settled.Envelope, envelope) {
			return fmt.Errorf("%w: another one is stored", errNotWritten)
		}
	}
	if m.term == 0 || m.custody.Term(m.wallet) != m.term { // the lease is asked last, right before the bytes leave
		return cluster.ErrFenced
	}
	return m.Channel.Publish(ctx, envelope)
}

// written finds the window that an envelope was written down for.
func (m *mouth) written(envelope []byte) (chain.Height, utterance, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for window, u := range m.own {
		if bytes.Equal(u.Envelope, envelope) {
			return window, u, true
		}
	}
	return 0, utterance{}, false
}
