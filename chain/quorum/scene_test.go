package quorum

import (
	"encoding/binary"
	"time"

	"github.com/walletnode/walletnode/chain"
)

// branch is a chain in tests: its blocks above from are its own, those up to it everybody's. The zero branch is the
// chain that is right.
type branch struct {
	id   uint64
	from chain.Height
}

// hash is unique for a height and the branch that the block is of.
func (b branch) hash(h chain.Height) chain.Hash {
	var hash chain.Hash
	binary.BigEndian.PutUint64(hash[:], uint64(h)+1)
	if h > b.from {
		binary.BigEndian.PutUint64(hash[8:], b.id)
	}
	return hash
}

func (b branch) header(h chain.Height) chain.Header {
	header := chain.Header{Height: h, Hash: b.hash(h), Time: time.Unix(1_700_000_000+12*int64(h), 0)}
	if h > 0 {
		header.Parent = b.hash(h - 1)
	}
	return header
}

// headers are those of from .. to.
func (b branch) headers(from, to chain.Height) []chain.Header {
	var headers []chain.Header
	for h := from; h <= to; h++ {
		headers = append(headers, b.header(h))
	}
	return headers
}

// sight is a poll of an endpoint that follows the branch up to head.
func (b branch) sight(head chain.Height, ask Ask) Sight {
	s := Sight{ChainID: 1, Head: b.header(head), Took: 50 * time.Millisecond}
	if ask.To > 0 {
		s.Headers = b.headers(ask.From, min(ask.To, head))
	}
	return s
}

// view is that of an endpoint on the branch, of whose chain the depth newest hashes are known.
func (b branch) view(head, depth chain.Height) *View {
	return (*View)(nil).With(b.sight(head, Ask{}), b.headers(head-depth+2, head-1))
}

// row is a voting endpoint on the branch, in a group of its own.
func (b branch) row(name string, head chain.Height) Row {
	s := b.sight(head, Ask{From: head - 2, To: head})
	return Row{Name: name, Group: name, Votes: true, Sight: &s, View: b.view(head, 4)}
}

// ringOf holds the right headers of from .. to.
func ringOf(from, to chain.Height) *Ring {
	r, err := (*Ring)(nil).With(branch{}.headers(from, to))
	if err != nil {
		panic(err)
	}
	return r
}
