package keygen

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire/pb"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// Errors of documents, told apart with errors.Is.
var (
	// ErrDocument says that bytes are no document of this package, or one that its operator did not sign.
	ErrDocument = errors.New("bad document")
	// ErrTerms says that a document is about a wallet that cannot be: seats, threshold or scheme.
	ErrTerms = errors.New("impossible wallet")
	// ErrExpired says that an invitation's time has run out.
	ErrExpired = errors.New("the invitation has expired")
)

// MaxValidity is how long an invitation can stand open. Refusing a replayed one takes remembering it for as long.
const MaxValidity = 7 * 24 * time.Hour

// Terms are what a wallet is to be: all that is known of it before there is a key.
type Terms struct {
	ChainID   uint64
	Genesis   chain.Hash
	Roster    []chain.Operator // of each seat, in seat order
	Threshold int              // seats that a signature takes: more than one, at most all
	Scheme    signer.Scheme
}

// Check reports what is impossible about the terms, as ErrTerms.
func (t Terms) Check() error {
	if n := len(t.Roster); n < 1 || n > chain.MaxSeats {
		return fmt.Errorf("%w: %d seats, want 1 to %d", ErrTerms, n, chain.MaxSeats)
	}
	for i, op := range t.Roster {
		if op.IsZero() {
			return fmt.Errorf("%w: seat %d has no operator", ErrTerms, i+1)
		}
	}
	if t.Threshold <= 1 {
		return fmt.Errorf("%w: threshold %d, want 2 at least: otherwise one seat alone could sign", ErrTerms, t.Threshold)
	}
	if t.Threshold > len(t.Roster) {
		return fmt.Errorf("%w: threshold %d is above the %d seats", ErrTerms, t.Threshold, len(t.Roster))
	}
	if _, err := signer.ParseScheme(string(t.Scheme)); err != nil {
		return fmt.Errorf("%w: %w", ErrTerms, err)
	}
	return nil
}

// Operators returns each operator once, in the order of first seats.
func (t Terms) Operators() []chain.Operator {
	var distinct []chain.Operator
	for _, op := range t.Roster {
		if !slices.Contains(distinct, op) {
			distinct = append(distinct, op)
		}
	}
	return distinct
}

// SeatsOf returns an operator's seats in ascending order.
func (t Terms) SeatsOf(op chain.Operator) []chain.Seat {
	var seats []chain.Seat
	for i, holder := range t.Roster {
		if holder == op {
			seats = append(seats, chain.Seat(i+1)) //nolint:gosec // at most MaxSeats
		}
	}
	return seats
}

func (t Terms) equal(u Terms) bool {
	return t.ChainID == u.ChainID && t.Genesis == u.Genesis && slices.Equal(t.Roster, u.Roster) &&
		t.Threshold == u.Threshold && t.Scheme == u.Scheme
}

// Invitation asks operators to generate a wallet's key together.
type Invitation struct {
	Terms
	Nonce   [32]byte
	Expires time.Time      // whole seconds; who has not accepted until then has not
	By      chain.Operator // who signed it: an operator of the roster
}

// NewNonce returns what makes two key generations of equal terms two.
func NewNonce() [32]byte {
	var nonce [32]byte
	rand.Read(nonce[:]) // never fails
	return nonce
}

// Session returns the name of the key generation: a hash of the terms and the nonce. When it expires and who invites are no
// part of it, so that an invitation which somebody else signs again is a replay.
func (inv Invitation) Session() signer.SessionID {
	h := sha256.New()
	h.Write([]byte("walletnode/keygen/1:")) // a hash's Write never fails
	h.Write(binary.BigEndian.AppendUint64(nil, inv.ChainID))
	h.Write(inv.Genesis[:])
	h.Write([]byte{byte(len(inv.Roster))}) //nolint:gosec // at most MaxSeats
	for _, op := range inv.Roster {
		h.Write(op[:])
	}
	h.Write([]byte{byte(inv.Threshold), byte(len(inv.Scheme))}) //nolint:gosec // at most the seats; schemes' names are short
	h.Write([]byte(inv.Scheme))
	h.Write(inv.Nonce[:])
	return signer.SessionID(h.Sum(nil))
}

