package mailbox

import (
	"bytes"
	"container/heap"
	"fmt"

	"github.com/walletnode/walletnode/chain"
)

// Bounds of a page.
const (
	// maxOfAuthor is how many messages of one operator about one wallet and window are kept, those that came first: as many as a node stores.
	maxOfAuthor = 8
	// maxOfSlot is how many are kept of all: whoever signs looks at each of them, and an instance that lies can have any number of keys sign some.
	// A wallet has at most 100 operators, so there is room for a word of each.
	maxOfSlot = 128
	// maxBytes of messages of one epoch are kept of each instance's mailbox, and overhead is what one takes beside its bytes. A leader of 1000
	// wallets says about one MiB.
	maxBytes, overhead = 32 << 20, 256
)

// page is what came in one epoch. Where there is no room, whoever has said most gives way with what it said last: so nobody's word is lost to
// others who say more, in whatever order they come.
type page struct {
	slots   map[slot][]message
	authors map[chain.Operator]*author
	most    loudest
	bytes   int
}

type slot struct {
	wallet chain.WalletID
	window chain.Height
}

type message struct {
	author chain.Operator
	signed []byte
}

// author is what one operator has on a page.
type author struct {
	operator chain.Operator
	bytes    int
	said     []slot // of each message, in the order in which they came
	at       int    // in loudest
}

func newPage() *page {
	return &page{slots: map[slot][]message{}, authors: map[chain.Operator]*author{}}
}

// put keeps a message, once; fresh is false of one that is there. The error says that it is left out, or what was to make room for it.
func (p *page) put(s slot, by chain.Operator, signed []byte) (fresh bool, err error) {
	counts := map[chain.Operator]int{}
	for _, m := range p.slots[s] {
		if bytes.Equal(m.signed, signed) { // read again
			return false, nil
		}
		counts[m.author]++
	}
	over := fmt.Errorf("wallet %v, window %d: operator %v says more than is kept", s.wallet, s.window, by)
	loud, full := by, len(p.slots[s]) >= maxOfSlot
	if full {
		for _, m := range p.slots[s] { // the first one of those who said as much
			if counts[m.author] > counts[loud] {
				loud = m.author
			}
		}
	}
	if counts[by] >= maxOfAuthor || full && counts[loud] <= counts[by]+1 {
		return false, over
	}
	a, size := p.authors[by], len(signed)+overhead
	has := size
	if a != nil {
		has += a.bytes
	}
	for p.bytes+size > maxBytes {
		if len(p.most) == 0 || p.most[0].bytes <= has {
			return false, over
		}
		err = p.drop(p.most[0], p.most[0].said[len(p.most[0].said)-1])
	}
	if len(p.slots[s]) >= maxOfSlot { // nothing of it has gone meanwhile
		err = p.drop(p.authors[loud], s)
	}
	if a == nil {
		a = &author{operator: by}
		p.authors[by] = a
		heap.Push(&p.most, a)
	}
	p.slots[s] = append(p.slots[s], message{by, bytes.Clone(signed)})
	a.said = append(a.said, s)
	p.grow(a, size)
	return true, err
}

// drop forgets what an operator said last about a slot.
func (p *page) drop(a *author, s slot) error {
	list := p.slots[s]
	for n := len(list) - 1; n >= 0; n-- {
		if list[n].author != a.operator {
			continue
		}
		p.grow(a, -len(list[n].signed)-overhead)
		copy(list[n:], list[n+1:])
		list[len(list)-1] = message{}
		p.slots[s] = list[:len(list)-1]
		break
	}
	if len(p.slots[s]) == 0 {
		delete(p.slots, s)
	}
	for n := len(a.said) - 1; n >= 0; n-- {
		if a.said[n] == s {
			a.said = append(a.said[:n], a.said[n+1:]...)
			break
		}
	}
	if len(a.said) == 0 {
		heap.Remove(&p.most, a.at)
		delete(p.authors, a.operator)
	}
	return fmt.Errorf("wallet %v, window %d: operator %v said more than others; what it said last gives way", s.wallet, s.window, a.operator)
}

func (p *page) grow(a *author, by int) {
	a.bytes += by
	p.bytes += by
	heap.Fix(&p.most, a.at)
}

// loudest has whoever has most at its top. It implements heap.Interface.
type loudest []*author

// Len implements heap.Interface.
func (l loudest) Len() int { return len(l) }

// Less implements heap.Interface.
func (l loudest) Less(i, j int) bool { return l[i].bytes > l[j].bytes }

// Swap implements heap.Interface.
func (l loudest) Swap(i, j int) {
	l[i], l[j] = l[j], l[i]
	l[i].at, l[j].at = i, j
}

// Push implements heap.Interface.
func (l *loudest) Push(x any) {
	a := x.(*author) //nolint:forcetypeassert // nothing else is pushed
	a.at = len(*l)
	*l = append(*l, a)
}

// Pop implements heap.Interface.
func (l *loudest) Pop() any {
	last := len(*l) - 1
	a := (*l)[last]
	(*l)[last] = nil
	*l = (*l)[:last]
	return a
}
