package pipeline

import (
	"slices"

	"github.com/walletnode/walletnode/net/feed"
)

// account is what the links around the inbox saw pass in one epoch, and what it commits to.
type account struct {
	first  feed.Seq // the epoch's first record
	names  []string // sources of which something came
	items  *sides   // by source: what came in, and what went out
	shards *gate    // what went out, by shard
	blames []feed.Blame
}

func newAccount(first feed.Seq, shards int) *account {
	a := &account{first: first, shards: newGate(shards, byShard)}
	a.items = newSides(0, func(i int) feed.Label { return feed.Label{Way: feed.BySource, Name: a.names[i]} })
	return a
}

// add counts what came of a source, and what went out of it.
func (a *account) add(source string, came, went []feed.Hash) {
	i := slices.Index(a.names, source)
	if i < 0 {
		i = len(a.names)
		a.names = append(a.names, source)
		a.items.grow()
	}
	a.items.add(i, came, went)
}
