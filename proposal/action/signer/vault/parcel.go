package vault

import (
	"crypto/ecdh"
	"crypto/hpke"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/scheme"
)

// A parcel's data is a version, then messages in the order of sender and receiver: one byte each for their seats (the
// receiver is 0 in a parcel for everybody), four for the length, and the message. A parcel for one operator's backend is a version
// and all of that, sealed: one X25519 key for all that the seats of one operator have for those of another.
const (
	parcelVersion = 1
	sealedVersion = 2
)

var errParcel = errors.New("malformed parcel")

// encodeParcel writes messages that are in order.
func encodeParcel(messages []scheme.Message) []byte {
	size := 1
	for _, m := range messages {
		size += 6 + len(m.Data)
	}
	data := append(make([]byte, 0, size), parcelVersion)
	for _, m := range messages {
		data = append(data, byte(m.From), byte(m.To))
		data = binary.BigEndian.AppendUint32(data, uint32(len(m.Data))) //nolint:gosec // at most MaxMessage
		data = append(data, m.Data...)
	}
	return data
}

// decodeParcel reads what encodeParcel writes, and nothing else. The messages are parts of data.
func decodeParcel(data []byte) ([]scheme.Message, error) {
	if len(data) == 0 || data[0] != parcelVersion {
		return nil, fmt.Errorf("%w: unknown version", errParcel)
	}
	var messages []scheme.Message
	last := -1
	for rest := data[1:]; len(rest) > 0; {
		if len(rest) < 6 {
			return nil, fmt.Errorf("%w: it ends within a message", errParcel)
		}
		from, to, n := rest[0], rest[1], binary.BigEndian.Uint32(rest[2:])
		rest = rest[6:]
		if uint64(n) > uint64(len(rest)) || n > scheme.MaxMessage {
			return nil, fmt.Errorf("%w: a message of %d bytes", errParcel, n)
		}
		place := int(from)<<8 | int(to)
		if from == 0 || place <= last {
			return nil, fmt.Errorf("%w: a message from seat %d to seat %d is out of order", errParcel, from, to)
		}
		last = place
		messages = append(messages, scheme.Message{From: chain.Seat(from), To: chain.Seat(to), Data: rest[:n:n]})
		rest = rest[n:]
	}
	return messages, nil
}

// sealInfo binds what is sealed to its place, from one operator's backend to another's: it opens as nothing else. An operator has one
// backend in a key generation.
func sealInfo(session signer.SessionID, round int, from, to chain.Operator) []byte {
	info := append([]byte("walletnode/seal/2:"), session[:]...)
	info = append(append(info, from[:]...), to[:]...)
	return append(info, byte(round)) //nolint:gosec // at most maxRounds
}

// sealParcel makes the parcel for one operator's backend, of messages that are in order.
func sealParcel(to hpke.PublicKey, info []byte, messages []scheme.Message) ([]byte, error) {
	sealed, err := seal(to, info, encodeParcel(messages))
	if err != nil {
		return nil, err
	}
	return append([]byte{sealedVersion}, sealed...), nil
}

// seal encrypts a message to a seat's backend: RFC 9180, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305.
func seal(to hpke.PublicKey, info, plain []byte) ([]byte, error) {
	sealed, err := hpke.Seal(to, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), info, plain)
	if err != nil {
		return nil, fmt.Errorf("seal a message: %w", err)
	}
	return sealed, nil
}

func unseal(key hpke.PrivateKey, info, sealed []byte) ([]byte, error) {
	return hpke.Open(key, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), info, sealed)
}

// parseSealTo reads a backend's public key.
func parseSealTo(raw signer.PublicKey) (hpke.PublicKey, error) {
	x, err := ecdh.X25519().NewPublicKey(raw[:])
	if err != nil {
		return nil, err
	}
	return hpke.NewDHKEMPublicKey(x)
}

// checkSealTo refuses a key to which nothing can be sealed: points of low order, which would end a session later with nobody
// to name.
func checkSealTo(raw signer.PublicKey) error {
	key, err := parseSealTo(raw)
	if err != nil {
		return err
	}
	_, err = seal(key, nil, nil)
	return err
}
