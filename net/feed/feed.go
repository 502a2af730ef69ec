// Package feed is what an instance and its subscribers agree on: records with their numbers and links, what each stage of the
// way commits to, the seal of an epoch, and how a subscriber verifies, compares and proves. It has neither network nor store;
// package pipeline below it makes what this one reads.
//
//	source ─► inbox ─► router ─► receivers ─► outboxes ─► mailboxes ─► subscribers
//	                      a sequencer seals what passed, epoch by epoch
//
// A subscriber trusts keys, and nobody who has them: what it was not given as the seals commit to is noticed, and where two subscribers got
// something else what stages and origins have signed shows whose doing it was, to anybody who has the keys. Where no signature shows it,
// nobody is blamed.
//
//	feed.go, codec.go                                          numbers, epochs and hashes; how things become bytes
//	record.go, entry.go, tree.go, commitment.go, seal.go       what passes, where it stands in a mailbox, what is signed of it
//	sign.go, positions.go, series.go, echo.go                  who signs; sources, how far each was taken in, and what is repeated
//	subscriptions.go, recipients.go, resident.go               who gets what
//	handover.go, stays.go                                      a mailbox that goes on in another instance
//	reader.go, kept.go, policy.go, keepwitness.go              what a subscriber verifies as it reads, and what it keeps
//	witness.go, witnesses.go, verifier.go                      what origins sign, one by one or together
//	export.go, trail.go                                        what a subscriber shows to others
//	audit.go, trace.go, reorder.go                             who is to blame by a seal, by a stream held against the stages, by an order
//	compare.go, side.go, stray.go                              two who read from one instance
//	across.go, half.go, covered.go, silence.go                 two who read from two
//	proof.go, proofcodec.go, prove.go, omission.go, signed.go  what convinces others
package feed

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// Bounds. What a decoder reads and a subscription names is held to them, so that nothing a peer sends makes anything grow.
const (
	MaxName          = 64             // bytes of the name of an instance, a source or a mailbox
	MaxPayload       = 1 << 20        // bytes of one payload
	MaxMailboxes     = 256            // mailboxes of one version of the subscriptions
	MaxWallets       = 4096           // wallets that one mailbox names; who wants more names none, which is all
	MaxShards        = 16             // receivers of one instance
	MaxOutboxes      = 16             // outboxes of one instance
	MaxSources       = 64             // sources of one instance, and beside them one for each mailbox that moves in
	maxNamed         = 4 * MaxWallets // by all mailboxes of a version together
	maxTallies       = MaxMailboxes*MaxShards + MaxShards + MaxSources + MaxMailboxes
	maxBlames        = 256
	maxActors        = 2 + MaxShards + MaxOutboxes
	maxPath          = 64 // a tree has fewer than 2^64 leaves
	maxSubscriptions = 1 << 20
	// MaxSeal is the most bytes of a seal that is read. One of 100 mailboxes and 4 shards takes about 100 kB, an empty one 1 kB.
	MaxSeal = 4 << 20
)

// What callers tell apart with errors.Is.
var (
	// ErrMalformed says that bytes are not what this package writes, or a value is none that can be.
	ErrMalformed = errors.New("malformed")
	// ErrUnknownInstance says that the keyring has no key for who is said to have signed: nothing can be told, and nobody is blamed.
	ErrUnknownInstance = errors.New("no key of this instance is known; add it to the keyring")
	// ErrSignature says that it is not who is named that signed.
	ErrSignature = errors.New("the signature is not by the key of this instance")
)

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
}

// Seq is the number of a record among all of the instance, counted from 1 and without gaps. 0 is none.
type Seq uint64

// Number is the place of an entry in its mailbox, counted from 1 and without gaps, so that an absence shows. 0 is none.
type Number uint64

// Epoch is the coordination window that a record was numbered in, the window's index.
type Epoch uint64

