package signing

import (
	"context"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// poorHeartbeats is how many poor heartbeats in a row are an inactivity.
const poorHeartbeats = 3

// heartbeats is how many earlier signatures are looked through for the heartbeats before one: there are more of those than
// of anything else.
const heartbeats = 50

// heartbeat signs the message that shows that the wallet is alive, and counts the seats that were there.
type heartbeat struct{ *Service }

// Handle implements action.Handler.
func (h heartbeat) Handle(ctx context.Context, o proposal.Order) (action.Outcome, string) {
	if o.Proposal.Kind() != proposal.KindHeartbeat {
		return action.HandlerFailed, fmt.Sprintf("%v is not a heartbeat", o.Proposal.Kind())
	}
	outcome, detail := h.carryOut(ctx, o, func(context.Context, *job) (*signer.Transaction, error) { return nil, nil }) //nolint:nilnil // it has none
	if outcome != "" || h.cfg.Clock.Height() >= o.SigningEnd() {
		h.judge(ctx, o)
	}
	return outcome, detail
}

// judge records an inactivity if this heartbeat is the third poor one in a row, with the seats that were absent from all of
// them. What was not followed from its beginning says nothing about others, nor does a heartbeat in which nobody else was
// heard: then it may be us who were absent.
func (h heartbeat) judge(ctx context.Context, o proposal.Order) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	log := h.logger(o)
	now, ok, err := h.cfg.Log.Signing(ctx, o.Wallet, o.Window)
	if err != nil || !ok {
		return // nothing was asked
	}
	wallet, err := h.cfg.Source.Wallet(ctx, o.Wallet)
	if err != nil {
		log.Error("Could not read the wallet's roster", "error", err)
		return
	}
	if _, isPoor := poor(wallet, h.cfg.PoorShare, now); !isPoor {
		return // whatever those before it were
	}
	before, err := h.cfg.Log.Signings(ctx, o.Wallet, o.Window, heartbeats)
	if err != nil {
		log.Error("Could not read the heartbeats before this one", "error", err)
		return
	}
	absent := inactive(wallet, h.cfg.Self, h.cfg.PoorShare, append([]Signing{now}, before...))
	if len(absent.Seats) == 0 {
		return
	}
	if err := h.cfg.Log.SaveInactivity(ctx, o.Wallet, o.Window, absent, h.cfg.Clock.Height()); err != nil {
		log.Error("Could not record who is inactive", "error", err)
		return
	}
	log.Warn("Seats were absent from three heartbeats in a row", "seats", absent.Seats, "operators", absent.Operators)
}

// inactive returns the seats that were absent from the newest three heartbeats, if all of these were poor; the own ones are none
// of them. signings are those of one wallet, the newest first.
func inactive(wallet chain.Wallet, self chain.Operator, share int, signings []Signing) Absence {
	absent := slices.DeleteFunc(allSeats(wallet), func(s chain.Seat) bool { op, _ := wallet.At(s); return op == self })
	count := 0
	for _, s := range signings {
		if s.Intent.Transaction != nil {
			continue
		}
		newest, isPoor := poor(wallet, share, s)
		if !isPoor {
			return Absence{}
		}
		absent = slices.DeleteFunc(absent, func(s chain.Seat) bool { return !slices.Contains(newest.Missing, int(s)) })
		if count++; count == poorHeartbeats {
			return Absence{absent, operatorsOf(wallet, absent)}
		}
	}
	return Absence{}
}

// poor returns the newest attempt at a heartbeat, and whether too few seats were there for it, with somebody else among them.
func poor(wallet chain.Wallet, share int, s Signing) (Attempt, bool) {
	newest, ok := s.Newest()
	everybodyElse := len(wallet.Operators()) - 1
	return newest, ok && newest.Active*100 < share*wallet.Seats() && len(newest.Absent) < everybodyElse
}
