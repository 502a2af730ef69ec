package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/internal/wire/pb"
)

// Kind names what a proof shows. The texts are never reused for another meaning.
type Kind string

// The kinds.
const (
	// TwoStatements says that one operator signed two differing coordination messages for one wallet and window. As a fault of the
	// window's leader that is faults.LeaderEquivocation; the proof holds whether or not the operator led.
	TwoStatements Kind = "two_statements"
	// TwoHeads says that one operator attested two different things about one window.
	TwoHeads Kind = "two_heads"
	// Fork says that a head names as its predecessor another than the one that the operator signed for that window.
	Fork Kind = "fork"
	// Denial says that an operator attested that a wallet's leader was silent in a window, and acted on the leader's word.
	Denial Kind = "denial"
)

// wireKinds are the kinds' numbers.
var wireKinds = map[Kind]pb.ProofKind{
	TwoStatements: pb.ProofKind_PROOF_KIND_TWO_STATEMENTS,
	TwoHeads:      pb.ProofKind_PROOF_KIND_TWO_HEADS,
	Fork:          pb.ProofKind_PROOF_KIND_FORK,
	Denial:        pb.ProofKind_PROOF_KIND_DENIAL,
}

const (
	proofVersion = 1
	// MaxProof is the most bytes of a proof: two messages of the greatest size that the network carries. One of
	// ordinary messages takes under 1 kB and twice the proposal.
	MaxProof = 2*wire.MaxMessage + 128

	digestPrefix = "walletnode-proof:"
	digestField  = "\x7a\x20" // field 15 of 32 bytes
	sealSize     = len(digestField) + sha256.Size
)

// Proof shows that an operator signed two messages of which an honest one signs one at most. Prove and its like and Decode
// make one.
type Proof struct {
	Kind Kind
	// Chain is a chain ID. Heads have it signed. Of statements it is what the exporter claims: nobody signed it, and a verifier
	// compares it with that of its list of operators.
	Chain uint64

	slot       Slot
	halves     [2][]byte   // signed messages, in the proof's order
	statements []Statement // two of TwoStatements
	heads      []Head      // two of TwoHeads and Fork, one of Denial
	opening    *Opening    // of Denial
	quote      *Quote      // of Denial
}

// Prove makes the proof of two statements, in whatever order they are given. chainID is the chain that they were made for.
// Errors are a *Refusal: SlotsDiffer or SameStatement.
func Prove(chainID uint64, a, b Statement) (Proof, error) {
	if err := contradict(a, b); err != nil {
		return Proof{}, err
	}
	if chainID == 0 {
		return Proof{}, refuse(Malformed, "a proof names its chain, and there is none with ID 0")
	}
	if bytes.Compare(a.Digest[:], b.Digest[:]) > 0 {
		a, b = b, a
	}
	return Proof{
		Kind: TwoStatements, Chain: chainID, slot: a.Slot, halves: [2][]byte{a.signed, b.signed}, statements: []Statement{a, b},
	}, nil
}

// contradict checks that two statements are of one slot and differ.
func contradict(a, b Statement) error {
	if a.Slot != b.Slot {
		return refuse(SlotsDiffer, "one message is of %v, the other of %v", a.Slot, b.Slot)
	}
	if a.Digest == b.Digest {
		return refuse(SameStatement, "both messages of %v state the same: one is a retransmission of the other", a.Slot)
	}
	return nil
}

// Slot returns whom the proof is about, and the wallet and window. Of two heads and of a fork, which are about all wallets of an
// operator, the wallet is zero; a fork's window is that of the later head.
func (p Proof) Slot() Slot { return p.slot }

// Statements returns the two statements of TwoStatements, ascending by digest; none of other kinds.
func (p Proof) Statements() []Statement { return slices.Clone(p.statements) }

// Heads returns the heads that a proof shows: two of TwoHeads, ascending by ID, and of Fork, the later one last; that of a Denial.
func (p Proof) Heads() []Head { return slices.Clone(p.heads) }

// Denied returns of a Denial what was attested, and the message that contradicts it; false of other kinds.
func (p Proof) Denied() (Entry, Quote, bool) {
	if p.Kind != Denial {
		return Entry{}, Quote{}, false
	}
	return p.opening.Entry, *p.quote, true
}

