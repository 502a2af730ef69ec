package keygen

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/internal/wire/pb"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// maxHeard is how many bytes of bundles are kept of one operator: several times what the greatest wallet takes in all rounds.
// What is said beyond counts as not said.
const maxHeard = 4 << 20

// maxBundle is the most bytes of one of them, with its signature: what is too large to be shown in another message could not be
// proven. What is larger counts as not said.
const maxBundle = wire.MaxMessage - 64<<10

// hearing is what was said on a session's topic. Of each operator the first thing of each kind counts; a second that differs
// from it is proof against the operator.
type hearing struct {
	inv       Invitation
	self      chain.Operator
	operators []chain.Operator
	since     time.Time // when we were invited

	mu          sync.Mutex
	changed     chan struct{} // closed by the next change
	acceptances map[chain.Operator]statement
	second      map[chain.Operator][]byte            // acceptances that contradict the first ones
	verified    map[signer.Digest]bool               // acceptances that were taken in
	bundles     map[chain.Operator]map[int]statement // by round
	size        map[chain.Operator]int
	attested    map[chain.Operator][]attested // two at most
	points      [][33]byte                    // of the newest attestation: the next one most likely has the same
	ended       map[chain.Operator]ending
	proofs      map[chain.Operator]proof // the first against each
	latest      invited                  // of the session's invitations the one that expires last
	calls       int                      // by others
	missed      map[chain.Operator]bool  // whose attestations others miss
	released    bool                     // bundles are of no use any more
}

// statement is one thing that was said.
type statement struct {
	hash     signer.Digest
	signed   []byte
	sealTo   signer.PublicKey // of an acceptance
	accepted signer.Digest    // of a bundle, see Bundle
}

// ending is how somebody's part came to its end.
type ending struct {
	why     string
	accused []chain.Operator
	hashes  map[chain.Operator]signer.Digest // of the round-1 messages that were used
	opened  []*opened                        // what the backend could not use; one of each dealer
	signed  []byte                           // the whole message
}

// proof says that an operator contradicts itself, with the two messages that show it.
type proof struct {
	by     chain.Operator
	what   string
	signed [][]byte
}

func newHearing(inv Invitation, row Row, self chain.Operator) *hearing {
	return &hearing{
		inv:         inv,
		latest:      invited{inv, row.Invitation},
		since:       row.Created,
		self:        self,
		operators:   inv.Operators(),
		changed:     make(chan struct{}),
		acceptances: map[chain.Operator]statement{},
		second:      map[chain.Operator][]byte{},
		verified:    map[signer.Digest]bool{},
		bundles:     map[chain.Operator]map[int]statement{},
		size:        map[chain.Operator]int{},
		attested:    map[chain.Operator][]attested{},
		ended:       map[chain.Operator]ending{},
		proofs:      map[chain.Operator]proof{},
		missed:      map[chain.Operator]bool{},
	}
}

// take takes in one message and returns what it holds; nil for what is not said by an operator of the roster, or is no
// message.
func (h *hearing) take(said signer.Said) *pb.SignerMessage {
	if !slices.Contains(h.operators, said.By) {
		return nil // the topic lets nobody else speak; this holds if it should
	}
	m := new(pb.SignerMessage)
	if proto.Unmarshal(said.Data, m) != nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch body := m.GetBody().(type) {
	case *pb.SignerMessage_Acceptance:
		h.takeAcceptance(body.Acceptance)
	case *pb.SignerMessage_Bundle:
		h.takeBundle(said, body.Bundle)
	case *pb.SignerMessage_Attestation:
		h.takeAttestation(body.Attestation)
	case *pb.SignerMessage_Invitation:
		h.takeInvitation(body.Invitation)
	case *pb.SignerMessage_Complaint:
		h.takeComplaint(said, body.Complaint)
	case *pb.SignerMessage_Call:
		if said.By != h.self {
			h.called(body.Call)
		}
	}
	close(h.changed)
	h.changed = make(chan struct{})
	return m
}

