// Package compare finds where the histories of two operators differ. Who asks knows what it heard itself, and walks down the tree
// below the other one's signed head to the entries that are not what it expects; there one of them lacks a message, or a third
// operator said two things. Each answer is checked against a hash that the answers before it have shown to be below the head,
// so all answers together are one path to it, and one that is not part of it ends the comparison.
//
// It sends nothing itself: messages go in and come out.
package compare

import (
	"context"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/heads"
	"github.com/walletnode/walletnode/faults/evidence/tree"
)

// The bounds of one comparison. At them it ends, with what it found so far.
const (
	// MaxRounds is how many requests it sends. One difference takes seven or eight.
	MaxRounds = 64
	// MaxFindings is how many differences it looks into.
	MaxFindings = 256
)

// Config is what a comparison starts from.
type Config struct {
	Chain  uint64
	Self   chain.Operator
	Peer   chain.Operator // whom to ask
	Window chain.Height   // of the head to ask about
	// Common are the wallets in which both hold a seat.
	Common []chain.WalletID
	// Ledger is what was heard here, of the windows that have passed.
	Ledger *heads.Ledger
	// Known is what the peer is known to attest differently.
	Known heads.Known
	Shelf Shelf
	// Quotes returns messages in which the peer acted on a leader's word of slots of which its head says that nothing was heard; nil: there
	// are none. It is asked once, when the walk is over. The comparison asks for the path to each such entry, which makes a proof. Others
	// than the peer's, and about other slots, are left out.
	Quotes func(silent []evidence.Entry) []evidence.Quote
}

// Session is one comparison, at the side that asks. It is not safe for use by several goroutines.
type Session struct {
	cfg     Config
	head    evidence.Head
	expect  heads.View
	todo    []place          // what is left to look into, the last one first
	asked   []place          // what the last request asks for
	offer   []offer          // statements that the peer is to have
	owed    map[slot]bool    // of what it does not have them yet, as far as is known
	brought []slot           // of what the last request brings them
	denied  []evidence.Quote // quotes of what the peer denies, left to be shown
	weighed bool             // they were looked for
	opens   []evidence.Quote // those that the last request asks about
	waiting []byte           // the request that was not answered yet
	started bool
	cut     bool
	found   []Finding
	traffic Traffic
}

// offer is what the peer is to have of one wallet and window.
type offer struct {
	of         slot
	statements [][]byte
}

// place is a part of the peer's tree that is not as expected.
type place struct {
	step
	hash tree.Hash
	leaf bool
}

// Traffic is what a comparison took.
type Traffic struct {
	Rounds     int // requests that were answered
	Bytes      int // of requests and answers, both ways, without statements
	Statements int // bytes of statements, both ways
}

// NewSession begins a comparison.
func NewSession(cfg Config) *Session { return &Session{cfg: cfg, owed: map[slot]bool{}} }

// Next returns the request to send; false when there is nothing more to ask. Until an answer is taken it is the same one.
func (s *Session) Next() ([]byte, bool) {
	if s.waiting != nil {
		return s.waiting, true
	}
	req := request{window: s.cfg.Window}
	switch {
	case !s.started:
	case s.traffic.Rounds >= MaxRounds || len(s.found) >= MaxFindings:
		s.cut = s.cut || len(s.todo) > 0 || len(s.offer) > 0 || len(s.denied) > 0
		return nil, false
	case len(s.todo) == 0 && len(s.offer) == 0:
		if req.opens = s.takeDenied(); len(req.opens) == 0 {
			return nil, false
		}
	default:
		n := min(len(s.todo), MaxSteps)
		s.asked = slices.Clone(s.todo[len(s.todo)-n:])
		s.todo = s.todo[:len(s.todo)-n]
		for _, p := range s.asked {
			req.steps = append(req.steps, p.step)
		}
		req.offered = s.takeOffer()
	}
	s.waiting = req.encode()
	for _, signed := range req.offered {
		s.traffic.Statements += len(signed)
		s.traffic.Bytes -= len(signed)
	}
	return s.waiting, true
}

// takeOffer takes off as many offered statements as one request holds.
func (s *Session) takeOffer() [][]byte {
	var offered [][]byte
	for size := 0; len(s.offer) > 0; s.offer = s.offer[1:] {
		next := s.offer[0]
		for _, signed := range next.statements {
			size += len(signed)
		}
		if len(offered) > 0 && (size > spare || len(offered)+len(next.statements) > MaxOffered) {
			break
		}
		offered = append(offered, next.statements...)
		s.brought = append(s.brought, next.of)
	}
	return offered
}

