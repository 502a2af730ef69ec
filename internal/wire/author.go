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
	return decodeEnvelope(data, func(field []byte) (PublicKey, error) {
		if bytes.Equal(field, a.sender) {
			return a.Key, nil
		}
		return checkSender(field, a.peerID)
	})
}
