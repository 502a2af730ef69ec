package devnet

import (
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/executor"
	"github.com/walletnode/walletnode/proposal"
)

// election is what the chain alone says about one wallet in one window. Adversaries act by it and the judge judges
// by it; neither asks a node.
type election struct {
	wallet    chain.Wallet
	leader    chain.Operator
	checklist []proposal.Kind
	due       [][]byte // output scripts of the requests that a redemption may pay
}

// elect derives leader and checklist from the hash of block c-32.
func elect(wallet chain.Wallet, w coordination.Window, safe chain.Hash, due [][]byte) election {
	seed := executor.Seed(wallet.ID(), safe)
	return election{
		wallet:    wallet,
		leader:    executor.Leader(seed, wallet.Roster()),
		checklist: executor.Checklist(seed, w.Index),
		due:       due,
	}
}

// allows reports whether the leader may propose a kind.
func (e election) allows(kind proposal.Kind) bool {
	return kind == proposal.KindNoop || slices.Contains(e.checklist, kind)
}

// honestKind is what an honest leader proposes: the first action of the checklist that there is something to do for
// and that a node without Bitcoin data can generate.
func (e election) honestKind() proposal.Kind {
	switch {
	case len(e.due) > 0:
		return proposal.KindRedemption
	case e.allows(proposal.KindHeartbeat):
		return proposal.KindHeartbeat
	default:
		return proposal.KindNoop
	}
}
