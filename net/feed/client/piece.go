package client

import (
	"slices"

	"github.com/walletnode/walletnode/net/feed"
)

// piece is what of an epoch is answered at once: so many entries after one.
func piece(x feed.Export, after feed.Number, most int) feed.Export {
	k := x.Epochs[0]
	from := slices.IndexFunc(k.Entries, func(e feed.Entry) bool { return e.Number > after })
	if from < 0 {
		from = len(k.Entries)
	}
	to := min(len(k.Entries), from+most)
	k.Entries = k.Entries[from:to]
	if k.Witnesses != nil {
		k.Witnesses = k.Witnesses[from:to]
	}
	x.Epochs = []feed.Kept{k}
	return x
}

// join adds the next piece; false if it is none.
func join(x *feed.Export, more feed.Export) bool {
	if x.Epochs == nil {
		*x = more
		return len(more.Epochs) == 1
	}
	if more.Instance != x.Instance || more.Mailbox != x.Mailbox || len(more.Epochs) != 1 || more.Epochs[0].Seal.Hash() != x.Epochs[0].Seal.Hash() {
		return false
	}
	k, next := &x.Epochs[0], more.Epochs[0]
	if n := len(k.Entries); n == 0 || len(next.Entries) == 0 || next.Entries[0].Number <= k.Entries[n-1].Number {
		return false
	}
	if k.Witnesses != nil || next.Witnesses != nil {
		k.Witnesses = append(asLong(*k), asLong(next)...)
	}
	k.Entries = append(k.Entries, next.Entries...)
	return true
}

// asLong are an epoch's witnesses, as many as it has entries.
func asLong(k feed.Kept) []*feed.Witness {
	if k.Witnesses == nil {
		return make([]*feed.Witness, len(k.Entries))
	}
	return k.Witnesses
}
