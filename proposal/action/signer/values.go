package signer

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
)

// Scheme is how a wallet's key is shared and signs.
type Scheme string

// The schemes.
const (
	FROST Scheme = "frost" // BIP-340 signatures of a Taproot key, tweaked once with the empty script root (BIP-341)
	CMP   Scheme = "cmp"   // ECDSA signatures (CGGMP21), for wallets that must be P2WPKH
)

// Schemes returns every scheme, the default first.
func Schemes() []Scheme { return []Scheme{FROST, CMP} }

// ParseScheme reads a scheme's name.
func ParseScheme(s string) (Scheme, error) {
	if scheme := Scheme(s); slices.Contains(Schemes(), scheme) {
		return scheme, nil
	}
	return "", fmt.Errorf("scheme: there is no %q (there are: frost, cmp)", s)
}

// Kind returns what a proposal's kind is called where signers meet it.
func (i Intent) Kind() proposal.Kind {
	if i.Transaction == nil {
		return proposal.KindHeartbeat
	}
	return proposal.KindRedemption
}

// SessionID names one session between the backends of a wallet's operators: a key generation, or one attempt to sign one
// input. It is a hash of all that the session is about, so two sessions that differ in anything have different names.
type SessionID [32]byte

// ParseSessionID reads 64 hex digits.
func ParseSessionID(s string) (SessionID, error) {
	var id SessionID
	err := id.UnmarshalText([]byte(s))
	return id, err
}

// String returns 64 lower-case hex digits.
func (id SessionID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText implements encoding.TextMarshaler with the form of String.
func (id SessionID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText accepts 64 hex digits.
func (id *SessionID) UnmarshalText(text []byte) error {
	if len(text) != 2*len(id) {
		return fmt.Errorf("session: %d characters are not 64 hex digits", len(text))
	}
	if _, err := hex.Decode(id[:], text); err != nil {
		return fmt.Errorf("session: %w", err)
	}
	return nil
}

// Placeholder is the name that a wallet goes by while its key is being generated, in routes and permissions: the first 20
// bytes of the session. Its real name is a hash of the key.
func (id SessionID) Placeholder() chain.WalletID { return chain.WalletID(id[:20]) }

// Term says under which responsibility a node asks. A backend keeps the highest that it has seen for each wallet and refuses
// lower ones, so that an instance whose wallet was given to another cannot sign any more. A node that is its operator's only
// one has the zero term.
type Term struct {
	Generation uint64 `json:"generation"` // of the operator's shared database; it grows with each history of it
	Epoch      uint64 `json:"epoch"`      // of the wallet's responsibility within the generation
}

// Compare orders terms: by generation, then by epoch.
func (t Term) Compare(u Term) int {
	return cmp.Or(cmp.Compare(t.Generation, u.Generation), cmp.Compare(t.Epoch, u.Epoch))
}

// Prevout is an output that a transaction spends.
type Prevout struct {
	Value  int64  `json:"value"` // satoshi
	Script []byte `json:"script"`
}

// Transaction is a Bitcoin transaction that is to be signed, and what a backend needs to judge it.
type Transaction struct {
	Raw      []byte    `json:"raw"`      // without signatures, in Bitcoin's wire form
	Prevouts []Prevout `json:"prevouts"` // one for each input
	// Previous are the whole transactions that the inputs spend from, one for each input. They are demanded where a
	// signature does not cover the amounts of all inputs in a way that the signer could rely on: P2WPKH.
	Previous [][]byte `json:"previous,omitempty"`
}

// Intent is what a wallet's signers are asked to sign: a heartbeat, or a Bitcoin transaction.
type Intent struct {
	Wallet chain.WalletID `json:"wallet"`
	Window chain.Height   `json:"window"` // coordination block
	// Statement is the leader's signed pubsub message that proposed it, exactly as signed: from it the backend rebuilds what
	// may be signed.
	Statement   []byte       `json:"statement"`
	Transaction *Transaction `json:"transaction,omitempty"` // nil for a heartbeat
	// Replaces are the digests of this wallet's intents of earlier windows that spend an outpoint which this one spends too.
	Replaces []Digest `json:"replaces,omitempty"`
	// Ancestors are whole transactions, signed or not and in any order, that those behind the inputs descend from. A backend that
	// took no part in them learns so that an earlier payment of a script is confirmed, or never will be. It knows them by their
	// hashes, and believes nothing else about them. At most 200, of 256 KiB together.
	Ancestors [][]byte `json:"ancestors,omitempty"`
}

// Bounds of an intent's ancestors: eight transactions a day for 25 days, each with about 20 payments.
const (
	MaxAncestors     = 200
	MaxAncestorBytes = 256 << 10
)

// Digest is a hash of 32 bytes that stands in documents as hex.
type Digest [32]byte

// String returns 64 lower-case hex digits.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText implements encoding.TextMarshaler with the form of String.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText accepts 64 hex digits.
func (d *Digest) UnmarshalText(text []byte) error {
	id := (*SessionID)(d)
	if id.UnmarshalText(text) != nil {
		return fmt.Errorf("digest: %.80q is not 64 hex digits", text)
	}
	return nil
}

// Signable is what one input of an intent comes to: the 32 bytes that are signed, whatever they are a hash of.
type Signable = Digest

// IntentDigest is what all nodes that mean the same call an intent: a hash of the wallet, the window, the digest of the
// canonical proposal (rule R2) and the unsigned transaction (no bytes for a heartbeat). The leader's message is no part of it,
// since each retransmission is signed anew, nor is what it replaces, nor are its ancestors.
func IntentDigest(wallet chain.WalletID, window chain.Height, agreed [32]byte, transaction []byte) Digest {
	h := sha256.New()
	h.Write([]byte("walletnode/intent/1:")) // a hash's Write never fails
	h.Write(wallet[:])
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(window)))
	h.Write(agreed[:])
	h.Write(transaction)
	return Digest(h.Sum(nil))
}