// called takes in a call.
func (h *hearing) called(call []byte) {
	h.calls++
	if len(call) > callNonce+len(h.operators)*len(chain.Operator{}) {
		return
	}
	for rest := call[min(len(call), callNonce):]; len(rest) >= len(chain.Operator{}); rest = rest[len(chain.Operator{}):] {
		if op, ok := h.operatorOf(rest[:len(chain.Operator{})]); ok {
			h.missed[op] = true
		}
	}
}

// invited is an invitation as it was signed.
type invited struct {
	Invitation
	signed []byte
}

func (h *hearing) takeInvitation(signed []byte) {
	inv, err := ReadInvitation(signed)
	if err != nil || inv.Session() != h.inv.Session() || !inv.extends(h.latest.Invitation, h.since) {
		return
	}
	h.latest = invited{inv, signed}
}

func (h *hearing) takeAcceptance(signed []byte) {
	hash := BundleHash(signed)
	if h.verified[hash] { // all show theirs at once where some differ
		return
	}
	a, err := ReadAcceptance(signed)
	if err != nil || a.Session != h.inv.Session() || !slices.Contains(h.operators, a.By) {
		return
	}
	switch known, ok := h.acceptances[a.By]; {
	case !ok:
		h.acceptances[a.By] = statement{hash: hash, signed: signed, sealTo: a.SealTo}
	case known.hash != hash:
		h.contradicts(a.By, "accepted twice, with different backends", known.signed, signed)
		h.second[a.By] = signed
	}
	if len(h.verified) < 2*chain.MaxSeats {
		h.verified[hash] = true
	}
}

// contradicts keeps two messages in which an operator contradicts itself, unless there are two already.
func (h *hearing) contradicts(by chain.Operator, what string, signed ...[]byte) {
	if _, known := h.proofs[by]; !known {
		h.proofs[by] = proof{by, what, signed}
	}
}

func (h *hearing) takeBundle(said signer.Said, m *pb.SignerBundle) {
	b, err := openBundle(h.inv.Session(), said.By, m, BundleHash(said.Data))
	if err != nil {
		return
	}
	h.keepBundle(b, said.Signed)
}

// keepBundle keeps a bundle that was heard, or that somebody else has shown.
func (h *hearing) keepBundle(b Bundle, signed []byte) {
	if h.released {
		return
	}
	rounds := h.bundles[b.By]
	if rounds == nil {
		rounds = map[int]statement{}
		h.bundles[b.By] = rounds
	}
	s := statement{hash: b.Hash, signed: signed, accepted: b.Accepted}
	if known, ok := rounds[b.Round]; ok {
		if known.hash != s.hash {
			h.contradicts(b.By, fmt.Sprintf("said two different things in round %d", b.Round), known.signed, signed)
		}
		return
	}
	if len(signed) <= maxBundle && h.size[b.By]+len(signed) <= maxHeard {
		h.size[b.By] += len(signed)
		rounds[b.Round] = s
	}
}

func (h *hearing) takeAttestation(signed []byte) {
	a, err := readAttestation(signed, h.points)
	if err != nil || a.Session != h.inv.Session() || !slices.Contains(h.operators, a.By) {
		return
	}
	h.points = a.Verification
	known := h.attested[a.By]
	if len(known) == 2 || slices.ContainsFunc(known, func(k attested) bool { return k.Agrees(a) }) {
		return
	}
	h.attested[a.By] = append(known, attested{a, signed})
	if len(known) == 1 {
		h.contradicts(a.By, "attested two different keys", known[0].signed, signed)
	}
}

// recallAcceptances takes in what was accepted before a restart.
func (h *hearing) recallAcceptances(acceptances [][]byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, signed := range acceptances {
		h.takeAcceptance(signed)
	}
}

// recall takes in what was attested before a restart.
func (h *hearing) recall(attestations [][]byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, signed := range attestations {
		h.takeAttestation(signed)
	}
}

