package view

import (
	"fmt"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/placement"
)

// Signers is the operator's signer backends as the node that answers sees them, in the order of its configuration.
type Signers struct {
	Signers []Signer `json:"signers"`
}

// Signer is one signer backend.
type Signer struct {
	ID       string   `json:"id"`
	Where    string   `json:"where"`  // its URL, or that it is in the node's process; empty if it is not in the configuration any more
	Weight   int      `json:"weight"` // its part of new wallets
	State    string   `json:"state"`  // active, retired, failed, or removed: not in the configuration any more
	By       *string  `json:"by"`     // who said so by a command; null if the configuration says it
	Since    *string  `json:"since"`  // of the command
	Health   string   `json:"health"` // healthy, suspect (three probes failed), foreign (it is not the one that it was) or unknown
	Detail   string   `json:"detail"` // what is wrong; empty if nothing is
	Identity *string  `json:"identity"`
	Version  *string  `json:"version"`
	Schemes  []string `json:"schemes"`
	SeenAt   *string  `json:"seen_at"` // of its newest answer

	Feed       *string `json:"feed"`        // from where it takes what leaders propose: its mailboxes, the best of which it follows or is away or false, or off: the node's word
	FeedDetail string  `json:"feed_detail"` // what is wrong with the mailboxes, or was found with them
	FeedProofs int     `json:"feed_proofs"` // that its mailbox and another one were told different things
	// FeedDoubted counts instances whose mailbox is not what they sign, and differences between two.
	FeedDoubted int `json:"feed_doubted"`

	Wallets        int  `json:"wallets"`           // that it serves, without archived ones
	Unsignable     int  `json:"unsignable"`        // of them, that cannot be signed for now
	Pending        int  `json:"pending"`           // key generations under way
	Lost           int  `json:"lost"`              // wallets whose shares it does not hold any more
	Keys           int  `json:"keys"`              // as it said last
	Capacity       *int `json:"capacity"`          // greatest number of keys; null for no limit
	SafeToShutDown bool `json:"safe_to_shut_down"` // it gets no new wallets and has none left

	Findings     []SignerFinding `json:"findings"`
	Calls        uint64          `json:"calls_total"`
	CallsFailed  uint64          `json:"calls_failed_total"`
	Probes       uint64          `json:"probes_total"`
	ProbesFailed uint64          `json:"probes_failed_total"`
	Signatures   uint64          `json:"signatures_total"` // sessions that came to a signature, since the node's start
}

// SignerFinding is a difference between what a signer holds and what is written down.
type SignerFinding struct {
	Kind    string           `json:"kind"`    // orphan, missing, duplicate, mismatch or rolled_back
	Wallet  chain.WalletID   `json:"wallet"`  // public key hash, as the signer or the record has it
	Session signer.SessionID `json:"session"` // of the key generation
	Detail  string           `json:"detail"`
}

// removed is the state of a signer that wallets are assigned to and that the configuration does not list.
const removed = "removed"

// NewSigners shows backends.
func NewSigners(all []placement.Status) Signers { return Signers{each(all, newSigner)} }

func newSigner(s placement.Status) Signer {
	doc := Signer{
		ID: s.ID, Where: s.Where, Weight: s.Weight, State: string(s.Word.State), By: pointer(s.Word.By), Health: string(s.Standing), Detail: s.Trouble,
		Identity: pointer(s.Identity), Version: pointer(s.Version), Schemes: each(s.Schemes, func(s string) string { return s }),
		SeenAt: pointer(Time(s.SeenAt)), Feed: pointer(string(s.Feed)), FeedDetail: s.FeedDetail, FeedProofs: s.FeedProofs, FeedDoubted: s.FeedDoubted, Wallets: s.Wallets, Unsignable: s.Unsignable, Pending: s.Pending, Lost: s.Lost, Keys: s.Reported,
		Capacity: pointer(s.Capacity), SafeToShutDown: s.SafeToShutDown,
		Findings: each(s.Findings, func(f placement.Finding) SignerFinding {
			return SignerFinding{string(f.Kind), f.Wallet, f.Session, f.Detail}
		}),
		Calls: s.Calls.Count, CallsFailed: s.Calls.Failed, Probes: s.Probes, ProbesFailed: s.FailedProbes, Signatures: s.Calls.Signatures,
	}
	if s.Word.By != "" {
		doc.Since = pointer(Time(s.Word.Since))
	}
	if s.Removed {
		doc.State = removed
	}
	return doc
}

// SignedBy adds which signer holds the wallet's shares, and why it cannot be signed for.
func (w Wallet) SignedBy(id string, unsignable error) Wallet {
	w.Signer, w.Unsignable = pointer(id), nil
	if unsignable != nil {
		w.Unsignable = pointer(unsignable.Error())
	}
	return w
}

// custody is what a store alone knows of wallets' shares: which signer holds them, and what was last written down of that.
type custody struct {
	of    map[chain.WalletID]placement.Assignment
	words map[string]placement.State
}

func newCustody(assignments []placement.Assignment, words []placement.Word) custody {
	c := custody{make(map[chain.WalletID]placement.Assignment), make(map[string]placement.State)}
	for _, a := range assignments {
		if a.State == placement.Assigned || a.State == placement.Lost {
			c.of[a.Wallet] = a
		}
	}
	for _, w := range words {
		c.words[w.Backend] = w.State
	}
	return c
}

// show adds what is known of a wallet's shares. Whether its signer works, nobody can tell without asking it.
func (c custody) show(w Wallet) Wallet {
	a, assigned := c.of[w.Wallet]
	switch {
	case !assigned:
		return w.SignedBy("", placement.ErrNoSigner)
	case a.State == placement.Lost:
		return w.SignedBy(a.Backend, fmt.Errorf("%w: %s (signer %s)", placement.ErrUnsound, placement.Missing, a.Backend))
	case c.words[a.Backend] == placement.Failed:
		return w.SignedBy(a.Backend, fmt.Errorf("%w: signer %s", placement.ErrBackendFailed, a.Backend))
	}
	return w.SignedBy(a.Backend, nil)
}
