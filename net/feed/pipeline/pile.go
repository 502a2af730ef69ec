package pipeline

import (
	"slices"

	"github.com/walletnode/walletnode/net/feed"
)

// storedAtOnce is how many entries are enough for a transaction: more of them make it no cheaper for each.
const storedAtOnce = 1024

// pile is entries that were made and are not stored yet.
type pile struct {
	entries []feed.Entry
	owners  []*box // whose each is
}

func (p *pile) add(e feed.Entry, owner *box) {
	p.entries, p.owners = append(p.entries, e), append(p.owners, owner)
}

// grow makes room for n more.
func (p *pile) grow(n int) {
	p.entries, p.owners = slices.Grow(p.entries, n), slices.Grow(p.owners, n)
}

// empty forgets the entries, and keeps the room for as many as came last.
func (p *pile) empty() {
	clear(p.entries)
	clear(p.owners)
	p.entries, p.owners = p.entries[:0], p.owners[:0]
	if cap(p.entries) > 4*storedAtOnce {
		*p = pile{}
	}
}
