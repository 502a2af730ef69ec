package view

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/txscript"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/proposal/action"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/bitcoin"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

// Signings is what wallets' signers were asked in one window.
type Signings struct {
	Signings []Signing `json:"signings"`
}

// Signing is what one wallet's signers were asked in a window, and what came of it.
type Signing struct {
	Window      chain.Height   `json:"window"` // coordination block
	Wallet      chain.WalletID `json:"wallet"`
	Intent      string         `json:"intent"`         // digest of what is signed
	Transaction *Transaction   `json:"transaction"`    // null for a heartbeat
	Signature   *string        `json:"signature"`      // of a heartbeat; null until it is signed
	BegunAt     chain.Height   `json:"begun_block"`    // when it was stored
	FinishedAt  *chain.Height  `json:"finished_block"` // null until it is signed
	Begun       int            `json:"attempts_begun"`
	Attempts    []Attempt      `json:"attempts"` // that ended, in order
	Blames      []Blame        `json:"blames"`   // operators who broke attempts
	Replaces    []string       `json:"replaces"` // digests of earlier intents that spend the same
	// OthersSigned says that this node's own signer took no part in what was signed: the action ended otherwise here.
	OthersSigned bool `json:"others_signed"`
	// Inactivity is null unless this is a heartbeat that too few seats took part in, the last of several in a row.
	Inactivity *Inactivity `json:"inactivity"`
}

// Inactivity is a finding of seats that were absent from several poor heartbeats of a wallet in a row. It is a note of this
// node's own: nobody is told, and nothing follows from it.
type Inactivity struct {
	Seats     []int            `json:"seats"`
	Operators []chain.Operator `json:"operators"` // who holds them
	NotedAt   chain.Height     `json:"noted_block"`
}

// Transaction is a Bitcoin transaction of a wallet.
type Transaction struct {
	TxID    string   `json:"txid"`
	Signed  bool     `json:"signed"`
	Hex     string   `json:"hex"`     // with signatures, once there are
	Fee     int64    `json:"fee"`     // satoshi
	Inputs  []Input  `json:"inputs"`  // in order
	Outputs []Output `json:"outputs"` // in order
}

// Input is what a transaction spends.
type Input struct {
	TxID  string `json:"txid"`
	Index int    `json:"index"`
	Value int64  `json:"value"` // satoshi
}

// Output is what a transaction pays.
type Output struct {
	Value  int64  `json:"value"` // satoshi
	Script string `json:"script"`
	Type   string `json:"type"`   // of the script, as Bitcoin nodes call it
	Change bool   `json:"change"` // it pays the wallet itself
}

// Attempt is one attempt to sign, as it was seen from here.
type Attempt struct {
	Attempt     int              `json:"attempt"` // from 1
	Begun       chain.Height     `json:"begun_block"`
	Ended       chain.Height     `json:"ended_block"`
	Coordinator chain.Operator   `json:"coordinator"` // who named the signers
	Signers     []int            `json:"signers"`     // seats; empty if none were named
	Active      int              `json:"active"`      // seats that announced themselves
	Absent      []chain.Operator `json:"absent"`      // did not
	Silent      []chain.Operator `json:"silent"`      // were named, and said nothing in time
	Whole       bool             `json:"whole"`       // followed from its beginning
	Result      string           `json:"result"`
	Detail      string           `json:"detail"`
}

// Blame is an operator who broke an attempt.
type Blame struct {
	Attempt  int            `json:"attempt"`
	Operator chain.Operator `json:"operator"`
	Seat     *int           `json:"seat"` // null if it is not one seat's
	Misdeed  string         `json:"misdeed"`
	Detail   string         `json:"detail"`
	Proof    []string       `json:"proof"` // the operator's signed messages, in hex; none where the scheme alone names it
	// Proven says that the proof was checked now, with the wallet's roster and nothing else, and holds.
	Proven bool `json:"proven"`
}

// newSigning shows a stored signing; wallet is zero if its roster is not known. It fails if the stored transaction cannot be read.
func newSigning(row signing.Signing, wallet chain.Wallet) (Signing, error) {
	s := Signing{
		Window: row.Window, Wallet: row.Wallet, Intent: row.Digest.String(), BegunAt: row.BegunAt, FinishedAt: pointer(row.FinishedAt), Begun: int(row.Begun),
		Attempts: each(row.Attempts, newAttempt), Blames: each(row.Blames, func(b signing.Blame) Blame { return newBlame(b, wallet) }), Replaces: each(row.Intent.Replaces, signer.Digest.String),
	}
	var err error
	if row.Intent.Transaction != nil {
		s.Transaction, err = newTransaction(row)
	} else if len(row.Signed) > 0 {
		s.Signature = pointer(hex.EncodeToString(row.Signed))
	}
	return s, err
}