// CheckTime reports whether an invitation can be taken up now: ErrExpired, or ErrTerms if it would stand open for too long.
func (inv Invitation) CheckTime(now time.Time) error {
	if !now.Before(inv.Expires) {
		return fmt.Errorf("%w: at %s", ErrExpired, inv.Expires.UTC().Format(time.RFC3339))
	}
	if inv.Expires.After(now.Add(MaxValidity)) {
		return fmt.Errorf("%w: the invitation stands open until %s, longer than %v",
			ErrTerms, inv.Expires.UTC().Format(time.RFC3339), MaxValidity)
	}
	return nil
}

// extends reports whether an invitation to the same session is to stand in the place of another that has been here since a
// time: it expires later, and no later than one that was new then could have.
func (inv Invitation) extends(had Invitation, since time.Time) bool {
	return inv.Expires.After(had.Expires) && !inv.Expires.After(since.Add(MaxValidity))
}

// SignInvitation makes the document. By is the key's operator, whatever stands there.
func SignInvitation(key *secp256k1.PrivateKey, inv Invitation) ([]byte, error) {
	if err := inv.Check(); err != nil {
		return nil, err
	}
	data := &pb.WalletInvitation{
		ChainId:   inv.ChainID,
		Genesis:   inv.Genesis[:],
		Roster:    encodeRoster(inv.Roster),
		Threshold: uint32(inv.Threshold), //nolint:gosec // at most the seats
		Scheme:    string(inv.Scheme),
		Nonce:     inv.Nonce[:],
		Expires:   uint64(max(0, inv.Expires.Unix())), //nolint:gosec // not negative
	}
	signed := signDocument(key, invitationTopic, data)
	_, err := ReadInvitation(signed)
	return signed, err
}

// ReadInvitation reads a signed invitation and checks everything but the time: the signature, the form, the terms, and that
// who invites is of the roster.
func ReadInvitation(signed []byte) (Invitation, error) {
	m := new(pb.WalletInvitation)
	by, err := readDocument(signed, invitationTopic, m)
	if err != nil {
		return Invitation{}, fmt.Errorf("invitation: %w", err)
	}
	terms, err := decodeTerms(m)
	if err != nil {
		return Invitation{}, fmt.Errorf("invitation: %w", err)
	}
	if len(m.GetNonce()) != 32 || m.GetExpires() == 0 || m.GetExpires() > maxUnix {
		return Invitation{}, fmt.Errorf("invitation: %w: nonce of %d bytes, expires at %d", ErrDocument, len(m.GetNonce()), m.GetExpires())
	}
	if !slices.Contains(terms.Roster, by) {
		return Invitation{}, fmt.Errorf("invitation: %w: %v invites to a wallet in which it holds no seat", ErrTerms, by)
	}
	return Invitation{terms, [32]byte(m.GetNonce()), time.Unix(int64(m.GetExpires()), 0), by}, nil //nolint:gosec // at most maxUnix
}

// maxUnix keeps times far from where arithmetic with them wraps around; it lies in the year 36812.
const maxUnix = 1 << 40

// termsDocument is what invitations and attestations have in common.
type termsDocument interface {
	proto.Message
	GetChainId() uint64
	GetGenesis() []byte
	GetRoster() [][]byte
	GetThreshold() uint32
	GetScheme() string
}

func decodeTerms(m termsDocument) (Terms, error) {
	if len(m.GetGenesis()) != 32 {
		return Terms{}, fmt.Errorf("%w: genesis hash of %d bytes", ErrDocument, len(m.GetGenesis()))
	}
	roster, err := decodeRoster(m.GetRoster())
	if err != nil {
		return Terms{}, err
	}
	t := Terms{m.GetChainId(), chain.Hash(m.GetGenesis()), roster, int(m.GetThreshold()), signer.Scheme(m.GetScheme())}
	return t, t.Check()
}

func encodeRoster(roster []chain.Operator) [][]byte {
	list := make([][]byte, 0, len(roster))
	for _, op := range roster {
		list = append(list, bytes.Clone(op[:]))
	}
	return list
}

func decodeRoster(list [][]byte) ([]chain.Operator, error) {
	if len(list) > chain.MaxSeats {
		return nil, fmt.Errorf("%w: %d seats, want 1 to %d", ErrTerms, len(list), chain.MaxSeats)
	}
	roster := make([]chain.Operator, 0, len(list))
	for i, raw := range list {
		if len(raw) != len(chain.Operator{}) {
			return nil, fmt.Errorf("%w: the operator of seat %d has %d bytes", ErrDocument, i+1, len(raw))
		}
		roster = append(roster, chain.Operator(raw))
	}
	return roster, nil
}
