package quorum

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/walletnode/walletnode/chain"
)

// tree is blocks that descend from each other in any way, and tables in which endpoints show any of them: what the
// classifier is asked is as odd as bytes can make it, but hashes are never forged.
type tree struct {
	dice    []byte
	headers []chain.Header
	parents map[chain.Hash]int
}

// roll is a number below n, the next byte's.
func (t *tree) roll(n int) int {
	if len(t.dice) == 0 {
		return 0
	}
	b := t.dice[0]
	t.dice = t.dice[1:]
	return int(b) % n
}

func grow(dice []byte) *tree {
	t := &tree{dice: dice, parents: make(map[chain.Hash]int)}
	base := []chain.Height{0, 100, 1 << 40}[t.roll(3)]
	for i := range 8 + t.roll(40) {
		h := chain.Header{Height: base, Time: time.Unix(int64(i), 0)}
		binary.BigEndian.PutUint64(h.Hash[:], uint64(i)+1)
		if i > 0 {
			parent := max(0, i-1-t.roll(9)/6)
			h.Height, h.Parent = t.headers[parent].Height+1, t.headers[parent].Hash
			t.parents[h.Hash] = parent
		}
		t.headers = append(t.headers, h)
	}
	return t
}

// up returns a block and at most n-1 of its ancestors, ascending.
func (t *tree) up(h chain.Header, n int) []chain.Header {
	headers := []chain.Header{h}
	for len(headers) < n {
		parent, ok := t.parents[h.Hash]
		if !ok {
			break
		}
		h = t.headers[parent]
		headers = append(headers, h)
	}
	slices.Reverse(headers)
	return headers
}

func (t *tree) any() chain.Header { return t.headers[t.roll(len(t.headers))] }

// late is one of the last few blocks, so that endpoints often agree.
func (t *tree) late() chain.Header {
	n := len(t.headers)
	return t.headers[n-1-t.roll(min(n, 5))]
}

// common is the height of the highest block that two chains share; false if they share none.
func (t *tree) common(a, b chain.Header) (chain.Height, bool) {
	for {
		switch {
		case a.Hash == b.Hash:
			return a.Height, true
		case a.Height < b.Height:
			a, b = b, a
		}
		parent, ok := t.parents[a.Hash]
		if !ok {
			return 0, false
		}
		a = t.headers[parent]
	}
}

// row is an endpoint after one to three polls. straight says that all it showed is of its head's chain.
func (t *tree) row(i int) (r Row, straight bool) {
	r = Row{Name: fmt.Sprint("e", i), Group: fmt.Sprint("g", t.roll(6)), Votes: t.roll(8) > 0, Cordoned: t.roll(12) == 11}
	if t.roll(16) == 15 {
		return r, true
	}
	for range 1 + t.roll(3) {
		s := Sight{ChainID: 1, Head: t.late()}
		if t.roll(4) == 3 {
			s.Head = t.any()
		}
		s.Headers = t.up(s.Head, 1+t.roll(4))
		more := t.up(s.Head, 1+t.roll(12))
		straight = true
		switch t.roll(8) {
		case 5:
			s.Headers, straight = t.up(t.any(), 1+t.roll(4)), false
		case 6:
			s.Headers, straight = []chain.Header{t.any(), t.any(), t.any()}, false
		case 7:
			more = t.up(t.any(), 1+t.roll(12))
		}
		switch t.roll(24) {
		case 20:
			s.ChainID = 5
		case 21:
			s.Disputed = 1
		case 22:
			s.Safe, s.Finalized = t.any(), t.any()
		case 23:
			s.Syncing = true
		}
		r.Sight, r.View = &s, r.View.With(s, more)
	}
	switch t.roll(16) {
	case 11:
		r.FalseTips = t.roll(9)
	case 12:
		r.Peers = &Peers{Known: true, Count: t.roll(10), Self: r.Name, IDs: []string{fmt.Sprint("e", t.roll(8))}}
	case 13:
		r.Trouble = []chain.Trouble{chain.TroubleTimeout, chain.TroubleServer, "unheard of"}[t.roll(3)]
	case 14:
		r.HeadSince, r.AgreedSince = time.Hour, time.Duration(t.roll(2))*time.Hour
	case 15:
		r.Regressed = true
	}
	return r, straight
}

// teller answers for single headers with what a head descends from, if it is to be straight, else with any block.
func (t *tree) teller(head chain.Header, straight bool) func(chain.Height) chain.Header {
	return func(h chain.Height) chain.Header {
		if !straight {
			return t.any()
		}
		for up := head; up.Height >= h; {
			if up.Height == h {
				return up
			}
			parent, ok := t.parents[up.Hash]
			if !ok {
				break
			}
			up = t.headers[parent]
		}
		return chain.Header{}
	}
}

// table is up to eight such endpoints.
func (t *tree) table() (table Table, straight []bool) {
	table = Table{ChainID: uint64(t.roll(2)), Rules: DefaultRules(5, 2*time.Second)}
	table.Rules.WalkBack = chain.Height(t.roll(20))
	if t.roll(3) > 0 {
		table.Ring, _ = (*Ring)(nil).With(t.up(t.late(), 1+t.roll(30)))
	}
	for i := range 1 + t.roll(8) {
		row, s := t.row(i)
		if row.View != nil && t.roll(3) > 0 {
			row.View = row.View.Trace(context.Background(), &liar{tell: t.teller(row.View.Head(), s)}, table.Ring)
		}
		table.Rows, straight = append(table.Rows, row), append(straight, s)
	}
	return table, straight
}