// Hash is a SHA-256 hash. Everything hashed begins with a text of its own, so that no two kinds of value share a hash.
type Hash [sha256.Size]byte

// String returns 64 lower-case hex digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText implements encoding.TextMarshaler with the form of String.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText accepts the form of String.
func (h *Hash) UnmarshalText(text []byte) error {
	raw, err := hex.DecodeString(string(text))
	if err != nil || len(raw) != len(h) {
		return malformed("a hash has %d hex digits, this is %.80q", 2*len(h), text)
	}
	copy(h[:], raw)
	return nil
}

// Kind is what a record tells of. The numbers are signed, and never reused for another meaning.
type Kind uint8

// What the feed carries.
const (
	KindProposal Kind = 1 + iota // a leader's signed proposal, its bytes as they came
	KindResult                   // what a window ended in; of no wallet, that one has opened
	KindFault                    // what a peer did
	KindAction                   // what became of a proposal
	kindEnd
)

// Valid is whether the kind is one of the list.
func (k Kind) Valid() bool { return k >= KindProposal && k < kindEnd }

// String returns the kind's name.
func (k Kind) String() string {
	switch k {
	case KindProposal:
		return "proposal"
	case KindResult:
		return "result"
	case KindFault:
		return "fault"
	case KindAction:
		return "action"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// ParseKind reads a kind's name.
func ParseKind(s string) (Kind, error) {
	for k := KindProposal; k < kindEnd; k++ {
		if k.String() == s {
			return k, nil
		}
	}
	return 0, malformed("want proposal, result, fault or action, have %.40q", s)
}

// Stage is one step of the way of a record.
type Stage uint8

// The stages, in the order in which a record passes them; the sequencer seals.
const (
	Inbox Stage = 1 + iota
	Router
	Receiver
	Outbox
	Sequencer
	stageEnd
)

// String returns the stage's name.
func (s Stage) String() string {
	switch s {
	case Inbox:
		return "inbox"
	case Router:
		return "router"
	case Receiver:
		return "receiver"
	case Outbox:
		return "outbox"
	case Sequencer:
		return "sequencer"
	}
	return fmt.Sprintf("stage %d", uint8(s))
}

// Actor is who handles records and can be blamed: a stage of an instance. With stage 0 it is the instance as a whole, which is
// blamed for what its stages, by what they signed, cannot have done alone.
type Actor struct {
	Instance string
	Stage    Stage
	Index    uint16 // which receiver or outbox; 0 for the stages of which there is one
}

// whole returns the actor's instance as an actor.
func (a Actor) whole() Actor { return Actor{Instance: a.Instance} }

// Keeper is the outbox of an instance that keeps a mailbox, of as many as the instance has.
func Keeper(instance, mailbox string, outboxes int) Actor {
	return Actor{Instance: instance, Stage: Outbox, Index: uint16(OutboxOf(mailbox, outboxes))}
}

// keeper is the outbox that keeps a mailbox, by who committed to the epoch.
func (s Seal) keeper(mailbox string) Actor {
	return Keeper(s.Actor.Instance, mailbox, max(1, s.stage(Outbox)))
}

// String returns instance/stage or instance/stage/index.
func (a Actor) String() string {
	switch a.Stage {
	case 0:
		return a.Instance
	case Receiver, Outbox:
		return fmt.Sprintf("%s/%v/%d", a.Instance, a.Stage, a.Index)
	}
	return fmt.Sprintf("%s/%v", a.Instance, a.Stage)
}

// CheckName refuses what cannot be the name of an instance, a source or a mailbox: 1 to 64 of a-z, 0-9, dot, dash, underscore.
func CheckName(s string) error {
	if len(s) == 0 || len(s) > MaxName {
		return malformed("a name has 1 to %d characters, this one has %d", MaxName, len(s))
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' {
			return malformed("name %q: only a-z, 0-9, dot, dash and underscore can stand in a name", s)
		}
	}
	return nil
}
