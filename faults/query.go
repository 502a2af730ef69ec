package faults

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"

	"github.com/walletnode/walletnode/chain"
)

// Record is a fault as it was stored.
type Record struct {
	ID string // Key.ID of the fault
	Fault
	StoredAt time.Time // wall time at which the fault was first stored
	// Proof is the ID of the stored proof of it; empty if none is stored, and always of kinds that no message proves.
	Proof string
}

// Filter selects records. The zero value selects all of them; each field that is set narrows the selection.
type Filter struct {
	Kind     Kind            // empty for every kind
	Culprit  chain.Operator  // zero for every operator
	Wallet   *chain.WalletID // nil for every wallet
	From, To chain.Height    // coordination blocks, both included; a zero To is no upper bound
	// Attributed selects accusations (true) or records kept without one (false); nil selects both.
	Attributed *bool
	Limit      int // greatest number of records, newest window first; 0 for no limit
}

// Match reports whether a fault is within the filter; Limit is left to the caller. It is what a filter means: stores, which filter in
// a language of their own, are held against it.
func (f Filter) Match(fault Fault) bool {
	return (f.Kind == "" || f.Kind == fault.Kind) &&
		(f.Culprit.IsZero() || f.Culprit == fault.Culprit) &&
		(f.Wallet == nil || *f.Wallet == fault.Wallet) &&
		f.From <= fault.Window && (f.To == 0 || fault.Window <= f.To) &&
		(f.Attributed == nil || *f.Attributed == fault.Attributed)
}

// idBytes is how much of the digest is shown as an ID: 8 bytes are short enough to type, and among the faults of
// one node (at most some millions) a chance collision has a probability below one in a million.
const idBytes = 8

// ID returns the name of the fault for people and links: the first 16 hex digits of the SHA-256 hash of wallet,
// window (8 bytes, big endian), culprit and kind. It is the same on every node and in every database.
func (k Key) ID() string {
	digest := sha256.New()
	digest.Write(k.Wallet[:])
	digest.Write(binary.BigEndian.AppendUint64(nil, uint64(k.Window)))
	digest.Write(k.Culprit[:])
	digest.Write([]byte(k.Kind)) // last, because it alone has no fixed length
	return hex.EncodeToString(digest.Sum(nil)[:idBytes])
}
