package signer

import (
	"context"

	"github.com/walletnode/walletnode/chain"
)

// Backend holds key shares and takes part in sessions with them: the one in this process, or a daemon elsewhere. Calls may be
// repeated: a round that was answered is answered with the same bytes again, and never differently. Errors that callers
// branch on are in errors.go; every other one means that the backend could not be asked.
type Backend interface {
	// Health tells whether the backend can work. It answers within a second or is down.
	Health(ctx context.Context) (Health, error)
	// Keys returns the keys after a wallet in the order of their names, limit at most; nil begins.
	Keys(ctx context.Context, after *chain.WalletID, limit int) ([]Key, error)
	// Key returns one key, with its verification shares. ErrUnknownKey if the backend does not hold it.
	Key(ctx context.Context, wallet chain.WalletID) (KeyDetail, error)
	// Brief is Key without what never changes and others know, most of what a key of a hundred seats has: who is about to sign
	// asks it each time.
	Brief(ctx context.Context, wallet chain.WalletID) (Key, error)
	// SealTo returns what others seal to for this backend in a key generation, and with the key that comes of it: the same each
	// time it is asked about a session, and another one for each session.
	SealTo(ctx context.Context, session SessionID) (PublicKey, error)
	// Generate takes part in one round of a key generation.
	Generate(ctx context.Context, r GenerateRound) (RoundReply, error)
	// Sign takes part in one round of a signing session.
	Sign(ctx context.Context, r SignRound) (RoundReply, error)
	// Session tells how far a session has come; ErrUnknownSession if it was never begun.
	Session(ctx context.Context, id SessionID) (SessionState, error)
	// Abort forgets a session's secrets. One that is over, or was never begun, is left as it is.
	Abort(ctx context.Context, id SessionID) error
	// Protection returns what the backend remembers so that it never signs twice.
	Protection(ctx context.Context, wallet chain.WalletID) (Protection, error)
	// SetState freezes a key, or puts it to use: Active needs the record that every seat's operator has signed.
	SetState(ctx context.Context, wallet chain.WalletID, change StateChange) error
}

// Health is what a backend says about itself.
type Health struct {
	BackendID string   `json:"backend_id"` // stays the same for as long as the backend's files do
	BootID    string   `json:"boot_id"`    // another one after each start: open sessions are gone then
	Version   string   `json:"version"`
	Schemes   []Scheme `json:"schemes"`
	Keys      int      `json:"keys"`
	Capacity  int      `json:"capacity"` // greatest number of keys; 0 for no limit
	Accepting bool     `json:"accepting"`
	StoreOK   bool     `json:"store_ok"`
	Detail    string   `json:"detail"` // why it does not work; empty if it does

	Feed       FeedState `json:"feed"`        // its own way to leaders' messages
	FeedDetail string    `json:"feed_detail"` // what is wrong with that, or was found with it; empty if nothing was
	FeedProofs int       `json:"feed_proofs"` // that its mailbox and another one were told different things
	// FeedDoubted counts instances whose mailbox is not what they sign, and differences between two, while others are followed.
	FeedDoubted int `json:"feed_doubted"`
}

// FeedHealth is what a backend says about its way to leaders' messages. See Health, which has the same.
type FeedHealth struct {
	State   FeedState
	Detail  string
	Proofs  int
	Doubted int
}

// FeedState is how a backend fares with the mailboxes from which it takes what leaders say: of several, as with the best.
type FeedState string

// The states of a backend's mailbox. In FeedAway what came before still counts.
const (
	FeedOff     FeedState = "off"     // it has none: the node's word is taken
	FeedAway    FeedState = "away"    // it cannot be followed now
	FeedFollows FeedState = "follows" // it is followed and verified
	FeedFalse   FeedState = "false"   // it is not what its instance signs, and no other one is followed: nothing is signed
)

// FeedStates returns every state of a backend's mailbox.
func FeedStates() []FeedState { return []FeedState{FeedOff, FeedAway, FeedFollows, FeedFalse} }

// PublicKey is a backend's X25519 key for HPKE (RFC 9180), in 32 bytes.
type PublicKey = Digest

// KeyState is what a key may be used for.
type KeyState string

// The states of a key.
const (
	KeyPending KeyState = "pending" // generated, not yet confirmed by every operator; it signs nothing
	KeyActive  KeyState = "active"
	KeyFrozen  KeyState = "frozen" // by an export, by the operator, or because the backend was rolled back; it signs nothing
)

// Key is one wallet's shares in a backend.
type Key struct {
	Wallet     chain.WalletID `json:"wallet"`
	Session    SessionID      `json:"session"` // of its generation
	Scheme     Scheme         `json:"scheme"`
	Threshold  int            `json:"threshold"` // seats that a signature takes
	SeatCount  int            `json:"seat_count"`
	Seats      []chain.Seat   `json:"seats"`     // whose shares are here
	GroupKey   HexBytes       `json:"group_key"` // the wallet's key, 65 bytes uncompressed; tweaked, for FROST
	State      KeyState       `json:"state"`
	Why        string         `json:"why,omitempty"` // of KeyFrozen
	Signatures uint64         `json:"signatures"`    // shares of signatures ever released for it; it only grows
	LastWindow chain.Height   `json:"last_window"`   // the newest that it was used for; 0 if none
}

