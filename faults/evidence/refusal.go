package evidence

import (
	"errors"
	"fmt"
)

// Verdict is what the verification of a proof comes to.
type Verdict string

// The verdicts. Only Invalid says something about the proof: Unusable says that it cannot be judged by what is at hand.
const (
	Valid    Verdict = "valid"
	Invalid  Verdict = "invalid"
	Unusable Verdict = "unusable"
)

// Reason says why a proof is refused. The texts are shown and exported; they are never reused for another meaning.
type Reason string

// The reasons that make a proof invalid.
const (
	TooLarge      Reason = "too_large"      // longer than a proof can be
	Damaged       Reason = "damaged"        // its digest is not that of its bytes
	Malformed     Reason = "malformed"      // it, or a message in it, cannot be decoded
	NotCanonical  Reason = "not_canonical"  // it, or a message in it, is not in its one form
	HighS         Reason = "high_s"         // a signature has its s in the upper half of the group's order
	BadSignature  Reason = "bad_signature"  // a message is not signed by the author it names
	OtherType     Reason = "other_type"     // a message is no coordination message
	OtherSender   Reason = "other_sender"   // the envelope names another sender than the author
	OtherTopic    Reason = "other_topic"    // the topic is not the coordination channel of the payload's wallet
	NoWindow      Reason = "no_window"      // no window begins at the block that a message names
	SlotsDiffer   Reason = "slots_differ"   // the two messages are of different wallets, windows or operators
	SameStatement Reason = "same_statement" // both messages state the same
	HalvesSwapped Reason = "halves_swapped" // the messages are not in their order
	NotAMember    Reason = "not_a_member"   // the author holds no seat of the wallet
	BadHead       Reason = "bad_head"       // a head, or what is below it, says what no honest operator attests
	BadPath       Reason = "bad_path"       // an entry is not below the head that it is shown with
	NoConflict    Reason = "no_conflict"    // an honest operator may sign both messages
)

// The reasons that make a proof unusable.
const (
	NewerVersion Reason = "newer_version" // it is of a version or kind that this program does not know
	OtherChain   Reason = "other_chain"   // it claims another chain than the list of operators is of
	OtherWallet  Reason = "other_wallet"  // it is about another wallet than the list of operators
	OtherList    Reason = "other_list"    // it is about no one wallet, and the operator is not on the list of this one
	BadOperators Reason = "bad_operators" // the list of operators is none
	Unreadable   Reason = "unreadable"    // a file could not be read
)

// unusable are the reasons that say nothing about the proof.
var unusable = []Reason{NewerVersion, OtherChain, OtherWallet, OtherList, BadOperators, Unreadable}

// invalid are the reasons that do.
var invalid = []Reason{
	TooLarge, Damaged, Malformed, NotCanonical, HighS, BadSignature, OtherType, OtherSender, OtherTopic, NoWindow,
	SlotsDiffer, SameStatement, HalvesSwapped, NotAMember, BadHead, BadPath, NoConflict,
}

// Reasons returns every reason that leads to a verdict; none for Valid.
func Reasons(v Verdict) []Reason {
	switch v {
	case Invalid:
		return append([]Reason(nil), invalid...)
	case Unusable:
		return append([]Reason(nil), unusable...)
	}
	return nil
}

// Refusal is the error with which this package refuses a message, a proof or a list of operators.
type Refusal struct {
	Reason Reason
	err    error
}

// Error says in words what is wrong.
func (r *Refusal) Error() string { return r.err.Error() }

// Unwrap returns the cause.
func (r *Refusal) Unwrap() error { return r.err }

func refuse(reason Reason, format string, args ...any) error {
	return &Refusal{reason, fmt.Errorf(format, args...)}
}

// Judge returns the verdict that an error of this package amounts to, and its reason: Valid without one for nil. Every
// other error, that of a file for example, is Unusable and Unreadable: it says nothing about the proof.
func Judge(err error) (Verdict, Reason) {
	var refusal *Refusal
	switch {
	case err == nil:
		return Valid, ""
	case !errors.As(err, &refusal):
		return Unusable, Unreadable
	}
	for _, r := range unusable {
		if r == refusal.Reason {
			return Unusable, r
		}
	}
	return Invalid, refusal.Reason
}