// Take takes the answer to the last request. After an error, which is ErrRefused, the comparison is over.
func (s *Session) Take(data []byte) error {
	got, err := readAnswer(data)
	if err != nil {
		return err
	}
	s.traffic.Rounds++
	s.traffic.Bytes += len(s.waiting) + len(data) - got.statements
	s.traffic.Statements += got.statements
	s.waiting = nil
	for _, of := range s.brought {
		delete(s.owed, of)
	}
	s.brought = nil
	if !s.started {
		return s.start(got)
	}
	if err := s.takeOpenings(got.openings); err != nil {
		return err
	}
	switch n := len(got.parts); {
	case got.top != nil || n > len(s.asked):
		return refuse("it answers more than was asked")
	case n == 0 && len(s.asked) > 0:
		return refuse("it answers nothing")
	}
	for i, p := range got.parts {
		if err := s.take(s.asked[i], p); err != nil {
			return err
		}
	}
	s.todo = append(s.todo, s.asked[len(got.parts):]...)
	s.asked = nil
	return nil
}

// start takes the head and the top of what is attested in common.
func (s *Session) start(got answer) error {
	if got.top == nil || len(got.parts) != 1 || len(got.openings) > 0 {
		return refuse("it does not begin with a head")
	}
	h := got.top.head
	if h.Operator != s.cfg.Peer || h.Chain != s.cfg.Chain || h.Window != s.cfg.Window {
		return refuse("the head of %v was asked for, window %d, and this is of %v", s.cfg.Peer, s.cfg.Window, h)
	}
	if tree.Join(got.top.wallets, got.top.views.Root(tree.Name(s.cfg.Self), got.top.common)) != h.Root {
		return refuse("what is attested in common is not below the head")
	}
	s.started, s.head = true, h
	s.expect = s.cfg.Ledger.Expect(h, s.cfg.Common, s.cfg.Known)
	if s.expect.Tree.Root() == got.top.common {
		return nil
	}
	first := place{hash: got.top.common}
	if got.parts[0].wallet != nil {
		first.leaf = true
	}
	return s.take(first, got.parts[0])
}

// take checks the answer to one step.
func (s *Session) take(at place, p part) error {
	if at.leaf && at.wallet != (chain.WalletID{}) {
		return s.takeEntry(at, p)
	}
	if p.fragment == nil || p.entry != nil || at.leaf != (p.wallet != nil) {
		return refuse("a part of a tree was asked for, and this is something else")
	}
	mine := s.expect.Tree
	if at.wallet != (chain.WalletID{}) {
		mine = s.expect.Windows(at.wallet)
	}
	if at.leaf {
		name := tree.Name(*p.wallet)
		if tree.LeafHash(name, p.windows) != at.hash || !at.prefix.Holds(name) {
			return refuse("wallet %v is not at that place below the head", *p.wallet)
		}
		s.lacks(at.wallet, mine.Under(at.prefix), func(n tree.Name) bool { return n == name })
		if !slices.Contains(s.cfg.Common, *p.wallet) {
			return nil // it takes itself for an operator of it, or us: the chain settles that
		}
		at = place{step: step{wallet: *p.wallet}, hash: p.windows}
		mine = s.expect.Windows(*p.wallet)
	}
	ends, err := p.fragment.Ends(at.prefix, at.hash)
	if err != nil {
		return refuse("%w", err)
	}
	s.lacks(at.wallet, mine.Under(at.prefix), func(n tree.Name) bool {
		return slices.ContainsFunc(ends, func(end tree.Node) bool { return end.Prefix.Holds(n) })
	})
	for _, end := range slices.Backward(ends) {
		if mine.At(end.Prefix) != end.Hash {
			s.todo = append(s.todo, place{step{at.wallet, end.Prefix}, end.Hash, end.Leaf})
		}
	}
	return nil
}