func (h *hearing) takeComplaint(said signer.Said, m *pb.KeygenComplaint) {
	session := h.inv.Session()
	if string(m.GetSession()) != string(session[:]) || len(m.GetAuthors()) != len(m.GetHashes()) || len(m.GetAuthors()) > len(h.operators) {
		return
	}
	if m.GetWhy() != "" {
		if _, known := h.ended[said.By]; !known {
			h.ended[said.By] = h.readEnding(said, m)
		}
	}
	for _, signed := range m.GetAcceptances()[:min(len(m.GetAcceptances()), 2*len(h.operators))] {
		h.takeAcceptance(signed)
	}
	for _, signed := range m.GetMessages()[:min(len(m.GetMessages()), MaxRounds)] { // each is verified
		b, err := ReadBundle(session, signed)
		if err == nil && slices.Contains(h.operators, b.By) {
			h.keepBundle(b, signed)
		}
	}
}

func (h *hearing) readEnding(said signer.Said, m *pb.KeygenComplaint) ending {
	e := ending{why: printable(m.GetWhy()), hashes: map[chain.Operator]signer.Digest{}, signed: said.Signed}
	for _, raw := range m.GetOpenings()[:min(len(m.GetOpenings()), len(h.operators))] {
		o := h.readOpening(said.By, raw)
		if o == nil || slices.ContainsFunc(e.opened, func(known *opened) bool { return h.inv.Roster[known.Dealer-1] == h.inv.Roster[o.Dealer-1] }) {
			continue
		}
		e.opened = append(e.opened, o)
	}
	for _, raw := range m.GetAccused() {
		if op, ok := h.operatorOf(raw); ok && !slices.Contains(e.accused, op) {
			e.accused = append(e.accused, op)
		}
	}
	for i, raw := range m.GetAuthors() {
		if op, ok := h.operatorOf(raw); ok && len(m.GetHashes()[i]) == len(signer.Digest{}) {
			e.hashes[op] = signer.Digest(m.GetHashes()[i])
		}
	}
	return e
}

// readOpening reads what is opened; nil if it is not what somebody else dealt to a seat of the operator.
func (h *hearing) readOpening(by chain.Operator, m *pb.KeygenOpening) *opened {
	n := uint32(len(h.inv.Roster)) //nolint:gosec // at most MaxSeats
	dealer, receiver, round := m.GetDealer(), m.GetReceiver(), m.GetRound()
	if dealer < 1 || dealer > n || receiver < 1 || receiver > n || h.inv.Roster[receiver-1] != by || h.inv.Roster[dealer-1] == by ||
		round < 1 || round > MaxRounds || len(m.GetHashes()) != int(round) || len(m.GetKey()) != len(signer.Digest{}) {
		return nil
	}
	o := &opened{Opened: signer.Opened{
		Dealer: chain.Seat(dealer), Receiver: chain.Seat(receiver), Round: int(round), Key: signer.Digest(m.GetKey()), //nolint:gosec // at most MaxSeats
	}}
	o.public, _ = publicOf(o.Key)
	for _, hash := range m.GetHashes() {
		if len(hash) != len(signer.Digest{}) {
			return nil
		}
		o.hashes = append(o.hashes, signer.Digest(hash))
	}
	return o
}

func (h *hearing) operatorOf(raw []byte) (chain.Operator, bool) {
	if len(raw) != len(chain.Operator{}) {
		return chain.Operator{}, false
	}
	op := chain.Operator(raw)
	return op, slices.Contains(h.operators, op)
}

// maxWhy is the most characters of what is taken from others for people to read.
const maxWhy = 300

// printable makes what somebody else wrote fit to be shown: printable ASCII characters, and not many.
func printable(text string) string {
	shown := make([]byte, 0, min(len(text), maxWhy))
	for _, c := range []byte(text[:min(len(text), maxWhy)]) {
		if c < ' ' || c > '~' {
			c = '?'
		}
		shown = append(shown, c)
	}
	return string(shown)
}
