package placement

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// Policy is how the backend of a new wallet is chosen.
type Policy string

// The policies.
const (
	Derived     Policy = "derived"      // from the session's name: every instance would choose the same
	LeastLoaded Policy = "least_loaded" // fewest keys for its weight
	Random      Policy = "random"       // by weight
)

// State is what the operator says of a backend.
type State string

// The states of a backend.
const (
	Active  State = "active"
	Retired State = "retired" // it serves the wallets that it has, and gets no new ones
	Failed  State = "failed"  // it is not asked for anything any more
)

// ParseState reads a state.
func ParseState(s string) (State, error) {
	if state := State(s); slices.Contains([]State{Active, Retired, Failed}, state) {
		return state, nil
	}
	return "", fmt.Errorf("state of a signer: there is no %.40q (there are: active, retired, failed)", s)
}

// Spec is a backend as the configuration has it.
type Spec struct {
	ID     string // what assignments name; it stays, whatever else changes
	Weight int    // its part of new wallets, beside the others' weights; at least 1
	State  State  // until the operator says otherwise
	Where  string // for people: a URL, or "in this process"
}

// Assignment says which backend holds the shares that one key generation made.
type Assignment struct {
	Session    signer.SessionID
	Wallet     chain.WalletID // zero while it is Pending
	Backend    string
	Policy     Policy
	State      Progress
	Signatures uint64 // the greatest number that the backend ever reported
	Archived   bool   // the wallet was put away: nobody waits for its signatures any more
	Created    time.Time
	Changed    time.Time
}

// Progress is how far an assignment is.
type Progress string

// The progress of assignments.
const (
	Pending   Progress = "pending"   // written before the key generation begins
	Assigned  Progress = "active"    // the key is there
	Lost      Progress = "lost"      // it was there, and the backend does not hold it any more
	Abandoned Progress = "abandoned" // the key generation failed
)

// Word is what the operator said of a backend, and who it was when it was first seen.
type Word struct {
	Backend  string
	Identity string // its backend_id; empty until it was seen
	State    State  // empty: as the configuration says
	Since    time.Time
	By       string
}

// Log is where assignments are written down; instances share it. Each method is one transaction.
type Log interface {
	// SignersVersion returns a number that is another one after each change of assignments and words, but of a count.
	SignersVersion(ctx context.Context) (uint64, error)
	// Assign records that a session's key shall be in a backend, pending. If the session has an assignment it stays, and is
	// returned.
	Assign(ctx context.Context, session signer.SessionID, backend string, policy Policy) (Assignment, error)
	// Confirm records that the key is there; repeating it changes nothing. ErrNotAssigned if there is no pending assignment
	// of the session, ErrTaken if the wallet has another one.
	Confirm(ctx context.Context, session signer.SessionID, wallet chain.WalletID) error
	// Abandon records that a pending assignment's key generation failed; any other one stays as it is.
	Abandon(ctx context.Context, session signer.SessionID) error
	// Reassign records that another backend has the shares of a session now. ErrNotAssigned if they were not the first one's.
	Reassign(ctx context.Context, session signer.SessionID, from, to string) error
	// Observe records what a backend was seen to hold: the counts of signatures, which only grow, and whether keys of
	// sessions that are Assigned or Lost are there.
	Observe(ctx context.Context, seen []Observed) error
	// Assignments returns all of them, in the order of their sessions.
	Assignments(ctx context.Context) ([]Assignment, error)
	// AssignmentBy returns a session's; ErrNotAssigned if it has none.
	AssignmentBy(ctx context.Context, session signer.SessionID) (Assignment, error)
	// Words returns what is known of backends.
	Words(ctx context.Context) ([]Word, error)
	// Identify records who a backend is, unless that is known, and returns what is recorded.
	Identify(ctx context.Context, backend, identity string) (recorded string, err error)
	// Say records the operator's word. With forget the backend's identity is forgotten too: the next one seen counts.
	Say(ctx context.Context, backend string, state State, by string, forget bool) error
}

// Observed is what was seen of one session's key.
type Observed struct {
	Session    signer.SessionID
	Missing    bool
	Signatures uint64
}

// Errors that callers tell apart with errors.Is.
var (
	ErrNoSigner      = signer.ErrNoSigner
	ErrNotAssigned   = errors.New("no signer was assigned")
	ErrTaken         = errors.New("the wallet has a signer already")
	ErrBackendFailed = errors.New("the wallet's signer was declared failed")
	ErrUnavailable   = errors.New("the wallet's signer is not available")
	ErrUnsound       = errors.New("the wallet's signer does not hold what it should")
	ErrUnknown       = errors.New("there is no such signer")
)

// What is said with them alone.
var (
	errOtherBackend = errors.New("another signer answers under this id")
	errNoCandidate  = errors.New("no signer can take a new wallet")
)
