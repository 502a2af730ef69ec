package client

import (
	"context"
	"errors"

	"github.com/walletnode/walletnode/net/feed"
)

// maxAsked is how often the list of keys is asked for in an epoch because of signatures of origins. What is not verified beyond that blames nobody: an
// origin that has new keys on purpose could have all instances blamed otherwise.
const maxAsked = 16

// witness keeps what came as the signature of an entry's origin beside the entry. Where it cannot be verified the list of keys is asked
// for, since the key may be a new one; a wrong signature is the instance's fault, which the reader tells with the seal.
func (f *Follower) witness(ctx context.Context, w *feed.Witness) error {
	if w == nil {
		return nil
	}
	err := f.reader.Witness(*w)
	if err == nil || f.asked >= maxAsked {
		return nil // it is left out
	}
	f.asked++
	if err := f.fetchKeys(ctx); err != nil {
		return err
	}
	switch err = f.reader.Witness(*w); {
	case errors.Is(err, feed.ErrUnknownInstance):
		f.cfg.Logger.Debug("Cannot tell whether an origin signed a record: no key of it is known", "mailbox", f.at.Mailbox, "origin", w.Origin.Source)
	case err != nil:
		f.reader.Unsigned()
		f.cfg.Logger.Warn("An instance delivered a record that its origin did not sign so",
			"mailbox", f.at.Mailbox, "instance", f.reader.Instance(), "error", err)
	}
	return nil
}
