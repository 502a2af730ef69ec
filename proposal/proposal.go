// Package proposal holds what a leader can propose and every member must judge: the six kinds, their wire form,
// the coordination message around them, generation (leader) and validation (everyone), and the Order that an
// action handler is given once a window has agreed.
//
// What is read is exactly what the network's other clients read, and what is written is byte for byte what they write; another rule
// would split the followers. A proposal counts as refused, which blames its leader, only by the validator contract's own no or by a limit that
// the contract would enforce alike: what could not be asked is a failure of ours.
//
//	proposal.go, order.go               the kinds, and an order for one of them
//	message.go, payload.go, heading.go  their wire form, and whether a message is written as it must be
//	json.go, jsontext.go                their form for people and vectors
//	generate.go, redemption.go          what a leader proposes
//	verdict.go, limits.go               what everyone demands of a proposal
package proposal

import (
	"fmt"
	"math/big"

	"github.com/walletnode/walletnode/chain"
)

// Kind is a wallet action's number on the wire (RFC 12).
type Kind uint8

// The six kinds.
const (
	KindNoop Kind = iota
	KindHeartbeat
	KindDepositSweep
	KindRedemption
	KindMovingFunds
	KindMovedFundsSweep
)

// kinds is the table of what the protocol fixes for each kind. Validity is never on the wire.
var kinds = [...]struct {
	name     string
	validity chain.Height // blocks an agreed action may take, counted from the window's end
}{
	KindNoop:            {"Noop", 0},
	KindHeartbeat:       {"Heartbeat", 600},
	KindDepositSweep:    {"DepositSweep", 1200},
	KindRedemption:      {"Redemption", 600},
	KindMovingFunds:     {"MovingFunds", 650},
	KindMovedFundsSweep: {"MovedFundsSweep", 600},
}

// Kinds returns every kind in the order of wire numbers.
func Kinds() []Kind {
	all := make([]Kind, len(kinds))
	for i := range all {
		all[i] = Kind(i)
	}
	return all
}

// parseKind reads a kind's name as String writes it.
func parseKind(name string) (Kind, error) {
	for k, row := range kinds {
		if row.name == name {
			return Kind(k), nil
		}
	}
	return 0, fmt.Errorf("unknown action %q", name)
}

// known reports whether the protocol has this kind.
func (k Kind) known() bool { return int(k) < len(kinds) }

// String returns the protocol's name of the kind.
func (k Kind) String() string {
	if !k.known() {
		return fmt.Sprintf("Kind(%d)", uint8(k))
	}
	return kinds[k].name
}

// MarshalText implements encoding.TextMarshaler with the form of String.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler; it accepts what parseKind accepts.
func (k *Kind) UnmarshalText(text []byte) error {
	parsed, err := parseKind(string(text))
	if err != nil {
		return err
	}
	*k = parsed
	return nil
}

// ValidityBlocks is how many blocks after the window's end an agreed action expires; 0 for a no-op.
func (k Kind) ValidityBlocks() chain.Height {
	if !k.known() {
		return 0
	}
	return kinds[k].validity
}

// Proposal is one of Noop, Heartbeat, DepositSweep, Redemption, MovingFunds and MovedFundsSweep. Values are not
// changed after they are made; slices and fees inside are shared, so copy before changing.
type Proposal interface {
	Kind() Kind
	// sealed keeps the set closed: wire form, validation and handlers are tables over these six.
	sealed()
}

// Noop proposes that the wallet does nothing.
type Noop struct{}

// Heartbeat proposes to sign a 16-byte message that proves the wallet alive. What is signed is its double SHA-256.
type Heartbeat struct{ Message [16]byte }

// TxHash is a Bitcoin transaction hash in internal byte order.
type TxHash [32]byte

// DepositKey names a deposit by the output that funds it.
type DepositKey struct {
	FundingTxHash      TxHash
	FundingOutputIndex uint32
}

// DepositSweep proposes to merge deposits into the wallet's main output.
type DepositSweep struct {
	Deposits     []DepositKey
	RevealBlocks []int64  // host chain blocks; the wire's uint64 goes through int64, so it can be negative
	TxFee        *big.Int // satoshi, never nil, never negative
}

// Redemption proposes to pay out redemption requests.
type Redemption struct {
	OutputScripts [][]byte // redeemers' output scripts without length prefix
	TxFee         *big.Int // satoshi, never nil, never negative
}

// MovingFunds proposes to move the wallet's coins to other wallets.
type MovingFunds struct {
	Targets []chain.WalletID
	TxFee   *big.Int // satoshi, never nil, never negative
}

// MovedFundsSweep proposes to merge coins another wallet moved here.
type MovedFundsSweep struct {
	TxHash      TxHash
	OutputIndex uint32
	TxFee       *big.Int // satoshi, never nil, never negative
}

// Kind implements Proposal.
func (Noop) Kind() Kind { return KindNoop }

// Kind implements Proposal.
func (Heartbeat) Kind() Kind { return KindHeartbeat }

// Kind implements Proposal.
func (DepositSweep) Kind() Kind { return KindDepositSweep }

// Kind implements Proposal.
func (Redemption) Kind() Kind { return KindRedemption }

// Kind implements Proposal.
func (MovingFunds) Kind() Kind { return KindMovingFunds }

// Kind implements Proposal.
func (MovedFundsSweep) Kind() Kind { return KindMovedFundsSweep }

func (Noop) sealed()            {}
func (Heartbeat) sealed()       {}
func (DepositSweep) sealed()    {}
func (Redemption) sealed()      {}
func (MovingFunds) sealed()     {}
func (MovedFundsSweep) sealed() {}