// Agreed is the digest of the canonical proposal that an intent is bound to: of the leader's message without its sender.
func Agreed(wallet chain.WalletID, window chain.Height, p proposal.Proposal) [32]byte {
	return proposal.Message{Block: window, Wallet: wallet, Proposal: p}.Digest()
}

// Digest is IntentDigest of an intent whose statement proposes p.
func (i Intent) Digest(p proposal.Proposal) Digest {
	var raw []byte
	if i.Transaction != nil {
		raw = i.Transaction.Raw
	}
	return IntentDigest(i.Wallet, i.Window, Agreed(i.Wallet, i.Window, p), raw)
}

// SigningSession names one attempt to sign one input with one set of seats: a hash of all of that.
func SigningSession(intent Digest, input int, attempt uint32, signers []chain.Seat) SessionID {
	h := sha256.New()
	h.Write([]byte("walletnode/signing/1:"))
	h.Write(intent[:])
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(input))) //nolint:gosec // inputs are few
	h.Write(binary.BigEndian.AppendUint32(nil, attempt))
	for _, seat := range signers {
		h.Write([]byte{byte(seat)})
	}
	return SessionID(h.Sum(nil))
}

// SigningTopic is where the operators of a wallet speak about its signatures, apart from the coordination channel.
func SigningTopic(wallet chain.WalletID) string { return "/walletnode/signing/1/" + wallet.String() }

// CheckSeats reports whether seats are in ascending order, each once, none of them 0, which would be the secret's own place.
func CheckSeats(seats []chain.Seat) error {
	if len(seats) == 0 {
		return errors.New("there are no seats")
	}
	last := chain.Seat(0)
	for _, s := range seats {
		if s <= last {
			return fmt.Errorf("seat %d does not follow seat %d: seats are 1 .. 255, ascending, each once", s, last)
		}
		last = s
	}
	return nil
}