// takeEntry checks an entry and what it is made of, and weighs it.
func (s *Session) takeEntry(at place, p part) error {
	if p.entry == nil || p.fragment != nil || p.wallet != nil {
		return refuse("an entry was asked for, and this is something else")
	}
	e := *p.entry
	if e.Wallet != at.wallet || e.Leaf().Hash != at.hash || !at.prefix.Holds(e.Leaf().Name) || !s.head.Attests(e.Window) {
		return refuse("the entry of wallet %v, window %d is not at that place below the head", e.Wallet, e.Window)
	}
	for _, statement := range p.statements {
		if statement.Wallet != e.Wallet || statement.Window != e.Window || !speaksOf(e, statement) {
			return refuse("a statement of %v that its entry does not speak of", statement.Slot)
		}
	}
	windows := s.expect.Windows(e.Wallet)
	s.lacks(e.Wallet, windows.Under(at.prefix), func(n tree.Name) bool { return n == e.Leaf().Name })
	mine, ok := s.cfg.Ledger.Entry(e.Wallet, e.Window)
	if !ok {
		mine = evidence.Entry{Wallet: e.Wallet, Window: e.Window}
	}
	f := weigh(s.cfg.Chain, mine, s.cfg.Shelf, p.statements)
	f.Theirs = &e
	if !ok {
		f.Mine = nil
	}
	alike := mine.Status != evidence.None && mine.Sender == e.Sender && mine.Statement == e.Statement
	switch {
	case f.Kind != Same:
	case e.Status == evidence.None && mine.Status != evidence.None:
		f.Kind = Theirs
	case e.Status != evidence.None && len(p.statements) == 0 && !alike:
		f.Kind = Unshown
	}
	s.find(f)
	return nil
}

// lacks notes what was expected of a tree and is not there: all names but those that the peer has.
func (s *Session) lacks(wallet chain.WalletID, expected tree.Tree, has func(tree.Name) bool) {
	for _, name := range expected.Names() {
		if has(name) {
			continue
		}
		in := wallet
		if wallet == (chain.WalletID{}) {
			in = chain.WalletID(name)
		}
		for _, e := range s.expect.Entries(in) {
			if wallet == (chain.WalletID{}) || e.Leaf().Name == name {
				s.find(Finding{Kind: Theirs, Wallet: in, Window: e.Window, Mine: &e})
			}
		}
	}
}

// find keeps a finding, and offers what the peer lacks or contradicts.
func (s *Session) find(f Finding) {
	if len(s.found) >= MaxFindings {
		s.cut = true
		return
	}
	s.found = append(s.found, f)
	if f.Kind == Theirs || f.Kind == Contradiction {
		if have := s.cfg.Shelf.Statements(f.Wallet, f.Window); len(have) > 0 {
			of := slot{f.Wallet, f.Window}
			s.offer = append(s.offer, offer{of, have[:min(len(have), 2)]})
			s.owed[of] = true
		}
	}
}

// Findings returns the differences found so far.
func (s *Session) Findings() []Finding { return slices.Clone(s.found) }

// Explains returns what the peer attests differently and needs no more looking into, to be expected of it from now on. What it did not
// take what it is to have of, as where the comparison was broken off before, is found and offered again. Whoever lets it go after
// evidence.Span windows forgets nothing.
func (s *Session) Explains() heads.Known {
	known := heads.Known{}
	for _, f := range s.found {
		if f.Kind == Denied || s.owed[slot{f.Wallet, f.Window}] { // denied: it is in the peer's head as expected, or among the others
			continue
		}
		known[f.Wallet] = append(known[f.Wallet], heads.Instead{Window: f.Window, Attested: f.Theirs})
	}
	return known
}

// Head returns the peer's head, zero before it was received.
func (s *Session) Head() evidence.Head { return s.head }

// Complete reports whether all differences were looked into: after the last answer, unless a bound was met.
func (s *Session) Complete() bool {
	return s.started && s.waiting == nil && len(s.todo) == 0 && len(s.offer) == 0 && len(s.denied) == 0 && !s.cut
}

// Traffic returns what it took so far.
func (s *Session) Traffic() Traffic { return s.traffic }

// Exchange sends a request to the peer and returns its answer, of MaxAnswer bytes at most. It gives up with the context.
type Exchange func(ctx context.Context, request []byte) ([]byte, error)

// Run makes the whole comparison. How long a peer may take is for the context to say.
func (s *Session) Run(ctx context.Context, exchange Exchange) error {
	for {
		req, more := s.Next()
		if !more {
			return nil
		}
		data, err := exchange(ctx, req)
		if err != nil {
			return err
		}
		if err := s.Take(data); err != nil {
			return err
		}
	}
}