// ID names the proof: the digest at its end, in hex. There can be many proofs of one slot, since every retransmission
// is signed anew; who counts misdeeds counts slots.
func (p Proof) ID() string {
	digest := seal(p.body())
	return hex.EncodeToString(digest[:])
}

// Encode writes the proof's one form (internal/wire/pb/evidence.proto).
func (p Proof) Encode() []byte {
	body := p.body()
	digest := seal(body)
	return append(append(body, digestField...), digest[:]...)
}

// body is the proof without its digest.
func (p Proof) body() []byte {
	raw := &pb.Proof{Version: proofVersion, Kind: wireKinds[p.Kind], Chain: p.Chain, Halves: p.halves[:]}
	if p.opening != nil {
		raw.Opening = p.opening.raw()
	}
	return marshal(raw)
}

func seal(body []byte) [32]byte { return sha256.Sum256(append([]byte(digestPrefix), body...)) }

// Decode reads a proof and checks all of it that needs no list of operators: after it, the key of Slot().Operator is known to
// have signed both halves. It accepts exactly what Encode writes. Errors are a *Refusal.
func Decode(data []byte) (Proof, error) {
	raw, err := unseal(data)
	if err != nil {
		return Proof{}, err
	}
	if n := len(raw.GetHalves()); n != 2 {
		return Proof{}, refuse(Malformed, "proof: %d messages where two belong", n)
	}
	p, err := judges[raw.GetKind()](raw)
	if err != nil {
		return Proof{}, fmt.Errorf("proof: %w", err)
	}
	if !bytes.Equal(p.Encode(), data) {
		return Proof{}, refuse(NotCanonical, "proof: not in its one form")
	}
	return p, nil
}

// judges read the kinds of proofs.
var judges = map[pb.ProofKind]func(*pb.Proof) (Proof, error){
	pb.ProofKind_PROOF_KIND_TWO_STATEMENTS: readTwoStatements,
	pb.ProofKind_PROOF_KIND_TWO_HEADS:      readTwoHeads,
	pb.ProofKind_PROOF_KIND_FORK:           readFork,
	pb.ProofKind_PROOF_KIND_DENIAL:         readDenial,
}

func readTwoStatements(raw *pb.Proof) (Proof, error) {
	a, b, err := both(raw, strict)
	if err != nil {
		return Proof{}, err
	}
	p, err := Prove(raw.GetChain(), a, b)
	if err == nil && bytes.Compare(a.Digest[:], b.Digest[:]) > 0 {
		err = refuse(HalvesSwapped, "its messages are not in ascending order of what they state")
	}
	return p, err
}

// both reads the two halves of a proof.
func both[T any](raw *pb.Proof, read func([]byte) (T, error)) (a, b T, err error) {
	if a, err = read(raw.GetHalves()[0]); err != nil {
		return a, b, fmt.Errorf("first %w", err)
	}
	if b, err = read(raw.GetHalves()[1]); err != nil {
		return a, b, fmt.Errorf("second %w", err)
	}
	return a, b, nil
}

// unseal checks the digest, whose place is the same in every version, then version and kind.
func unseal(data []byte) (*pb.Proof, error) {
	if len(data) > MaxProof {
		return nil, refuse(TooLarge, "proof: more than %d bytes", MaxProof)
	}
	if len(data) < sealSize {
		return nil, refuse(Damaged, "proof: cut off, or no proof at all")
	}
	body, end := data[:len(data)-sealSize], data[len(data)-sealSize:]
	if digest := seal(body); string(end) != digestField+string(digest[:]) {
		return nil, refuse(Damaged, "proof: changed or cut off since it was written, or no proof at all")
	}
	raw := new(pb.Proof)
	if err := proto.Unmarshal(body, raw); err != nil {
		return nil, refuse(Malformed, "proof: %w", err)
	}
	if raw.GetVersion() != proofVersion || judges[raw.GetKind()] == nil {
		return nil, refuse(NewerVersion, "proof: of version %d and kind %d, which this program does not know", raw.GetVersion(), raw.GetKind())
	}
	return raw, nil
}