// KeyDetail is a key with what others can check of it.
type KeyDetail struct {
	Key
	Roster       []chain.Operator        `json:"roster"`       // of all seats, in seat order
	Verification map[chain.Seat]HexBytes `json:"verification"` // of all seats: 33 bytes compressed
}

// HexBytes stands in documents as hex digits.
type HexBytes []byte

// GenerateRound asks for one round of a key generation. Rounds are counted from 1, and each is asked once all that was said in
// the one before is there.
type GenerateRound struct {
	Session SessionID `json:"session"`
	Round   int       `json:"round"`
	Term    Term      `json:"term"`
	Open    *Opening  `json:"open,omitempty"` // in round 1, nowhere else
	In      [][]byte  `json:"in,omitempty"`   // signed pubsub messages of the round before, one for each other operator
}

// Opening is what a key generation is about. A backend believes none of it that is not signed.
type Opening struct {
	Invitation  []byte         `json:"invitation"`  // signed by the operator who invites
	Acceptances [][]byte       `json:"acceptances"` // one for each operator of the roster, signed by it: it names its backend's key
	Self        chain.Operator `json:"self"`        // whose seats are this backend's
	Height      chain.Height   `json:"height"`      // of the chain now; windows are counted from here
}

// SignRound asks for one round of a signing session.
type SignRound struct {
	Session SessionID `json:"session"`
	Round   int       `json:"round"`
	Term    Term      `json:"term"`
	Open    *SignOpen `json:"open,omitempty"` // in round 1, nowhere else
	In      [][]byte  `json:"in,omitempty"`   // signed pubsub messages of the round before, one for each other operator that signs
}

// SignOpen is what a signing session is about; its hash is the session's name.
type SignOpen struct {
	Intent  Intent       `json:"intent"`
	Input   int          `json:"input"` // of the transaction; 0 for a heartbeat
	Attempt uint32       `json:"attempt"`
	Signers []chain.Seat `json:"signers"` // all that sign, ascending
}

// RoundReply is what a backend says at the end of a round. For one request there is one reply, for ever.
type RoundReply struct {
	Out      []Parcel  `json:"out,omitempty"` // for the other operators' backends; opaque
	Done     *Outcome  `json:"done,omitempty"`
	Culprits []Culprit `json:"culprits,omitempty"` // who broke the session; it is over then
	Openings []Opened  `json:"openings,omitempty"` // of a key generation: where one of a pair is a culprit; one for each dealer's operator
}

// Opened lets everybody see what a dealer sealed for a receiver who cannot use it: with the receiver's key, which was for one
// key generation alone. That one is over for the receiver's backend when it gives the key away, and no key comes of it.
type Opened struct {
	Dealer   chain.Seat `json:"dealer"`
	Receiver chain.Seat `json:"receiver"`
	Round    int        `json:"round"` // in which it was sealed
	Key      Digest     `json:"key"`   // X25519, private
}

// Parcel is what a backend has for one operator's backend, or for all of them.
type Parcel struct {
	To   chain.Operator `json:"to,omitzero"` // zero is everybody
	Data []byte         `json:"data"`
}

// Among reports whether it is about seats and rounds that there can be, of n seats.
func (o Opened) Among(n int) bool {
	return o.Dealer >= 1 && o.Receiver >= 1 && int(o.Dealer) <= n && int(o.Receiver) <= n && o.Round >= 1
}

// Outcome is what a session came to.
type Outcome struct {
	// Of a key generation: what the operator signs, so that all can see that they generated the same key.
	Key *KeyDetail `json:"key,omitempty"`
	// Of a signature: 64 bytes, BIP-340, or r || s with s in the lower half.
	Signature HexBytes `json:"signature,omitempty"`
}

// Culprit is a seat that broke a session, as far as one who took part can tell.
type Culprit struct {
	Seat   chain.Seat     `json:"seat"`
	By     chain.Operator `json:"operator"`
	Detail string         `json:"detail"`
}

// SessionState is how far a session has come.
type SessionState struct {
	Session SessionID      `json:"session"`
	Wallet  chain.WalletID `json:"wallet"` // whose key it is about; the session's placeholder, of a key generation
	Rounds  int            `json:"rounds"` // answered so far
	Over    bool           `json:"over"`
	Last    *RoundReply    `json:"last,omitempty"` // the newest stored reply
}

// StateChange is a wish about a key.
type StateChange struct {
	State  KeyState `json:"state"`
	Term   Term     `json:"term"`
	Why    string   `json:"why,omitempty"`
	Record []byte   `json:"record,omitempty"` // of Active: what every operator has signed; see package keygen
}

// Protection is what a backend remembers of one wallet.
type Protection struct {
	Wallet     chain.WalletID `json:"wallet"`
	Term       Term           `json:"term"`        // the highest seen
	LastWindow chain.Height   `json:"last_window"` // none before it is signed for any more
	Signatures uint64         `json:"signatures"`
	Slots      []Slot         `json:"slots"`     // newest first, 100 at most
	Outpoints  []Outpoint     `json:"outpoints"` // newest first, 100 at most
}

// Slot is what one window is bound to.
type Slot struct {
	Window chain.Height `json:"window"`
	Intent Digest       `json:"intent"`
}

// Outpoint is an output of a Bitcoin transaction that is locked to the intent that spends it.
type Outpoint struct {
	TxHash Digest       `json:"tx_hash"` // internal byte order
	Index  uint32       `json:"index"`
	Window chain.Height `json:"window"`
	Intent Digest       `json:"intent"`
}
