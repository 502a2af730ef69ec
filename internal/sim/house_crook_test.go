package sim

import (
	"math/big"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/nettest"
	"github.com/walletnode/walletnode/proposal"
)

// crook is the operator who is not honest. He holds a seat of one wallet, and has a key and no node.
const crook = 3

// manner is what he does in a window.
type manner byte

// The manners: as the leader, who would have to speak; and as somebody else, who must not.
const (
	silent manner = iota
	plain
	twoFaced
	manners
)

// misbehaves has him do what the seed says. He reaches everybody, in whatever weather; with two faces some hear one of them first.
func (h *house) misbehaves(window chain.Height) {
	w := h.watched
	drawn := digestOf(h.seed, "crook", window)
	how, leads := manner(drawn[0])%manners, h.leader(w, window) == operator(crook)
	if how == silent {
		return
	}
	say := func(p proposal.Proposal, to ...*nettest.Member) {
		h.ether.Inject(secret(crook), w, message(crook, w, window, w.LowestSeat(operator(crook)), p), to...)
	}
	if how == plain || !leads {
		say(proposal.Noop{})
		return
	}
	faces := []proposal.Proposal{proposal.Noop{}, proposal.Redemption{OutputScripts: [][]byte{{0, 20, 1}}, TxFee: big.NewInt(1000)}}
	for n, i := range h.all() {
		if i.node != nil && i.life.hears() {
			say(faces[int(drawn[1]>>n&1)], i.seat)
		}
	}
}
