package signing

import (
	"crypto/sha256"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// What one operator can make us hold of one attempt; what is beyond is ignored, as if it had been lost. A session of FROST
// takes two bundles of each operator, of some kilobytes.
const (
	maxRounds      = 32
	maxBundles     = 256
	maxBundleBytes = 4 << 20
)

// signed is one message with its signature.
type signed struct {
	data    [32]byte // hash of what was said: one statement may be signed many times
	message []byte   // the pubsub message
	other   []byte   // another one that says something else in its place; nil if there is none
	heard   chain.Height
}

func newSigned(said signer.Said, at chain.Height) signed {
	return signed{data: sha256.Sum256(said.Data), message: said.Signed, heard: at}
}

// board is what was heard of one attempt, whether or not it has been reached here.
type board struct {
	announced map[chain.Operator][]chain.Seat
	list      []chain.Seat // nil until there is one
	named     chain.Height // when the list was heard
	listed    []byte       // the message that has it; nil until it was heard, if it is our own
	relisted  []byte       // one that names others
}

func newBoard() *board { return &board{announced: make(map[chain.Operator][]chain.Seat)} }

// active returns how many seats are announced.
func (b *board) active() int {
	n := 0
	for _, seats := range b.announced {
		n += len(seats)
	}
	return n
}

// missing returns the seats that nobody announced.
func (b *board) missing(wallet chain.Wallet) []int {
	var seats []int
	for _, s := range allSeats(wallet) {
		op, _ := wallet.At(s)
		if !slices.Contains(b.announced[op], s) {
			seats = append(seats, int(s))
		}
	}
	return seats
}

// absent returns the operators of a wallet who did not announce themselves.
func (b *board) absent(wallet chain.Wallet) []chain.Operator {
	var missing []chain.Operator
	for _, op := range operatorsOf(wallet, allSeats(wallet)) {
		if b.announced[op] == nil {
			missing = append(missing, op)
		}
	}
	return missing
}

// announce notes seats; the first word of an operator counts.
func (b *board) announce(by chain.Operator, seats []chain.Seat) {
	if _, ok := b.announced[by]; !ok {
		b.announced[by] = seats
	}
}

// name notes the coordinator's list. A second one that differs breaks the attempt.
func (b *board) name(seats []chain.Seat, message []byte, at chain.Height) {
	switch same := slices.Equal(b.list, seats); {
	case b.list == nil:
		b.list, b.listed, b.named = seats, message, at
	case same && b.listed == nil:
		b.listed = message
	case !same && b.relisted == nil:
		b.relisted = message
	}
}

// broken returns two differing lists, once both have been heard.
func (b *board) broken() [][]byte {
	if b.listed == nil || b.relisted == nil {
		return nil
	}
	return [][]byte{b.listed, b.relisted}
}

// step is one round of one session.
type step struct {
	session signer.SessionID
	round   int
}

// bundles are what operators' backends said in the sessions of one attempt. Which sessions these are may not be known yet.
type bundles struct {
	of      map[chain.Operator]*shelf
	differs bool // somebody has signed two of one round
}

// shelf is one operator's part.
type shelf struct {
	held  map[step]signed
	bytes int
}

func newBundles() *bundles { return &bundles{of: make(map[chain.Operator]*shelf)} }

// add keeps an operator's first bundle of a round, and the first that differs from it.
func (b *bundles) add(by chain.Operator, at step, said signed) {
	s := b.of[by]
	if s == nil {
		s = &shelf{held: make(map[step]signed)}
		b.of[by] = s
	}
	first, twice := s.held[at]
	switch {
	case s.bytes+len(said.message) > maxBundleBytes, !twice && len(s.held) == maxBundles:
		return
	case !twice:
		s.held[at] = said
	case first.data == said.data || first.other != nil:
		return
	default:
		first.other = said.message
		s.held[at] = first
		b.differs = true
	}
	s.bytes += len(said.message)
}

// split returns two differing bundles that an operator signed for one round of a session; nil if it did not.
func (b *bundles) split(by chain.Operator, session signer.SessionID) [][]byte {
	s := b.of[by]
	if s == nil {
		return nil
	}
	for round := 1; round <= maxRounds; round++ {
		if said := s.held[step{session, round}]; said.other != nil {
			return [][]byte{said.message, said.other}
		}
	}
	return nil
}

// get returns an operator's bundle.
func (b *bundles) get(by chain.Operator, at step) ([]byte, bool) {
	s := b.of[by]
	if s == nil {
		return nil, false
	}
	said, ok := s.held[at]
	return said.message, ok
}

// last returns when the last of operators was heard in a round; 0 if none was.
func (b *bundles) last(operators []chain.Operator, at step) chain.Height {
	latest := chain.Height(0)
	for _, op := range operators {
		if s := b.of[op]; s != nil {
			latest = max(latest, s.held[at].heard)
		}
	}
	return latest
}

// missing returns those of operators who have said nothing in a round.
func (b *bundles) missing(operators []chain.Operator, at step) []chain.Operator {
	var silent []chain.Operator
	for _, op := range operators {
		if _, ok := b.get(op, at); !ok {
			silent = append(silent, op)
		}
	}
	return silent
}
