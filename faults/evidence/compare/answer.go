package compare

import (
	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/heads"
	"github.com/walletnode/walletnode/faults/evidence/tree"
)

// Shelf has the signed messages that entries speak of.
type Shelf interface {
	// Statements returns the signed messages on record of a wallet and window that an entry is made of: one, or two that
	// contradict each other; none if they are not kept any more.
	Statements(wallet chain.WalletID, window chain.Height) [][]byte
}

// Attestations are the heads that an operator can still open.
type Attestations interface {
	// Attested returns the head of a window with what is below it, signed; false if there is none.
	Attested(window chain.Height) (*heads.Attested, bool)
}

// Respond answers a request of another operator, whose name the connection has shown. It keeps nothing between two requests, and
// works in proportion to the request. What it returns beside the answer are statements that the other one offers because we seem
// to lack or contradict them: checked, and to be given to WeighOffered; those of wallets of which we attest nothing are left out. Errors are ErrRefused.
func Respond(data []byte, from chain.Operator, ours Attestations, shelf Shelf) ([]byte, []evidence.Statement, error) {
	req, err := readRequest(data)
	if err != nil {
		return nil, nil, err
	}
	a, ok := ours.Attested(req.window)
	if !ok {
		return nil, nil, refuse("no head of window %d is at hand", req.window)
	}
	view, path, ok := a.Common(from)
	if !ok {
		return nil, nil, refuse("nothing is attested of a wallet in common with %v", from)
	}
	offered, err := readOffered(req.offered, view)
	if err != nil {
		return nil, nil, err
	}
	var out answer
	if req.forHead() {
		out.top = &top{a.Head, a.Wallets(), path, view.Tree.Root()}
		req.steps = []step{{prefix: tree.Whole}}
	}
	said := 0
	for _, s := range req.steps {
		p, err := respond(s, view, shelf)
		if err != nil {
			return nil, nil, err
		}
		for _, statement := range p.statements {
			said += len(statement.Signed())
		}
		if len(out.parts) > 0 && said > spare {
			break // the rest is asked for again
		}
		out.parts = append(out.parts, p)
	}
	for _, o := range req.opens {
		opening, ok := a.Open(o.wallet, o.window)
		if !ok || !view.Has(o.wallet) {
			return nil, nil, refuse("nothing is attested in common of wallet %v in window %d", o.wallet, o.window)
		}
		out.openings = append(out.openings, opening)
	}
	return out.encode(), offered, nil
}

func readOffered(messages [][]byte, view heads.View) ([]evidence.Statement, error) {
	var offered []evidence.Statement
	for _, signed := range messages {
		s, err := evidence.ReadStatement(signed)
		if err != nil {
			return nil, refuse("%w", err)
		}
		if view.Has(s.Wallet) {
			offered = append(offered, s)
		}
	}
	return offered, nil
}

// respond opens one part.
func respond(s step, view heads.View, shelf Shelf) (part, error) {
	in := view.Tree
	if s.wallet != (chain.WalletID{}) {
		if !view.Has(s.wallet) {
			return part{}, refuse("wallet %v is not attested in common", s.wallet)
		}
		in = view.Windows(s.wallet)
	}
	below := in.Under(s.prefix)
	switch {
	case below.Size() == 0:
		return part{}, refuse("it asks for a part that holds nothing")
	case below.Size() > 1:
		f := in.Expand(s.prefix)
		return part{fragment: &f}, nil
	case s.wallet == (chain.WalletID{}):
		wallet := chain.WalletID(below.Names()[0])
		windows := view.Windows(wallet)
		f := windows.Expand(tree.Whole)
		return part{wallet: &wallet, windows: windows.Root(), fragment: &f}, nil
	}
	return respondEntry(s.wallet, below.Names()[0], view, shelf), nil
}

func respondEntry(wallet chain.WalletID, name tree.Name, view heads.View, shelf Shelf) part {
	var p part
	for _, e := range view.Entries(wallet) {
		if e.Leaf().Name != name {
			continue
		}
		p.entry = &e
		for _, signed := range shelf.Statements(wallet, e.Window) {
			if s, err := evidence.ReadStatement(signed); err == nil && speaksOf(e, s) && len(p.statements) < 2 {
				p.statements = append(p.statements, s)
			}
		}
	}
	return p
}

// speaksOf reports whether an entry is made of a statement.
func speaksOf(e evidence.Entry, s evidence.Statement) bool {
	switch e.Status {
	case evidence.Said, evidence.Late:
		return e.Sender == s.Operator && e.Statement == s.Digest
	case evidence.Twice:
		return e.Sender == s.Operator
	}
	return false
}
