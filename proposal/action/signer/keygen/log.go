package keygen

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire/pb"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// State is how far a key generation has come here.
type State string

// The states.
const (
	Invited   State = "invited"   // the operator has not decided yet
	Accepted  State = "accepted"  // others have not yet; nothing was generated
	Running   State = "running"   // rounds
	Attesting State = "attesting" // the shares are here, and our attestation may be everywhere
	Active    State = "active"
	Declined  State = "declined"
	Failed    State = "failed"
)

// Open reports whether something is still to come.
func (s State) Open() bool { return s != Active && s != Declined && s != Failed }

// Row is what is kept of one key generation.
type Row struct {
	Session      signer.SessionID
	Invitation   []byte // as signed
	State        State
	Detail       string         // for people: who is awaited, or why it failed
	Acceptances  [][]byte       // as signed: our own from Accepted on, all of them from Running on
	Attestations [][]byte       // as signed: our own from Attesting on, all of them once they are complete
	Proof        [][]byte       // signed messages that contradict each other: why it failed; none if it was something else
	Wallet       chain.WalletID // from Attesting on; zero before
	Instance     string         // which runs it; empty before it is accepted, and on a node alone
	Created      time.Time
	Changed      time.Time
}

// ErrOtherState says that a row was not in the state from which it was to be changed: another instance has done so.
var ErrOtherState = errors.New("the key generation is in another state")

// Log is where key generations are kept. Instances of one operator may share it.
type Log interface {
	// Keygens returns all rows, the newest first, without Acceptances, Attestations and Proof: of many wallets they are much.
	Keygens(ctx context.Context) ([]Row, error)
	// Keygen returns a whole row; false if there is none.
	Keygen(ctx context.Context, session signer.SessionID) (Row, bool, error)
	// AddKeygen stores a row that is not there yet; ErrOtherState, and nothing changes, if it is.
	AddKeygen(ctx context.Context, row Row) error
	// SaveKeygen replaces a row that is in state from, and whose Instance is row's or empty; ErrOtherState if it is not so.
	// Session and Created stay what they are.
	SaveKeygen(ctx context.Context, row Row, from State) error
	// AdoptKeygen gives a row that is in state from, and whose Instance is of, to the instance by; ErrOtherState if it is not so.
	AdoptKeygen(ctx context.Context, session signer.SessionID, from State, of, by string) error
	// ForgetKeygen deletes a row in a state that is not worth keeping; that it is gone already is fine.
	ForgetKeygen(ctx context.Context, session signer.SessionID, from State) error
}

// EncodeSigned writes signed messages as they are stored, in Acceptances, Attestations and Proof; none as no bytes.
func EncodeSigned(messages [][]byte) []byte {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(&pb.SignedMessages{Messages: messages})
	if err != nil {
		panic(fmt.Sprintf("encode signed messages: %v", err)) // bytes always encode
	}
	return data
}

// DecodeSigned reads what EncodeSigned wrote.
func DecodeSigned(data []byte) ([][]byte, error) {
	list := new(pb.SignedMessages)
	if err := proto.Unmarshal(data, list); err != nil {
		return nil, fmt.Errorf("stored messages: %w", err)
	}
	return list.GetMessages(), nil
}
