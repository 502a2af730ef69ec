package view

import (
	"encoding/hex"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/store"
)

// The kinds of ActionNews.
const (
	EventOutcome = "outcome" // what became of a window's action
	EventRetried = "retried" // it is carried out once more: what became of it before is void
	EventSigned  = "signed"  // what the wallet signed for it
)

// ActionNews is what the feed tells of a window's action.
type ActionNews struct {
	Event   string         `json:"event"` // outcome, retried or signed
	Time    string         `json:"time"`
	Window  chain.Height   `json:"window"`
	Wallet  chain.WalletID `json:"wallet"`
	Outcome string         `json:"outcome"` // of an outcome alone
	Detail  string         `json:"detail"`
	Block   chain.Height   `json:"block"`   // the height at which it was known
	TxHash  string         `json:"tx_hash"` // of what was signed; empty of a heartbeat
	Raw     string         `json:"raw"`     // the signed transaction, hex
}

// NewActionNews shows what became of an action, that it is tried again, or what was signed for it; at is when it was stored.
func NewActionNews(t store.Tiding, at string) ActionNews {
	n := ActionNews{Time: at, Window: t.Window, Wallet: t.Wallet}
	switch {
	case t.Ended != nil:
		n.Event, n.Outcome, n.Detail, n.Block = EventOutcome, string(t.Ended.Outcome), t.Ended.Detail, t.Ended.At
	case t.Retried != nil:
		n.Event, n.Block = EventRetried, t.Retried.At
	case t.Signed != nil:
		n.Event, n.Raw, n.Block = EventSigned, hex.EncodeToString(t.Signed.Raw), t.Signed.At
		if t.Signed.TxHash != [32]byte{} {
			n.TxHash = hex.EncodeToString(t.Signed.TxHash[:])
		}
	}
	return n
}
