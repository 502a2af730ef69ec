package wire

import (
	"bytes"

	"github.com/walletnode/walletnode/chain"
)

// Author is an operator's key with what of it stands in every message, derived once: to read a key means to find a point
// of the curve, an eighth of what verifying a signature costs. The zero value is no author.
type Author struct {
	Key      PublicKey
	Operator chain.Operator
	peerID   []byte
	sender   []byte
}

// ParseAuthor reads an operator's peer ID, as ParsePeerID does.
func ParseAuthor(peerID []byte) (Author, error) {
	key, err := ParsePeerID(peerID)
	if err != nil {
		return Author{}, err
	}
	return Author{Key: key, Operator: key.Operator(), peerID: key.PeerID(), sender: key.Sender()}, nil
}

// DecodeEnvelope is DecodeEnvelope for an envelope that this author signed: the same result, without reading the key
// once more if the sender's field is spelled as everybody spells it.
func (a Author) DecodeEnvelope(data []byte) (Envelope, error) {
	if e, ok := a.readCanonical(data); ok {
		return e, nil
	}
	return decodeEnvelope(data, func(field []byte) (PublicKey, error) {
		if bytes.Equal(field, a.sender) {
			return a.Key, nil
		}
		return checkSender(field, a.peerID)
	})
}

// readCanonical reads an envelope that EncodeEnvelope could have written for this author, byte for byte; false of any
// other.
func (a Author) readCanonical(data []byte) (Envelope, bool) {
	if len(data) > MaxMessage {
		return Envelope{}, false
	}
	s := NewScan(data)
	sender, _ := s.Bytes(1<<3 | 2)
	payload, some := s.Bytes(2<<3 | 2)
	kind, _ := s.Bytes(3<<3 | 2)
	sequence := s.Number(4 << 3)
	if !s.Done() || len(sender) == 0 || !bytes.Equal(sender, a.sender) || some && len(payload) == 0 || string(kind) != CoordinationMessage {
		return Envelope{}, false
	}
	return Envelope{Sender: a.Key, Payload: bytes.Clone(payload), Type: CoordinationMessage, Sequence: sequence}, true
}
