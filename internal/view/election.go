package view

import (
	"encoding/hex"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/executor"
)

// Election is what the seed block decides for one wallet in one window: every node of the wallet must agree on it.
type Election struct {
	Wallet      chain.WalletID `json:"wallet"`
	Window      chain.Height   `json:"window"` // coordination block
	Index       uint64         `json:"index"`
	SeedBlock   chain.Height   `json:"seed_block"`
	SeedHash    chain.Hash     `json:"seed_block_hash"`
	Seed        string         `json:"seed"`
	Leader      chain.Operator `json:"leader"`
	LeaderSeats []int          `json:"leader_seats"` // the lowest is the one that may speak
	Checklist   []string       `json:"checklist"`    // actions that the leader may propose, in order of precedence
	Own         bool           `json:"own"`          // this node's operator leads
}

// Elect derives an election from the hash of the window's seed block. self is the operator whose election counts as
// one's own; zero for none.
func Elect(wallet chain.Wallet, w coordination.Window, seedBlock chain.Hash, self chain.Operator) Election {
	seed := executor.Seed(wallet.ID(), seedBlock)
	leader := executor.Leader(seed, wallet.Roster())
	return Election{
		Wallet:      wallet.ID(),
		Window:      w.Block,
		Index:       w.Index,
		SeedBlock:   w.SeedBlock,
		SeedHash:    seedBlock,
		Seed:        hex.EncodeToString(seed[:]),
		Leader:      leader,
		LeaderSeats: each(wallet.SeatsOf(leader), func(s chain.Seat) int { return int(s) }), // a list of bytes would be base64
		Checklist:   checklist(seed, w.Index),
		Own:         !self.IsZero() && leader == self,
	}
}

// checklist names the actions that the leader of a window may propose.
func checklist(seed [32]byte, index uint64) []string {
	names := []string{}
	for _, kind := range executor.Checklist(seed, index) {
		names = append(names, kind.String())
	}
	return names
}

// Next is the coming window. Who leads is decided by its seed block, 32 blocks before it begins.
type Next struct {
	Height    chain.Height `json:"height"` // the newest block
	Window    chain.Height `json:"window"` // coordination block of the coming window
	Index     uint64       `json:"index"`
	SeedBlock chain.Height `json:"seed_block"`
	InBlocks  chain.Height `json:"in_blocks"`
	InSeconds int64        `json:"in_seconds"` // by the time recent blocks took
	SeedIn    chain.Height `json:"seed_in_blocks"`
	Wallets   []Election   `json:"wallets"` // empty until the seed block is there
}

// NewNext tells when the window after a height begins; blockTime is the chain's mean time between blocks.
func NewNext(height chain.Height, blockTime time.Duration) (Next, coordination.Window) {
	w := coordination.RFC12().Next(height)
	n := Next{Height: height, Window: w.Block, Index: w.Index, SeedBlock: w.SeedBlock, InBlocks: w.Block - height, Wallets: []Election{}}
	n.InSeconds = int64((time.Duration(n.InBlocks) * blockTime).Seconds())
	if height < w.SeedBlock {
		n.SeedIn = w.SeedBlock - height
	}
	return n, w
}
