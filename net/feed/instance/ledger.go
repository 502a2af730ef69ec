package instance

import (
	"context"
	"crypto/ed25519"
	"errors"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

var (
	// ErrNoSession says that this instance may not write: its session is over, or was taken.
	ErrNoSession = errors.New("the instance has no session")
	// ErrLives says that an instance cannot lose a mailbox that it did not release: it lives.
	ErrLives = errors.New("the instance that has the mailbox lives, and hands it over at the end of an epoch")
	// ErrStale says that a mailbox has gone on, or away, since it was looked at.
	ErrStale = errors.New("the mailbox stands elsewhere by now")
)

// Ledger is what the instances of an operator share: what they told, each one's log, and which has which mailbox. Each call is one
// transaction. Calls that write are refused with ErrNoSession unless this instance has a session.
type Ledger interface {
	// Log is an instance's log. Other instances' are read only.
	Log(instance string) pipeline.Log

	// Origins has the last number that each instance told.
	Origins(ctx context.Context) (map[string]uint64, error)
	// Facts reads at most limit facts of an instance after a number, as many as can be submitted at once: without a gap, so that one
	// which begins a series comes first.
	Facts(ctx context.Context, origin string, after uint64, limit int) ([]Fact, error)
	// Told has a token when this process has told something. Others' is to be looked for.
	Told() <-chan struct{}

	// Keys are the keys of all instances that ever were: all that each one told, and until when those were good that it has replaced.
	Keys(ctx context.Context) (feed.Keyring, error)
	SayKey(ctx context.Context, key ed25519.PublicKey) error
	// ReplaceKeys says that the instance signs with one key alone from now on, while an epoch is open. If it had others, what it tells goes on with
	// another series of numbers.
	ReplaceKeys(ctx context.Context, key ed25519.PublicKey, open feed.Epoch) error

	// Homes tells which instance has which mailbox.
	Homes(ctx context.Context) (map[string]string, error)
	// Claim makes this instance a mailbox's home unless it has one, and returns which has it.
	Claim(ctx context.Context, mailbox string) (string, error)
	// Lives is whether an instance has a session.
	Lives(ctx context.Context, instance string) (bool, error)

	// Wish asks for a move; to nowhere takes the wish back. It is refused if there is no such mailbox or instance.
	Wish(ctx context.Context, mailbox, to string) error
	Wishes(ctx context.Context) ([]Wish, error)
	// Ready says that the instance that is wished for has the mailbox arriving from an epoch on.
	Ready(ctx context.Context, mailbox, to string, from feed.Epoch) error
	// Move ends a mailbox in one instance, after it has got what it lacks of that one's records, and begins it in another one; the wish is
	// gone with it. The old instance may do it, or any other if the old one does not live: ErrLives. ErrStale if it does not
	// stand there.
	Move(ctx context.Context, h feed.Handover, lacks []feed.Entry) error
	// Resume has this instance's log, which lacks what the instance told, go on after a seal: it becomes the log's last one unless it is, and
	// no epoch is open. Nil is before the first. What the log has of later epochs is taken back, to be taken in again. The mailboxes go on
	// by their losses, which are moves that are taken. pipeline.ErrOrder if the log stands after that seal, or a mailbox not where it is
	// said to.
	Resume(ctx context.Context, after *feed.Seal, subs *feed.Subscriptions, losses []feed.Handover) error
	// Moves are a mailbox's, in their order.
	Moves(ctx context.Context, mailbox string) ([]Moved, error)
	// Take stores the new instance's signed handover; the first one stays and is returned.
	Take(ctx context.Context, mailbox string, move int, h feed.Handover) (feed.Handover, error)
}

// Fact is what an instance told: it is numbered and signed when it happens.
type Fact struct {
	Origin  string
	Number  uint64
	Wallet  chain.WalletID
	Kind    feed.Kind
	Payload []byte
	Witness *feed.Witness // what the origin signed of it; nil of an instance that is alone
}

// Wish is what somebody asked for.
type Wish struct {
	Mailbox, To string
	Ready       bool // To has it arriving
	From        feed.Epoch
}

// Moved is a move that was made.
type Moved struct {
	Number   int // of the mailbox's moves
	Handover feed.Handover
	Taken    bool // the new instance has signed, too
}
