package sim

import (
	"context"
	"math/big"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/net/nettest"
	"github.com/walletnode/walletnode/proposal"
)

// crook is the operator who is not honest. He holds a seat of one wallet, and has a key and no node.
const crook = 3

// misbehaves has him speak, as the leader who says two things or as somebody else, who must not; idle he does not speak. He reaches everybody, in
// whatever weather; with two faces some hear one of them first.
func (h *house) misbehaves(e event) {
	w, window := h.watched, e.at-e.at%900
	leads := h.leader(w, window) == operator(crook)
	say := func(p proposal.Proposal, to ...*nettest.Member) {
		h.ether.Inject(secret(crook), w, message(crook, w, window, w.LowestSeat(operator(crook)), p), to...)
	}
	switch {
	case e.kind == twoFaced && leads:
		faces := []proposal.Proposal{proposal.Noop{}, proposal.Redemption{OutputScripts: [][]byte{houseScript(1)}, TxFee: big.NewInt(1000)}}
		for n, i := range h.all() {
			if i.node != nil && i.life.hears() {
				say(faces[e.n>>n&1], i.seat)
			}
		}
	case e.kind == impostor:
		say(proposal.Noop{})
	}
}

// banLasts is for how long an operator bans him: what is left of the window, and more.
const banLasts = 10 * time.Minute

// bans has an operator ban him, at one instance. Nobody waits for it: its store may be away.
func (i *instance) bans() {
	n := i.node
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		b, err := n.Cluster().AddBan(ctx, shared.Ban{Operator: operator(crook), Reason: "weather", By: "operator"}, banLasts)
		if err != nil || b.Until == nil {
			return // whether it is stored is not known
		}
		i.record.mu.Lock()
		defer i.record.mu.Unlock()
		i.record.banned[i.firm] = banned{i.tip() + settling, time.Now().Add(banLasts - time.Second)}
	}()
}

// banned is from when and until when a ban must be in force.
type banned struct {
	from  chain.Height
	until time.Time
}

// barred checks that who was banned is banned at all of an operator's instances which were up for a while, and so was their store.
func (r *record) barred(f *firm) {
	b, ok := r.banned[f]
	tip := r.h.tip()
	if !ok || tip < b.from || !time.Now().Before(b.until) || r.well[f] == 0 || tip < r.well[f]+settling {
		return
	}
	for _, i := range f.crew {
		if i.awake > 0 && tip >= i.awake+settling && !i.seat.Banned(operator(crook)) {
			r.wrong("what was recorded stays: %s does not ban whom its operator banned", i.name())
		}
	}
}
