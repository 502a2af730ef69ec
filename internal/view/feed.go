package view

import (
	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/feed"
)

// Mailboxes are those of the operator's feed, by name.
type Mailboxes struct {
	Mailboxes []Mailbox `json:"mailboxes"`
}

// Mailbox is one subscriber's place in the feed.
type Mailbox struct {
	Mailbox  string           `json:"mailbox"`
	Instance string           `json:"instance"` // that has it; empty while none does
	URLs     []string         `json:"urls"`     // where that is reached
	Self     bool             `json:"self"`     // it is the one that answers
	MovingTo string           `json:"moving_to"`
	Wallets  []chain.WalletID `json:"wallets"` // whose records it gets; none for all
	Kinds    []string         `json:"kinds"`   // which records it gets; none for all
	// First is the oldest entry that is kept, one more than Last if none is. These are of the instance that has it, as far as this one
	// knows them.
	First        feed.Number `json:"first"`
	Last         feed.Number `json:"last"`
	Acknowledged feed.Number `json:"acknowledged"` // up to which its subscriber needs the entries no more
	Closed       bool        `json:"closed"`       // it was full, and ends with a gap
}

// MailboxHome says which instance has a mailbox.
type MailboxHome struct {
	Mailbox string   `json:"mailbox"`
	Owner   string   `json:"owner"` // the instance
	URLs    []string `json:"urls"`  // where it is reached, the preferred one first
}

// MailboxRead is the last entry that a subscriber needs no more.
type MailboxRead struct {
	Mailbox string      `json:"mailbox"`
	Number  feed.Number `json:"number"`
}

// MailboxMove is where a mailbox is asked to go on, from the next epoch on.
type MailboxMove struct {
	Mailbox string `json:"mailbox"`
	To      string `json:"to"` // an instance
}
