package cluster

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/walletnode/walletnode/chain"
)

// InstanceID names one instance of the operator, as configured: 1 to 63 of a-z, 0-9, dot, dash and underscore.
type InstanceID string

var instanceID = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// ParseInstanceID reads the name of an instance.
func ParseInstanceID(s string) (InstanceID, error) {
	if !instanceID.MatchString(s) {
		return "", fmt.Errorf("instance id %.80q: want 1 to 63 of a-z, 0-9, dot, dash and underscore", s)
	}
	return InstanceID(s), nil
}

// Boot tells the sessions of one instance apart. Each session draws a new one, so that nothing of an earlier session
// can be taken for its own.
type Boot [16]byte

// Token marks one renewal. Each attempt draws a new one, so that an instance whose answer was lost can tell its own
// renewal from that of its copy.
type Token [16]byte

// NewBoot draws a boot from the system's randomness, which does not fail.
func NewBoot() Boot { return Boot(random()) }

// NewToken draws a token from the system's randomness.
func NewToken() Token { return Token(random()) }

func random() (b [16]byte) {
	_, _ = rand.Read(b[:]) // never fails: the program ends if the system has no randomness
	return b
}

// String returns 32 hex digits.
func (b Boot) String() string { return hex.EncodeToString(b[:]) }

// Holder is one session of one instance. The zero value is nobody.
type Holder struct {
	Instance InstanceID
	Boot     Boot
}

// IsZero reports whether it is nobody.
func (h Holder) IsZero() bool { return h == Holder{} }

// Epoch counts the changes of a wallet's responsible instance. It only grows, within a generation; 0 is before the first.
type Epoch uint64

// Generation names one unbroken history of the database. It changes where acknowledged commits can have been lost: with
// a promoted replica (PostgreSQL's timeline) or another cluster (its system identifier). Only equality has a meaning.
type Generation string

// Profile is what an instance tells about itself once a session.
type Profile struct {
	URLs    []string // where clients reach it, in order of preference
	Version string   // of the program
}

// Status is what an instance tells about itself with each renewal.
type Status struct {
	// Healthy says that it can serve wallets now: it has a quorum's view of the chain, and peers.
	Healthy bool
	Detail  string // why not, for people; at most maxDetail bytes are kept
	// Standby keeps it in reserve: it is given wallets only while no other instance can serve them.
	Standby bool
	// Draining says that it gives all its wallets away and takes none.
	Draining bool
}

// maxDetail bounds Status.Detail in bytes.
const maxDetail = 200

// Member is an instance as the shared store has it. All times are by the database's clock.
type Member struct {
	Holder
	Profile
	Status
	// Left is what is left of the session's lease at the moment of reading; none if zero or less.
	Left time.Duration
	// Age is the time since the session began.
	Age time.Duration
	// BarredThrough is the index of the last window that the instance stays out of because it lost wallets for its
	// health; 0 if none.
	BarredThrough uint64
	// Current says that the session is one of the database's present generation. Others are void.
	Current bool
	// Reconciled says that in the present generation the instance has compared its journal with the claims.
	Reconciled bool
}

// Live reports whether the member's session holds: it is of the present generation and has time left.
func (m Member) Live() bool { return m.Current && m.Left > 0 }

// Assignment is a wallet's responsible instance.
type Assignment struct {
	Wallet chain.WalletID
	Owner  Holder // zero if nobody was given the wallet, or it was given back
	Epoch  Epoch
}

// View is one consistent look at the shared store, the basis of a plan.
type View struct {
	Generation Generation
	Number     uint64 // of the generation: it grows from each to the next, and is no name, for two histories may count alike
	Members    []Member
	Wallets    []Assignment
	// Rested is the time since wallets were last moved for balance, by the database's clock; Never if they never were.
	Rested time.Duration
}

// Never is a time that is longer than any pace.
const Never = time.Duration(1<<63 - 1)

// Errors that callers tell apart with errors.Is. Any other error of a store means that the outcome is not known: the
// write may have happened, or may still happen.
var (
	// ErrSessionLost says that the session is over: expired, resigned or void. A new one may be opened.
	ErrSessionLost = errors.New("session lost")
	// ErrInstanceTaken says that another process runs under this instance's name.
	ErrInstanceTaken = errors.New("instance id is in use by another process")
	// ErrCloned says that another process renewed this very session: one of the two is a copy of the other.
	ErrCloned = errors.New("session was renewed by a copy of this instance")
	// ErrFenced says that the writer is not, or not any more, responsible for the wallet.
	ErrFenced = fmt.Errorf("not responsible for the wallet: %w", chain.ErrNotServed)
	// ErrDoubtful says that the window may have been served before the database lost its newest commits, by an
	// instance that has not compared its journal yet. It is left out unless all have.
	ErrDoubtful = errors.New("window may have been served before the database lost commits")
	// ErrLapsed says that the holder's own deadline has passed: it may not act until it has renewed.
	ErrLapsed = fmt.Errorf("lease has lapsed by the instance's own clock: %w", chain.ErrNotServed)
	// ErrUnhealthy says that an instance may claim nothing while it could not serve it.
	ErrUnhealthy = errors.New("instance is not healthy")
)