func newTransaction(row signing.Signing) (*Transaction, error) {
	unsigned := row.Intent.Transaction
	t := &Transaction{Signed: len(row.Signed) > 0, Hex: hex.EncodeToString(unsigned.Raw), Inputs: []Input{}, Outputs: []Output{}}
	if t.Signed {
		t.Hex = hex.EncodeToString(row.Signed)
	}
	tx, err := bitcoin.ParseUnsigned(unsigned.Raw)
	if err != nil || len(unsigned.Prevouts) != len(tx.TxIn) {
		return nil, fmt.Errorf("%w: transaction of wallet %v in window %d: %w", store.ErrCorrupt, row.Wallet, row.Window, err)
	}
	t.TxID = tx.TxID() // signatures are no part of it
	for i, in := range tx.TxIn {
		from := in.PreviousOutPoint
		t.Inputs = append(t.Inputs, Input{from.Hash.String(), int(from.Index), unsigned.Prevouts[i].Value})
		t.Fee += unsigned.Prevouts[i].Value
	}
	for _, out := range tx.TxOut {
		change := len(unsigned.Prevouts) > 0 && string(out.PkScript) == string(unsigned.Prevouts[0].Script)
		t.Outputs = append(t.Outputs, Output{out.Value, hex.EncodeToString(out.PkScript), txscript.GetScriptClass(out.PkScript).String(), change})
		t.Fee -= out.Value
	}
	return t, nil
}

func newAttempt(a signing.Attempt) Attempt {
	return Attempt{
		int(a.Number), a.Begun, a.Ended, a.Coordinator, orEmpty(a.Signers), a.Active, orEmpty(a.Absent), orEmpty(a.Silent), a.Whole, string(a.Result), a.Detail,
	}
}

func newBlame(b signing.Blame, wallet chain.Wallet) Blame {
	by, err := signing.CheckProof(wallet, b.Proof)
	proven := err == nil && by == b.Operator
	return Blame{int(b.Attempt), b.Operator, pointer(b.Seat), string(b.Misdeed), b.Detail, each(b.Proof, hex.EncodeToString), proven}
}

// roster returns the wallet of a signing in which somebody is blamed; zero if nobody is, or it is not known.
func (r Records) roster(ctx context.Context, row signing.Signing) (chain.Wallet, error) {
	if len(row.Blames) == 0 {
		return chain.Wallet{}, nil
	}
	all, err := r.Store.AllWallets(ctx)
	if i := slices.IndexFunc(all, func(w store.WalletRecord) bool { return w.ID() == row.Wallet }); i >= 0 {
		return all[i].Wallet, err
	}
	return chain.Wallet{}, err
}

// orEmpty keeps a list that has nothing in it from being written as null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// Signings shows what was asked of wallets' signers in a window, of one wallet if one is given. store.ErrNotFound if no wallet
// has an action in it.
func (r Records) Signings(ctx context.Context, block chain.Height, wallet *chain.WalletID) (Signings, error) {
	actions, err := r.Store.Actions(ctx, store.ActionFilter{Wallet: wallet, From: block, To: block})
	if err == nil && len(actions) == 0 {
		err = fmt.Errorf("%w: no action in window %d", store.ErrNotFound, block)
	}
	if err != nil {
		return Signings{}, err
	}
	list := Signings{Signings: []Signing{}}
	for _, a := range actions {
		row, known, err := r.Store.Signing(ctx, a.Wallet, block)
		if err != nil {
			return Signings{}, err
		}
		if !known {
			continue
		}
		roster, err := r.roster(ctx, row)
		if err != nil {
			return Signings{}, err
		}
		shown, err := newSigning(row, roster)
		if err != nil {
			return Signings{}, err
		}
		shown.OthersSigned = len(row.Signed) > 0 && a.Finished() && action.Outcome(a.Outcome) != action.OK
		inactive, found, err := r.Store.InactivityOf(ctx, a.Wallet, block)
		if err != nil {
			return Signings{}, err
		}
		if found {
			seats := each(inactive.Seats, func(s chain.Seat) int { return int(s) })
			shown.Inactivity = &Inactivity{seats, orEmpty(inactive.Operators), inactive.NotedAt}
		}
		list.Signings = append(list.Signings, shown)
	}
	return list, nil
}
