// Package shared is what the instances of one operator tell each other through their database besides who serves which
// wallet: who is banned, which wallets are stopped, what each thinks of the chain's endpoints, and what an instance is asked
// to do. Each list has a version, which grows in the transaction that changes the list; instances look at the versions four
// times a second and read a list again when its version has changed.
//
// The package has the values, the promise of a store and the loop that watches it; it knows no SQL.
package shared

import (
	"context"
	"errors"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/walletnode/walletnode/chain"
)

// Topic names a list.
type Topic string

// The topics.
const (
	TopicBans     Topic = "bans"
	TopicHalts    Topic = "halts"
	TopicVerdicts Topic = "verdicts"
	TopicWishes   Topic = "wishes"
	// TopicFaults has no list here: its version grows with each stored fault or amendment, so that pages and scores know.
	TopicFaults Topic = "faults"
)

// Topics returns every topic.
func Topics() []Topic {
	return []Topic{TopicBans, TopicHalts, TopicVerdicts, TopicWishes, TopicFaults}
}

// Versions has the version of each topic; one that was never written is 0.
type Versions map[Topic]uint64

// Ban keeps an operator, or one peer, away. One of Operator and Peer is set.
type Ban struct {
	Operator chain.Operator
	Peer     peer.ID
	Reason   string // for people; at most MaxText bytes
	By       string // who set it: "operator" for a person's command, "score" for an automatic one
	// Since and Until are by this machine's clock: a store counts from its database's to it, so that a ban is over after the
	// time that it was to last, however far apart the clocks are. Until is zero for as long as nobody lifts the ban.
	Since, Until time.Time
}

// Subject returns what is banned, as text: an address or a peer ID.
func (b Ban) Subject() string {
	if b.Peer != "" {
		return b.Peer.String()
	}
	return b.Operator.String()
}

// Halt stops one wallet on all instances until a person resumes it: somebody else spoke with the operator's key.
type Halt struct {
	Wallet chain.WalletID
	Window chain.Height // in which that was heard
	Reason string       // for people; at most MaxText bytes
	By     string       // the instance that noticed
	Since  time.Time    // by the database's clock
}

// Verdict is what one instance thinks of one chain endpoint.
type Verdict struct {
	Instance string
	Endpoint string // its name in the configuration, which all instances share
	Status   string
	Detail   string
	At       time.Time // when the status began, by the instance's clock
}

// Desire is what an instance is asked to do.
type Desire string

// The desires. None takes an earlier one back.
const (
	None   Desire = ""
	Drain  Desire = "drain"  // give all wallets away, stay as it is otherwise
	Resign Desire = "resign" // give all wallets away and end
)

// Wish is what one instance is asked to do.
type Wish struct {
	Instance string
	Desire   Desire
	At       time.Time // by the database's clock
}

// Bounds of the lists.
const (
	MaxText = 200  // bytes of a reason or detail
	MaxBans = 1024 // bans at a time; of stopped wallets there are no more than wallets
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrTooManyBans says that there are MaxBans already.
	ErrTooManyBans = errors.New("too many bans")
	// ErrOwnOperator says that the node's own operator was to be banned: its instances would keep each other away.
	ErrOwnOperator = errors.New("this is the node's own operator")
	// ErrNotBanned says that there is no such ban to lift.
	ErrNotBanned = errors.New("not banned")
	// ErrNotHalted says that the wallet is not stopped.
	ErrNotHalted = errors.New("wallet is not halted")
)

// Store is the shared database as this package needs it; *store.Store is one, on either engine. Every method is one
// transaction, and what changes a list adds one to its topic's version in it.
type Store interface {
	// Versions returns the version of every topic, in one cheap statement.
	Versions(ctx context.Context) (Versions, error)

	// Bans returns the bans that are in force, oldest first; those that have run out are not among them.
	Bans(ctx context.Context) ([]Ban, error)
	// AddBan stores a ban for a time (0: until it is lifted), in place of one of the same subject. The answer has its times.
	AddBan(ctx context.Context, b Ban, lasts time.Duration) (Ban, error)
	// RemoveBan lifts the ban of b's subject; ErrNotBanned if there is none.
	RemoveBan(ctx context.Context, b Ban) error

	// Halts returns the stopped wallets, oldest first.
	Halts(ctx context.Context) ([]Halt, error)
	// AddHalt stops a wallet; a wallet that is stopped stays as it is.
	AddHalt(ctx context.Context, h Halt) error
	// RemoveHalt lets a wallet go on; ErrNotHalted if it is not stopped.
	RemoveHalt(ctx context.Context, wallet chain.WalletID) error

	// Verdicts returns what all instances think, by endpoint and instance.
	Verdicts(ctx context.Context) ([]Verdict, error)
	// SetVerdicts replaces all that one instance thinks.
	SetVerdicts(ctx context.Context, instance string, list []Verdict) error

	// Wishes returns what instances are asked to do.
	Wishes(ctx context.Context) ([]Wish, error)
	// SetWish asks an instance for something; None takes it back.
	SetWish(ctx context.Context, instance string, d Desire) error
}
