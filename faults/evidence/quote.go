package evidence

import (
	"bytes"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/internal/wire/pb"
)

// signingPrefix begins the topic on which a wallet's operators speak about signatures (signer.SigningTopic).
const signingPrefix = "/walletnode/signing/1/"

// Quote is a signed message whose author has acted on a statement of the slot: it announced its seats for a signature, named
// the signers of one, or made the statement itself. ReadQuote makes one, and
// Hearing.Quote one of what was verified before.
type Quote struct {
	Slot             // Operator is who signed
	Leading bool     // it is the statement itself
	Intent  [32]byte // what is to be signed, a hash over the proposal among others; zero if Leading

	signed []byte
}

// ReadQuote reads a signed announcement or list of a wallet's signing topic, or a statement. A result of signing is none: it may
// be told on by who only heard of it. Errors are a *Refusal.
func ReadQuote(signed []byte) (Quote, error) {
	if !strings.HasPrefix(topicOf(signed), signingPrefix) {
		s, err := ReadStatement(signed)
		return Quote{Slot: s.Slot, Leading: true, signed: s.signed}, err
	}
	message, author, err := signedBy(signed)
	if err != nil {
		return Quote{}, err
	}
	return quoteOf(message, author)
}

// Hearing reads quotes and heads whose signatures were verified when they were heard. It remembers whose peer IDs it has read, for each takes a
// square root. The zero value is ready; it is not safe for use by several goroutines.
type Hearing struct{ operators map[string]chain.Operator }

// maxHeard is more operators than there are on a node's topics. At it all are forgotten, and read again.
const maxHeard = 4096

// Quote is ReadQuote of an announcement or a list that was heard. What it returns proves nothing before ReadQuote has read what Signed
// returns.
func (h *Hearing) Quote(signed []byte) (Quote, error) {
	message, err := normalize(signed)
	if err != nil {
		return Quote{}, err
	}
	if !strings.HasPrefix(message.Topic(), signingPrefix) {
		return Quote{}, refuse(OtherTopic, "message: the topic %.200q is no wallet's for signatures", message.Topic())
	}
	q, err := quoteOf(message, chain.Operator{}) // most of what is heard is none
	if err != nil {
		return Quote{}, err
	}
	q.Operator, err = h.author(message.From())
	return q, err
}

func (h *Hearing) author(peerID []byte) (chain.Operator, error) {
	if op, known := h.operators[string(peerID)]; known {
		return op, nil
	}
	key, err := wire.ParsePeerID(peerID)
	if err != nil {
		return chain.Operator{}, refuse(OtherSender, "message: %w", err)
	}
	if h.operators == nil || len(h.operators) >= maxHeard {
		h.operators = make(map[string]chain.Operator)
	}
	h.operators[string(peerID)] = key.Operator()
	return key.Operator(), nil
}

func quoteOf(message wire.PubsubMessage, author chain.Operator) (Quote, error) {
	raw := new(pb.SignerMessage)
	if err := proto.Unmarshal(message.Data(), raw); err != nil {
		return Quote{}, refuse(Malformed, "message: %w", err)
	}
	var about interface {
		GetWallet() []byte
		GetWindow() uint64
		GetIntent() []byte
	}
	switch body := raw.GetBody().(type) {
	case *pb.SignerMessage_Announcement:
		about = body.Announcement
	case *pb.SignerMessage_List:
		about = body.List
	default:
		return Quote{}, refuse(OtherType, "message: it neither announces signers nor lists them")
	}
	q := Quote{Slot: Slot{Window: chain.Height(about.GetWindow()), Operator: author}, signed: message.Bytes()}
	if len(about.GetWallet()) != len(q.Wallet) || len(about.GetIntent()) != len(q.Intent) {
		return Quote{}, refuse(Malformed, "message: bound to nothing")
	}
	copy(q.Wallet[:], about.GetWallet())
	copy(q.Intent[:], about.GetIntent())
	if message.Topic() != signingPrefix+q.Wallet.String() {
		return Quote{}, refuse(OtherTopic, "message: the topic is not that of wallet %v", q.Wallet)
	}
	if q.Window == 0 || q.Window%frequency != 0 {
		return Quote{}, refuse(NoWindow, "message: no window begins at block %d", q.Window)
	}
	return q, nil
}

// strictQuote is ReadQuote of a message that is in its one form already.
func strictQuote(signed []byte) (Quote, error) {
	q, err := ReadQuote(signed)
	if err == nil {
		err = inForm(signed, q.signed)
	}
	if err != nil {
		return Quote{}, err
	}
	return q, nil
}

// Signed returns the signed pubsub message: s low, no key field, unknown fields included.
func (q Quote) Signed() []byte { return bytes.Clone(q.signed) }
