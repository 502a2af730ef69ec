package quorum

import (
	"slices"

	"github.com/walletnode/walletnode/chain"
)

// ballot is a table's vote groups, with the rows that speak for each now.
type ballot struct {
	groups [][]Row // one per configured group, those without a voice too
	needed int     // more than half of them
}

// newBallot lists who may vote. Every group that has a row with the vote role is there; a row that is cordoned, does not
// answer, serves another chain or shows headers with wrong hashes does not speak. So the fewer speak, the more of those
// must agree.
func newBallot(t Table, chainID uint64) ballot {
	at := make(map[string]int, len(t.Rows))
	var b ballot
	for _, row := range t.Rows {
		if !row.Votes {
			continue
		}
		i, ok := at[row.Group]
		if !ok {
			i = len(b.groups)
			at[row.Group] = i
			b.groups = append(b.groups, nil)
		}
		if row.speaks() && row.Sight.ChainID == chainID && row.Sight.Disputed == 0 {
			b.groups[i] = append(b.groups[i], row)
		}
	}
	b.needed = len(b.groups)/2 + 1
	return b
}

// speaks reports whether the row has an answer from this poll that counts.
func (r Row) speaks() bool { return !r.Cordoned && r.Trouble == "" && r.answered() }

func (r Row) answered() bool { return r.Sight != nil && r.View != nil }

// commonChain returns the chain ID that more than half of the configured vote groups serve; 0 if none is.
func commonChain(t Table) uint64 {
	claims := make(map[string]uint64, len(t.Rows)) // a group that claims two chains claims 0: none
	for _, row := range t.Rows {
		if !row.Votes {
			continue
		}
		claim, claimed := claims[row.Group]
		switch {
		case !row.speaks():
			if !claimed {
				claims[row.Group] = unsaid
			}
		case !claimed || claim == unsaid:
			claims[row.Group] = row.Sight.ChainID
		case claim != row.Sight.ChainID:
			claims[row.Group] = 0
		}
	}
	votes := make(map[uint64]int, len(claims))
	for _, id := range claims {
		votes[id]++
	}
	for id, n := range votes {
		if id != 0 && id != unsaid && n > len(claims)/2 {
			return id
		}
	}
	return 0
}

// unsaid is the claim of a group that is silent. No chain has this ID.
const unsaid = ^uint64(0)

// elect returns the highest header that more than half of the configured groups hold, and how many do; without one, the
// zero header and the most groups that hold any one.
//
// No header above the needed-th highest head can have a majority, whatever height a minority claims: the search begins
// there and goes down.
func (b ballot) elect(walkBack chain.Height) (agreed chain.Header, votes int) {
	heads := b.heads()
	if len(heads) == 0 {
		return chain.Header{}, 0
	}
	top := heads[min(b.needed, len(heads))-1]
	for h := top; ; h-- {
		header, n := b.tally(h)
		if n >= b.needed {
			return header, n
		}
		votes = max(votes, n)
		if h == 0 || top-h == walkBack {
			return chain.Header{}, votes
		}
	}
}

// heads returns the highest head in each group that speaks, the highest first.
func (b ballot) heads() []chain.Height {
	var heads []chain.Height
	for _, group := range b.groups {
		if len(group) == 0 {
			continue
		}
		var highest chain.Height
		for _, row := range group {
			highest = max(highest, row.View.Head().Height)
		}
		heads = append(heads, highest)
	}
	slices.Sort(heads)
	slices.Reverse(heads)
	return heads
}

// tally returns the header that most groups hold at a height, and how many. A header that nobody showed, named by its
// child alone, cannot be elected yet: the next poll shows it.
func (b ballot) tally(h chain.Height) (chain.Header, int) {
	type candidate struct {
		hash   chain.Hash
		header chain.Header
		shown  bool
		votes  int
	}
	var candidates []candidate
	for _, group := range b.groups {
		hash, ok := voice(group, h)
		if !ok {
			continue
		}
		i := slices.IndexFunc(candidates, func(c candidate) bool { return c.hash == hash })
		if i < 0 {
			i = len(candidates)
			candidates = append(candidates, candidate{hash: hash})
		}
		c := &candidates[i]
		c.votes++
		for _, row := range group {
			if header, ok := row.View.Header(h); ok {
				c.header, c.shown = header, true
			}
		}
	}
	var best candidate
	for _, c := range candidates {
		if c.shown && c.votes > best.votes {
			best = c
		}
	}
	return best.header, best.votes
}

// voice returns the hash that a group holds at a height: all of its rows that know the height must name it.
func voice(group []Row, h chain.Height) (hash chain.Hash, ok bool) {
	for _, row := range group {
		named, known := row.View.At(h)
		if !known {
			continue
		}
		if ok && named != hash {
			return chain.Hash{}, false
		}
		hash, ok = named, true
	}
	return hash, ok
}
