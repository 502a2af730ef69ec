package mailbox

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/chain"
)

// heard is what a page has of an operator.
func (p *page) heard(by chain.Operator) (list [][]byte) {
	for _, said := range p.slots {
		for _, m := range said {
			if m.author == by {
				list = append(list, m.signed)
			}
		}
	}
	return list
}

// sound wants a page's sums to be those of what is on it, and within the bounds.
func sound(t require.TestingT, p *page) {
	sums, all := map[chain.Operator]int{}, 0
	for _, list := range p.slots {
		require.NotEmpty(t, list)
		require.LessOrEqual(t, len(list), maxOfSlot)
		of := map[chain.Operator]int{}
		for _, m := range list {
			sums[m.author] += len(m.signed) + overhead
			all += len(m.signed) + overhead
			of[m.author]++
			require.LessOrEqual(t, of[m.author], maxOfAuthor)
		}
	}
	require.Equal(t, all, p.bytes)
	require.LessOrEqual(t, p.bytes, maxBytes)
	require.Len(t, p.authors, len(sums))
	require.Len(t, p.most, len(sums))
	for n, a := range p.most {
		require.Equal(t, n, a.at)
		require.Equal(t, sums[a.operator], a.bytes)
		require.LessOrEqual(t, a.bytes, p.most[0].bytes)
		require.Same(t, a, p.authors[a.operator])
		require.Len(t, p.heard(a.operator), len(a.said))
	}
}

// Operators who say all that there is room for, and more, take nothing from one who comes last and says as much as a leader does.
func TestWhoSaysMuchCrowdsOutNobody(t *testing.T) {
	for _, loud := range []byte{8, 20} {
		t.Run(fmt.Sprint(loud), func(t *testing.T) {
			p := newPage()
			for n := range 2 * maxBytes / (64 << 10) / int(loud) {
				for by := range loud {
					said := bytes.Repeat([]byte{by, byte(n), byte(n >> 8)}, (64<<10)/3)
					_, _ = p.put(slot{chain.WalletID{by, byte(n / maxOfAuthor)}, 900}, chain.Operator{1, by}, said)
				}
			}
			sound(t, p)
			require.Greater(t, p.bytes, maxBytes-(128<<10), "it is full")
			leader, own := chain.Operator{2}, 0
			for n := range 1000 { // a leader of a thousand wallets
				said := bytes.Repeat([]byte{byte(n), byte(n >> 8)}, 512)
				fresh, _ := p.put(slot{chain.WalletID{3, byte(n), byte(n >> 8)}, 900}, leader, said)
				require.True(t, fresh)
				own += len(said) + overhead
			}
			sound(t, p)
			require.Equal(t, own, p.authors[leader].bytes, "nothing of it has gone")
			for by := range loud {
				require.Greater(t, p.authors[chain.Operator{1, by}].bytes, own, "and what they said first is there")
			}
			fresh, err := p.put(slot{chain.WalletID{1, 0xff}, 900}, chain.Operator{1, 0}, bytes.Repeat([]byte{1}, 3<<20))
			require.Error(t, err)
			require.False(t, fresh, "none of them takes more than its part")
		})
	}
}

// A hundred operators who say eight things each about one wallet leave room for the word of one more.
func TestNobodyIsCrowdedOutOfOneSlot(t *testing.T) {
	p, at := newPage(), slot{chain.WalletID{1}, 900}
	for by := range byte(99) {
		for n := range byte(maxOfAuthor) {
			_, _ = p.put(at, chain.Operator{1, by}, []byte{by, n})
		}
	}
	require.Len(t, p.slots[at], maxOfSlot)
	fresh, err := p.put(at, chain.Operator{2}, []byte("the leader's"))
	require.ErrorContains(t, err, "gives way")
	require.True(t, fresh)
	for by := range byte(99) {
		require.Contains(t, p.heard(chain.Operator{1, by}), []byte{by, 0}, "what each said first stays")
	}
	sound(t, p)
}

// Whatever is said in whatever order: a page is within its bounds, and only who has more than another one gives way to it.
func TestAPageIsFair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newPage()
		for n := range rapid.IntRange(1, 200).Draw(t, "messages") {
			by := chain.Operator{byte(rapid.IntRange(0, 30).Draw(t, "by"))}
			at := slot{chain.WalletID{byte(rapid.IntRange(0, 40).Draw(t, "wallet"))}, 900}
			said := make([]byte, rapid.SampledFrom([]int{10, 1 << 10, 1 << 20}).Draw(t, "size"))
			copy(said, []byte{byte(n), byte(n >> 8)})
			before := map[chain.Operator]int{}
			for _, a := range p.most {
				before[a.operator] = a.bytes
			}
			fresh, err := p.put(at, by, said)
			require.True(t, fresh || err != nil)
			for other, had := range before {
				if a := p.authors[other]; other != by && (a == nil || a.bytes < had) {
					require.True(t, had > before[by]+len(said)+overhead || len(p.slots[at]) >= maxOfSlot-1)
				}
			}
		}
		sound(t, p)
	})
}
