package work

import (
	"fmt"

	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/proposal"
)

// Signed is a coordination message of operator 0 in window 900, as it travels.
type Signed struct {
	Message *pb.Message
	RPC     []byte // the whole RPC around it, without its length
	Key     crypto.PubKey
	bare    []byte // what was signed
}

// Sign makes the message about a wallet.
func Sign(wallet chain.Wallet, p proposal.Proposal, seqno []byte) (Signed, error) {
	key := OperatorKey(0)
	author := wire.PublicKeyOf(key)
	payload := message(wallet.ID(), wallet.LowestSeat(author.Operator()), 900, p)
	envelope := wire.EncodeEnvelope(wire.Envelope{Sender: author, Payload: payload, Type: wire.CoordinationMessage, Sequence: 1})
	m := wire.SignPubsub(key, wire.ChannelName(wallet.Key()), envelope, seqno)
	s := Signed{Message: new(pb.Message), bare: m.SignedBytes()}
	if err := proto.Unmarshal(m.Bytes(), s.Message); err != nil {
		return s, fmt.Errorf("read message: %w", err)
	}
	var err error
	if s.RPC, err = proto.Marshal(&pb.RPC{Publish: []*pb.Message{s.Message}}); err != nil {
		return s, fmt.Errorf("write RPC: %w", err)
	}
	if s.Key, err = peer.ID(author.PeerID()).ExtractPublicKey(); err != nil {
		return s, fmt.Errorf("read key: %w", err)
	}
	return s, nil
}

// VerifyBare is the least that libp2p can do: one signature, with key and bytes at hand.
func (s Signed) VerifyBare() bool {
	ok, err := s.Key.Verify(s.bare, s.Message.GetSignature())
	return ok && err == nil
}
