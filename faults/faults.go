// Package faults holds what a peer did wrong, as data: kinds, records, queries, and the scores they sum up to. A fault says that
// a peer did not do its part; that we could not do ours is an error or a reason, never a fault.
//
// Everything here is a value or a pure function of values: who judges is package executor, who proves is package evidence below, and
// nothing here keeps or punishes anything.
package faults

import (
	"fmt"
	"slices"
	"time"

	"github.com/walletnode/walletnode/chain"
)

// Kind names a misdeed. The texts are stored, exported and shown; they are never reused for another meaning.
type Kind string

// The kinds of rule R4.
const (
	// LeaderEquivocation: the leader's operator signed two differing messages for one window.
	LeaderEquivocation Kind = "leader_equivocation"
	// LeaderImpersonation: a member other than the leader's operator sent a coordination message for the window.
	LeaderImpersonation Kind = "leader_impersonation"
	// LeaderMistake: the leader proposed an action off the checklist, from a wrong seat, or one that was refused.
	LeaderMistake Kind = "leader_mistake"
	// LeaderIdle: nothing from the leader arrived in the active phase.
	LeaderIdle Kind = "leader_idle"
)

// Kinds returns every kind, in the order in which a window's judgement prefers them.
func Kinds() []Kind {
	return []Kind{LeaderEquivocation, LeaderImpersonation, LeaderMistake, LeaderIdle}
}

// ParseKind reads a kind's text.
func ParseKind(s string) (Kind, error) {
	if k := Kind(s); slices.Contains(Kinds(), k) {
		return k, nil
	}
	return "", fmt.Errorf("unknown fault kind %q", s)
}

// Key identifies a fault: there is one per culprit, kind, wallet and window, however often it was repeated.
type Key struct {
	Wallet  chain.WalletID
	Window  chain.Height // coordination block
	Kind    Kind
	Culprit chain.Operator
}

// Fault is one recorded misdeed.
type Fault struct {
	Key
	// Attributed says that the observer saw clearly enough to accuse (rule R4). False keeps the record without
	// the accusation.
	Attributed bool
	// Late marks an idle leader whose message came after all, within the passive phase (c+80 .. c+100).
	Late bool
	// Detail is a short text for people: the validator's revert reason, the seat that was claimed.
	Detail string
	// Evidence holds the exact signed pubsub messages, at most two; for idleness there is none.
	Evidence [][]byte
	// Observer is our own state when we judged.
	Observer Observer
	// ObservedAt is the height at which the fault was established.
	ObservedAt chain.Height
}

// Observer is what the accuser could see: whoever reads the fault can weigh it.
type Observer struct {
	OpenedAt       chain.Height  `json:"opened_at"`       // height at which we opened the window
	Peers          int           `json:"peers"`           // other operators of the wallet we were connected to when judging
	CutOff         bool          `json:"cut_off"`         // at some time in the window we were connected to none of them
	ClockAge       time.Duration `json:"clock_age_ns"`    // time since our last new head when judging
	ClockLapsed    bool          `json:"clock_lapsed"`    // our clock was stale at some time in the window
	HeadsDoubted   bool          `json:"heads_doubted"`   // our clock showed heads in the window that had no quorum
	SeedAgreed     bool          `json:"seed_agreed"`     // the seed block had its quorum
	ParamsMismatch bool          `json:"params_mismatch"` // the culprit's protocol parameters or roster differ from ours
}

// ClearView reports whether the observer may attribute idleness: it saw the whole active phase (rule R4).
func (o Observer) ClearView() bool {
	return o.Sure() && o.Peers > 0 && !o.CutOff && !o.ClockLapsed && !o.HeadsDoubted
}

// Sure reports whether the observer knows who leads and shares the culprit's parameters: enough to attribute
// what is proved by a signed message (rule R4).
func (o Observer) Sure() bool { return o.SeedAgreed && !o.ParamsMismatch }
