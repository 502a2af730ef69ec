package proposal

import (
	"crypto/sha256"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
)

// Heading is what the network must know of a coordination message before anybody looks at its proposal.
type Heading struct {
	Sender chain.Seat     // as claimed
	Block  chain.Height   // coordination block
	Wallet chain.WalletID // as claimed
	Digest [32]byte       // as Message.Digest
}

// ReadHeading returns what DecodeMessage and Digest would, errors included. A message in its one canonical form, as all
// clients send it, is hashed as it stands: its scripts are neither copied nor encoded again.
func ReadHeading(data []byte) (Heading, error) {
	if h, ok := readCanonical(data); ok {
		h.Digest = sha256.Sum256(data)
		return h, nil
	}
	m, err := DecodeMessage(data)
	if err != nil {
		return Heading{}, err
	}
	return Heading{Sender: m.Sender, Block: m.Block, Wallet: m.Wallet, Digest: m.Digest()}, nil
}

// Tags of the first four fields, by what they hold.
const (
	number1, bytes1 = 1 << 3, 1<<3 | 2
	number2, bytes2 = 2 << 3, 2<<3 | 2
	bytes3, bytes4  = 3<<3 | 2, 4<<3 | 2
)

// readCanonical reads the heading of a message that EncodeMessage could have written, byte for byte; false of any other.
func readCanonical(data []byte) (Heading, bool) {
	if len(data) > wire.MaxMessage {
		return Heading{}, false
	}
	s := wire.NewScan(data)
	sender, block := s.Number(number1), s.Number(number2)
	wallet, _ := s.Bytes(bytes3)
	inner, said := s.Bytes(bytes4)
	if !s.Done() || !said || sender > chain.MaxSeats || len(wallet) != len(chain.WalletID{}) {
		return Heading{}, false
	}
	p := wire.NewScan(inner)
	action := p.Number(number1)
	payload, some := p.Bytes(bytes2)
	if !p.Done() || action >= uint64(len(kinds)) || some && len(payload) == 0 || !isCanonical(Kind(action), payload) {
		return Heading{}, false
	}
	return Heading{Sender: chain.Seat(sender), Block: chain.Height(block), Wallet: chain.WalletID(wallet)}, true
}

// isCanonical reports whether encodePayload could have written a payload.
func isCanonical(kind Kind, payload []byte) bool {
	s := wire.NewScan(payload)
	fee := byte(bytes2)
	switch kind {
	case KindHeartbeat:
		message, _ := s.Bytes(bytes1)
		return s.Done() && len(message) == 16
	case KindDepositSweep:
		return depositSweepIsCanonical(s)
	case KindRedemption:
		for more := true; more; {
			_, more = s.Bytes(bytes1)
		}
	case KindMovingFunds:
		for target, more := s.Bytes(bytes1); more; target, more = s.Bytes(bytes1) {
			if len(target) != len(chain.WalletID{}) {
				return false
			}
		}
	case KindMovedFundsSweep:
		if !outputIsCanonical(&s) {
			return false
		}
		fee = bytes3
	default: // Noop: nothing is left to read
		return s.Done()
	}
	return feeIsCanonical(&s, fee) && s.Done()
}

func depositSweepIsCanonical(s wire.Scan) bool {
	for key, more := s.Bytes(bytes1); more; key, more = s.Bytes(bytes1) {
		if k := wire.NewScan(key); !outputIsCanonical(&k) || !k.Done() {
			return false
		}
	}
	if !feeIsCanonical(&s, bytes2) {
		return false
	}
	packed, some := s.Bytes(bytes3)
	blocks := wire.NewScan(packed)
	for blocks.More() {
		blocks.Varint()
	}
	return s.Done() && blocks.Done() && some == (len(packed) > 0)
}

// outputIsCanonical reads a transaction's hash and an output's index.
func outputIsCanonical(s *wire.Scan) bool {
	hash, _ := s.Bytes(bytes1)
	return len(hash) == len(TxHash{}) && s.Number(number2) <= 1<<32-1
}

// feeIsCanonical reads a fee: no leading zero, and nothing at all for zero.
func feeIsCanonical(s *wire.Scan, tag byte) bool {
	fee, some := s.Bytes(tag)
	return !some || len(fee) > 0 && fee[0] != 0
}
