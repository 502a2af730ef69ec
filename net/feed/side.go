package feed

import (
	"context"
	"slices"
	"sort"

	"github.com/walletnode/walletnode/chain"
)

// side is what one of two mailboxes has in an epoch. Its entries are walked once for all wallets, and once more for all proofs.
type side struct {
	Kept
	mailbox string
	points  map[chain.WalletID][]point // that the other one must have, too, ascending
	lanes   map[uint16]*lane           // nil before the first proof
}

// lane is what a mailbox got from one receiver.
type lane struct {
	records []Record
	levels  [][]Hash    // of the tree, leaves first
	at      map[Seq]int // the first record of a number
	highest []Seq       // of the records up to each
}

// side indexes what a mailbox has that another one must have, too.
func (k Kept) side(ctx context.Context, mailbox, other string) (*side, error) {
	s := &side{Kept: k, mailbox: mailbox, points: map[chain.WalletID][]point{}}
	for i := range k.Entries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if e := &k.Entries[i]; k.both(mailbox, other, e) {
			s.points[e.Record.Item.Wallet] = append(s.points[e.Record.Item.Wallet], e.point())
		}
	}
	for w, points := range s.points {
		s.points[w] = inOrder(points)
	}
	return s, nil
}

// lane returns what came from one receiver.
func (s *side) lane(shard uint16) *lane {
	if s.lanes == nil {
		s.lanes = map[uint16]*lane{}
		for i := range s.Entries {
			if e := &s.Entries[i]; e.Gap == nil {
				l := s.lanes[e.Shard]
				if l == nil {
					l = &lane{at: map[Seq]int{}, levels: make([][]Hash, 1)}
					s.lanes[e.Shard] = l
				}
				l.add(e.Record)
			}
		}
	}
	if l := s.lanes[shard]; l != nil {
		return l
	}
	return &lane{levels: make([][]Hash, 1)}
}

func (l *lane) add(r Record) {
	highest := r.Seq
	if n := len(l.highest); n > 0 {
		highest = max(highest, l.highest[n-1])
	}
	if _, there := l.at[r.Seq]; !there {
		l.at[r.Seq] = len(l.records)
	}
	l.records, l.highest, l.levels[0] = append(l.records, r), append(l.highest, highest), append(l.levels[0], r.Hash())
}

// path is PathOf with the tree at hand: of an odd number of nodes the last one stands a level higher, too.
func (l *lane) path(i uint64) (path []Hash) {
	for n := len(l.levels) - 1; len(l.levels[n]) > 1; n++ {
		var above []Hash
		for pair := range slices.Chunk(l.levels[n], 2) {
			if len(pair) == 2 {
				above = append(above, node(pair[0], pair[1]))
			} else {
				above = append(above, pair[0])
			}
		}
		l.levels = append(l.levels, above)
	}
	for _, level := range l.levels {
		if beside := i ^ 1; beside < uint64(len(level)) {
			path = append(path, level[beside])
		}
		i /= 2
	}
	return path
}

// piece shows a record that the mailbox has.
func (s *side) piece(p point) Piece { return s.nth(p.shard, s.lane(p.shard).at[p.seq]) }

// nth shows record i of a lane.
func (s *side) nth(shard uint16, i int) Piece {
	l := s.lane(shard)
	return Piece{Mailbox: s.mailbox, Shard: shard, Index: uint64(i), Record: l.records[i], Path: l.path(uint64(i))}
}

// around shows the records between which one lacks.
func (s *side) around(p point) (pieces []Piece) {
	l := s.lane(p.shard)
	next := sort.Search(len(l.highest), func(i int) bool { return l.highest[i] > p.seq })
	for i := max(0, next-1); i < min(len(l.records), next+1); i++ {
		pieces = append(pieces, s.nth(p.shard, i))
	}
	return pieces
}
