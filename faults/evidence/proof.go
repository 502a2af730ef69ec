package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/internal/wire/pb"
)

// Kind names what a proof shows. The texts are never reused for another meaning.
type Kind string

// TwoStatements says that one operator signed two differing coordination messages for one wallet and window. As a fault of the
// window's leader that is faults.LeaderEquivocation; the proof holds whether or not the operator led.
const TwoStatements Kind = "two_statements"

const (
	proofVersion = 1
	// MaxProof is the most bytes of a proof: two messages of the greatest size that the network carries. One of
	// ordinary messages takes under 1 kB and twice the proposal.
	MaxProof = 2*wire.MaxMessage + 128

	digestPrefix = "walletnode-proof:"
	digestField  = "\x7a\x20" // field 15 of 32 bytes
	sealSize     = len(digestField) + sha256.Size
)

// Proof shows that an operator made two differing statements in one slot. Prove and Decode make one.
type Proof struct {
	Kind Kind
	// Chain is the chain ID that the exporter claims. Nobody signed it; a verifier compares it with that of its
	// list of operators.
	Chain uint64

	halves [2]Statement // differing, of one slot, ascending by digest
}

// Prove makes the proof of two statements, in whatever order they are given. chainID is the chain that they were made for.
// Errors are a *Refusal: SlotsDiffer or SameStatement.
func Prove(chainID uint64, a, b Statement) (Proof, error) {
	p, err := pair(a, b)
	if err != nil {
		return Proof{}, err
	}
	if chainID == 0 {
		return Proof{}, refuse(Malformed, "a proof names its chain, and there is none with ID 0")
	}
	if bytes.Compare(a.Digest[:], b.Digest[:]) > 0 {
		p.halves = [2]Statement{b, a}
	}
	p.Chain = chainID
	return p, nil
}

// pair checks that two statements contradict each other.
func pair(a, b Statement) (Proof, error) {
	if a.Slot != b.Slot {
		return Proof{}, refuse(SlotsDiffer, "one message is of %v, the other of %v", a.Slot, b.Slot)
	}
	if a.Digest == b.Digest {
		return Proof{}, refuse(SameStatement, "both messages of %v state the same: one is a retransmission of the other", a.Slot)
	}
	return Proof{Kind: TwoStatements, halves: [2]Statement{a, b}}, nil
}

// Slot returns whom the proof is about.
func (p Proof) Slot() Slot { return p.halves[0].Slot }

// Statements returns the two statements, ascending by digest.
func (p Proof) Statements() [2]Statement { return p.halves }

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
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(&pb.Proof{
		Version: proofVersion,
		Kind:    pb.ProofKind_PROOF_KIND_TWO_STATEMENTS,
		Chain:   p.Chain,
		Halves:  [][]byte{p.halves[0].signed, p.halves[1].signed},
	})
	if err != nil { // its fields are numbers and bytes, which always encode
		panic(fmt.Sprintf("encode a proof: %v", err))
	}
	return body
}

func seal(body []byte) [32]byte { return sha256.Sum256(append([]byte(digestPrefix), body...)) }

// Decode reads a proof and checks all of it that needs no list of operators: after it, the key of Slot().Operator is known to
// have signed both statements. It accepts exactly what Encode writes. Errors are a *Refusal.
func Decode(data []byte) (Proof, error) {
	raw, err := unseal(data)
	if err != nil {
		return Proof{}, err
	}
	if n := len(raw.GetHalves()); n != 2 {
		return Proof{}, refuse(Malformed, "proof: %d messages where two belong", n)
	}
	a, err := strict(raw.GetHalves()[0])
	if err != nil {
		return Proof{}, fmt.Errorf("proof: first %w", err)
	}
	b, err := strict(raw.GetHalves()[1])
	if err != nil {
		return Proof{}, fmt.Errorf("proof: second %w", err)
	}
	p, err := Prove(raw.GetChain(), a, b)
	if err != nil {
		return Proof{}, fmt.Errorf("proof: %w", err)
	}
	if bytes.Compare(a.Digest[:], b.Digest[:]) > 0 {
		return Proof{}, refuse(HalvesSwapped, "proof: its messages are not in ascending order of what they state")
	}
	if !bytes.Equal(p.Encode(), data) {
		return Proof{}, refuse(NotCanonical, "proof: not in its one form")
	}
	return p, nil
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
	if raw.GetVersion() != proofVersion || raw.GetKind() != pb.ProofKind_PROOF_KIND_TWO_STATEMENTS {
		return nil, refuse(NewerVersion, "proof: of version %d and kind %d, which this program does not know", raw.GetVersion(), raw.GetKind())
	}
	return raw, nil
}
