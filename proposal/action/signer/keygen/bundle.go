package keygen

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/internal/wire/pb"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// topicPrefix stands before a session's name in that of its topic.
const topicPrefix = "/walletnode/keygen/1/"

// MaxRounds is more than any scheme's rounds.
const MaxRounds = 16

// TopicOf returns the name of the topic on which a session's operators talk.
func TopicOf(session signer.SessionID) string { return topicPrefix + session.String() }

// Bundle is what an operator's backend said at the end of one round, as it was signed.
type Bundle struct {
	Session signer.SessionID
	Round   int // from 1
	By      chain.Operator
	Parcels []signer.Parcel
	// SealedTo are the keys to which the parcels for one operator are sealed, as who signs says. It holds none that is no key.
	SealedTo map[chain.Operator]signer.PublicKey
	// Accepted is, in round 1, acceptedHash of the keys with which operators have accepted, as who signs was told; zero if it is no hash.
	Accepted signer.Digest
	// Hash is of what was said. The signature is no part of it: a message that is published again is signed anew.
	Hash signer.Digest
}

// BundleHash is the hash of a message's data, by which what different nodes heard is compared.
func BundleHash(data []byte) signer.Digest { return sha256.Sum256(data) }

// ReadBundle reads a signed message of a session's topic and checks the signature and that it is a bundle of the session.
// Whether its operator is invited is for the caller.
func ReadBundle(session signer.SessionID, signed []byte) (Bundle, error) {
	message, err := wire.ParsePubsub(signed)
	if err != nil {
		return Bundle{}, fmt.Errorf("bundle: %w: %w", ErrDocument, err)
	}
	if message.Topic() != TopicOf(session) {
		return Bundle{}, fmt.Errorf("bundle: %w: not of the session's topic: %.120q", ErrDocument, message.Topic())
	}
	author, err := message.Verify()
	if err != nil {
		return Bundle{}, fmt.Errorf("bundle: %w: %w", ErrDocument, err)
	}
	return decodeBundle(session, author.Operator(), message.Data())
}

// decodeBundle reads what an operator said if it is a bundle.
func decodeBundle(session signer.SessionID, by chain.Operator, data []byte) (Bundle, error) {
	m := new(pb.SignerMessage)
	if err := proto.Unmarshal(data, m); err != nil {
		return Bundle{}, fmt.Errorf("bundle: %w: %w", ErrDocument, err)
	}
	body, ok := m.GetBody().(*pb.SignerMessage_Bundle)
	if !ok {
		return Bundle{}, fmt.Errorf("bundle: %w: the message holds none", ErrDocument)
	}
	return openBundle(session, by, body.Bundle, BundleHash(data))
}

func openBundle(session signer.SessionID, by chain.Operator, m *pb.SignerBundle, hash signer.Digest) (Bundle, error) {
	if string(m.GetSession()) != string(session[:]) {
		return Bundle{}, fmt.Errorf("bundle: %w: of another session", ErrDocument)
	}
	if m.GetRound() < 1 || m.GetRound() > MaxRounds {
		return Bundle{}, fmt.Errorf("bundle: %w: round %d, want 1 to %d", ErrDocument, m.GetRound(), MaxRounds)
	}
	b := Bundle{Session: session, Round: int(m.GetRound()), By: by, Hash: hash}
	if len(m.GetAccepted()) == len(b.Accepted) {
		b.Accepted = signer.Digest(m.GetAccepted())
	}
	for _, p := range m.GetParcels() {
		parcel := signer.Parcel{Data: p.GetData()}
		switch len(p.GetTo()) {
		case 0:
		case len(parcel.To):
			parcel.To = chain.Operator(p.GetTo())
		default:
			return Bundle{}, fmt.Errorf("bundle: %w: a parcel to an address of %d bytes", ErrDocument, len(p.GetTo()))
		}
		b.Parcels = append(b.Parcels, parcel)
		if len(p.GetSealedTo()) == len(signer.PublicKey{}) {
			if b.SealedTo == nil {
				b.SealedTo = map[chain.Operator]signer.PublicKey{}
			}
			b.SealedTo[parcel.To] = signer.PublicKey(p.GetSealedTo())
		}
	}
	return b, nil
}

// acceptedHash is of the keys with which all operators of a session have accepted.
func acceptedHash(session signer.SessionID, keys map[chain.Operator]signer.PublicKey) signer.Digest {
	operators := slices.SortedFunc(maps.Keys(keys), func(a, b chain.Operator) int { return bytes.Compare(a[:], b[:]) })
	h := sha256.New()
	h.Write([]byte("walletnode/keygen/accepted/1:")) // a hash's Write never fails
	h.Write(session[:])
	for _, op := range operators {
		key := keys[op]
		h.Write(op[:])
		h.Write(key[:])
	}
	return signer.Digest(h.Sum(nil))
}

// EncodeBundle writes what an operator says at the end of a round: the data of a message on the session's topic. keys are those with
// which all operators have accepted, to which what is for one operator is sealed; none where nothing is.
func EncodeBundle(session signer.SessionID, round int, parcels []signer.Parcel, keys map[chain.Operator]signer.PublicKey) []byte {
	m := &pb.SignerBundle{Session: session[:], Round: uint32(round)} //nolint:gosec // at most MaxRounds
	if round == 1 && len(keys) > 0 {
		accepted := acceptedHash(session, keys)
		m.Accepted = accepted[:]
	}
	for _, p := range parcels {
		out := &pb.SignerParcel{Data: p.Data}
		if !p.To.IsZero() {
			out.To = p.To[:]
			if key, ok := keys[p.To]; ok {
				out.SealedTo = key[:]
			}
		}
		m.Parcels = append(m.Parcels, out)
	}
	return encodeMessage(&pb.SignerMessage{Body: &pb.SignerMessage_Bundle{Bundle: m}})
}

// encodeMessage encodes what is said on a session's topic.
func encodeMessage(m *pb.SignerMessage) []byte {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("encode a message: %v", err)) // only text that is not UTF-8, and it is made valid before
	}
	return data
}
