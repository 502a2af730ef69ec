package vault

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// Mailbox has the leaders' signed messages by a way of the backend's own; *mailbox.Readers are one. It may be asked by many goroutines.
type Mailbox interface {
	// Statements returns those of a wallet's window that came so far, oldest first, and what is closed when there may be more. An error
	// says why the mailbox is not to be relied on.
	Statements(wallet chain.WalletID, window chain.Height) (list [][]byte, more <-chan struct{}, err error)
	// Feed tells how the mailbox fares, and what is wrong with it.
	Feed() signer.FeedHealth
}

// fromMailbox puts the leader's message that came through the mailbox in the place of the one that the node shows, which is not looked
// at. It waits for one that proposes what the session is about: of that alone the session's name is the hash.
func (v *Vault) fromMailbox(ctx context.Context, r signer.SignRound, k key) (*signer.SignOpen, error) {
	if v.cfg.Mailbox == nil {
		return r.Open, nil
	}
	if err := k.usable(); err != nil {
		return nil, err
	}
	open := *r.Open
	late := time.NewTimer(v.cfg.Wait)
	defer late.Stop()
	seen := map[[sha256.Size]byte]bool{} // and not what is asked for: what woke us may be about something else
	for {
		list, more, err := v.cfg.Mailbox.Statements(open.Intent.Wallet, open.Intent.Window)
		if err != nil {
			return nil, signer.Refuse(signer.RuleFeed, "%v", err)
		}
		for _, statement := range list {
			sum := sha256.Sum256(statement)
			if seen[sum] {
				continue
			}
			seen[sum] = true
			open.Intent.Statement = statement
			p, err := proposed(k, open.Intent)
			if err == nil && signer.SigningSession(open.Intent.Digest(p), open.Input, open.Attempt, open.Signers) == r.Session {
				return &open, nil
			}
		}
		select {
		case <-more:
		case <-late.C:
			if len(seen) == 0 {
				return nil, signer.Refuse(signer.RuleFeed, "no leader's message of window %d came through the mailbox", open.Intent.Window)
			}
			return nil, signer.Refuse(signer.RuleFeed, "what is asked for is not what a leader proposes in the mailbox, which has %d messages of window %d", len(seen), open.Intent.Window)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
