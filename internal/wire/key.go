// Package wire is the form of things on the network: operator keys and peer IDs, the envelope on a wallet's
// channel, and signed pubsub messages (RFC 12). Everything here is a pure function of bytes; the
// generated protobuf code lies below it, in package pb.
package wire

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/ethereum/go-ethereum/crypto"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire/pb"
)

// Errors about keys, told apart with errors.Is.
var (
	// ErrKeyType says that a key is not a secp256k1 key; operators have no other.
	ErrKeyType = errors.New("key is not a secp256k1 key")
	// ErrKey says that bytes which should hold a public key do not.
	ErrKey = errors.New("invalid public key")
)

// keySize is the length of a compressed secp256k1 public key in bytes.
const keySize = 33

// Constant parts around the compressed key (RFC 12).
var (
	libp2pPrefix = []byte{0x08, 0x02, 0x12, 0x21} // {1: type = Secp256k1, 2: 33 bytes}
	peerIDPrefix = []byte{0x00, 0x25}             // identity multihash, 37 bytes
)

// PublicKey is an operator's public key, a point of secp256k1 in compressed SEC 1 form. One key is the operator's
// Ethereum key, its libp2p key and the key that signs its messages. Only the functions of this package make one,
// and they check that it is a point of the curve; the zero value is no key.
type PublicKey [keySize]byte

// ParsePublicKey reads a compressed (33 bytes) or uncompressed (65 bytes) SEC 1 key. Hybrid forms are refused.
func ParsePublicKey(sec1 []byte) (PublicKey, error) {
	if len(sec1) == 65 && sec1[0] != 4 {
		return PublicKey{}, fmt.Errorf("%w: form %#02x", ErrKey, sec1[0])
	}
	key, err := secp256k1.ParsePubKey(sec1)
	if err != nil {
		return PublicKey{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return PublicKey(key.SerializeCompressed()), nil
}

// PublicKeyOf returns the public half of an operator's private key.
func PublicKeyOf(key *secp256k1.PrivateKey) PublicKey {
	return PublicKey(key.PubKey().SerializeCompressed())
}

// IsZero reports whether this is no key.
func (k PublicKey) IsZero() bool { return k == PublicKey{} }

// Uncompressed returns the 65-byte SEC 1 form: 04 || X || Y. All zero for the zero key.
func (k PublicKey) Uncompressed() [65]byte {
	key, err := secp256k1.ParsePubKey(k[:])
	if err != nil {
		return [65]byte{} // only the zero key: every other passed ParsePubKey before
	}
	return [65]byte(key.SerializeUncompressed())
}

// Operator returns the Ethereum address of the key: the last 20 bytes of Keccak256(X || Y). No operator for the
// zero key.
func (k PublicKey) Operator() chain.Operator {
	if k.IsZero() {
		return chain.Operator{}
	}
	point := k.Uncompressed()
	return chain.Operator(crypto.Keccak256(point[1:])[12:])
}

// Libp2p returns the key as libp2p's PublicKey protobuf: 08 02 12 21 and the key.
func (k PublicKey) Libp2p() []byte { return append(bytes.Clone(libp2pPrefix), k[:]...) }

// PeerID returns the libp2p peer ID of the key in bytes: the identity multihash of Libp2p.
func (k PublicKey) PeerID() []byte { return append(bytes.Clone(peerIDPrefix), k.Libp2p()...) }

// Sender returns the envelope's sender field: an Identity around Libp2p.
func (k PublicKey) Sender() []byte {
	return mustMarshal(&pb.Identity{PubKey: k.Libp2p()})
}

// ParseLibp2pKey reads libp2p's PublicKey protobuf. It is as lenient in the encoding as libp2p itself (unknown
// fields, uncompressed points), since the key counts and not its spelling; every other key type is ErrKeyType.
func ParseLibp2pKey(data []byte) (PublicKey, error) {
	var key pb.PublicKey
	if err := proto.Unmarshal(data, &key); err != nil {
		return PublicKey{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	if key.GetType() != pb.KeyType_Secp256k1 {
		return PublicKey{}, fmt.Errorf("%w but %v", ErrKeyType, key.GetType())
	}
	return ParsePublicKey(key.GetData())
}

// HoldsKey reports whether a peer ID has the form of an operator's: whether its key is inside. ParsePeerID tells whether
// that is a key; this is cheap.
func HoldsKey(peerID []byte) bool {
	inner, ok := bytes.CutPrefix(peerID, peerIDPrefix)
	return ok && bytes.HasPrefix(inner, libp2pPrefix)
}

// ParsePeerID reads the peer ID of an operator: exactly what PeerID writes. Hashed and other peer IDs do not hold
// their key and are refused.
func ParsePeerID(id []byte) (PublicKey, error) {
	inner, ok := bytes.CutPrefix(id, peerIDPrefix)
	if !ok {
		return PublicKey{}, fmt.Errorf("%w: peer ID holds no secp256k1 key", ErrKey)
	}
	key, err := ParseLibp2pKey(inner)
	if err != nil {
		return PublicKey{}, fmt.Errorf("read peer ID: %w", err)
	}
	if !bytes.Equal(key.Libp2p(), inner) {
		return PublicKey{}, fmt.Errorf("%w: peer ID is not in its canonical form", ErrKey)
	}
	return key, nil
}

// ParseSender reads the envelope's sender field.
func ParseSender(data []byte) (PublicKey, error) {
	var identity pb.Identity
	if err := proto.Unmarshal(data, &identity); err != nil {
		return PublicKey{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	key, err := ParseLibp2pKey(identity.GetPubKey())
	if err != nil {
		return PublicKey{}, fmt.Errorf("read sender: %w", err)
	}
	return key, nil
}

// mustMarshal encodes a message that cannot fail to encode: it is set completely, and its text is ASCII or bytes.
func mustMarshal(m proto.Message) []byte {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", m, err))
	}
	return data
}
