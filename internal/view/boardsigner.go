package view

import (
	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer/placement"
)

// Bounds of what the dashboard shows of signers each second; commands tell all of it.
const (
	boardFindings   = 20
	boardUnsignable = 50
)

// BoardSigners is the operator's signers as the instance sees them at a moment.
type BoardSigners struct {
	Signers         []BoardSigner     `json:"signers"`          // in the order of the configuration
	Unsignable      []BoardUnsignable `json:"unsignable"`       // the first of the wallets that cannot be signed for
	UnsignableTotal int               `json:"unsignable_total"` // all of them
}

// BoardSigner is a signer with the first of what was found in it.
type BoardSigner struct {
	Signer
	FindingsTotal int `json:"findings_total"`
}

// BoardUnsignable is a wallet whose shares a signer holds, or held, and that cannot be signed for.
type BoardUnsignable struct {
	Wallet chain.WalletID `json:"wallet"`
	Signer string         `json:"signer"`
	Reason string         `json:"reason"`
}

// NewBoardSigners shows backends, and of the wallets that have shares in one those for which why has an answer: what keeps a
// wallet from being signed for.
func NewBoardSigners(all []placement.Status, shares []placement.Assignment, why func(chain.WalletID) error) BoardSigners {
	board := BoardSigners{Signers: []BoardSigner{}, Unsignable: []BoardUnsignable{}}
	for _, s := range NewSigners(all).Signers {
		shown := BoardSigner{Signer: s, FindingsTotal: len(s.Findings)}
		shown.Findings = s.Findings[:min(len(s.Findings), boardFindings)]
		board.Signers = append(board.Signers, shown)
	}
	for _, a := range shares {
		if a.Archived || (a.State != placement.Assigned && a.State != placement.Lost) {
			continue
		}
		err := why(a.Wallet)
		if err == nil {
			continue
		}
		if board.UnsignableTotal++; board.UnsignableTotal <= boardUnsignable {
			board.Unsignable = append(board.Unsignable, BoardUnsignable{a.Wallet, a.Backend, err.Error()})
		}
	}
	return board
}
