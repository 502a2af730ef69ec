package chain

import (
	"errors"
	"time"
)

// ErrNoRequest says that a redemption request is not pending: it was paid or timed out, or never made.
var ErrNoRequest = errors.New("no such redemption request is pending")

// RedemptionRequest is a pending request to pay Bitcoin out of a wallet.
type RedemptionRequest struct {
	Script          []byte // the redeemer's output script, without length prefix
	Redeemer        [20]byte
	RequestedAmount uint64    // satoshi
	TreasuryFee     uint64    // satoshi, kept back from the amount
	TxMaxFee        uint64    // satoshi, the most this request may bear of the transaction's fee
	RequestedAt     time.Time // block time of the request, whole seconds
	Block           Height    // the block of the request; 0 where it was not read
}

// RedemptionLimits are the chain's current terms for redemption proposals.
type RedemptionLimits struct {
	TxMaxTotalFee       uint64        // satoshi, the most a whole transaction may pay
	Timeout             time.Duration // age at which a request can be reported as timed out
	TimeoutSafetyMargin time.Duration // a proposed request must be at least this far from its timeout
	MinAge              time.Duration // a proposed request must be older than this
	MaxSize             int           // requests in one proposal
}
