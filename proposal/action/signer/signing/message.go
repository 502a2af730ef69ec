package signing

import (
	"bytes"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire/pb"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/bitcoin"
)

// errMessage says that bytes are no message about a signature in its one form.
var errMessage = errors.New("malformed message about a signature")

// The bounds of what one message may hold.
const (
	maxSignature  = 64
	maxSignatures = 1000 // inputs of a transaction
	maxParcels    = chain.MaxSeats
)

// about is what an announcement, a list or a result is bound to.
type about struct {
	wallet  chain.WalletID
	window  chain.Height
	intent  signer.Digest
	attempt uint32
}

// What operators say to each other. Of each there is one form in bytes.
type (
	// announcement says that the speaker's seats are ready.
	announcement struct {
		about
		seats []chain.Seat
	}
	// list says which seats sign; it is the coordinator's.
	list struct {
		about
		seats []chain.Seat
	}
	// result is what came of it: a signature for each input.
	result struct {
		about
		signatures [][]byte
	}
	// bundle is what the speaker's backend says at the end of a round.
	bundle struct {
		session signer.SessionID
		round   int
		parcels []signer.Parcel
	}
	// wanted asks for the transaction of the wallet's main UTXO, which has the hash utxo on the chain; or for an earlier one of the
	// wallet, by its own hash.
	wanted struct {
		wallet chain.WalletID
		utxo   signer.Digest
		try    uint32 // from 1
	}
	// lent answers it.
	lent struct {
		wallet chain.WalletID
		raw    []byte // a transaction without signatures
	}
)

// encode writes one of announcement, list, result, bundle, wanted and lent.
func encode(content any) []byte {
	message := &pb.SignerMessage{}
	switch m := content.(type) {
	case announcement:
		message.Body = &pb.SignerMessage_Announcement{Announcement: &pb.SigningAnnouncement{
			Wallet: m.wallet[:], Window: uint64(m.window), Intent: m.intent[:], Attempt: m.attempt, Seats: seatBytes(m.seats),
		}}
	case list:
		message.Body = &pb.SignerMessage_List{List: &pb.SigningList{
			Wallet: m.wallet[:], Window: uint64(m.window), Intent: m.intent[:], Attempt: m.attempt, Seats: seatBytes(m.seats),
		}}
	case result:
		message.Body = &pb.SignerMessage_Result{Result: &pb.SigningResult{
			Wallet: m.wallet[:], Window: uint64(m.window), Intent: m.intent[:], Attempt: m.attempt, Signatures: m.signatures,
		}}
	case bundle:
		b := &pb.SignerBundle{Session: m.session[:], Round: uint32(m.round)} //nolint:gosec // a few
		for _, p := range m.parcels {
			parcel := &pb.SignerParcel{Data: p.Data}
			if !p.To.IsZero() {
				parcel.To = p.To[:]
			}
			b.Parcels = append(b.Parcels, parcel)
		}
		message.Body = &pb.SignerMessage_Bundle{Bundle: b}
	case wanted:
		message.Body = &pb.SignerMessage_Wanted{Wanted: &pb.SigningWanted{Wallet: m.wallet[:], Utxo: m.utxo[:], Try: m.try}}
	case lent:
		message.Body = &pb.SignerMessage_Transaction{Transaction: &pb.SigningTransaction{Wallet: m.wallet[:], Raw: m.raw}}
	default:
		panic(fmt.Sprintf("%T is no message about a signature", content))
	}
	return marshal(message)
}

// decode reads what encode writes, and nothing else: two spellings of one content would be two statements.
func decode(data []byte) (any, error) {
	message := new(pb.SignerMessage)
	if err := proto.Unmarshal(data, message); err != nil {
		return nil, fmt.Errorf("%w: %w", errMessage, err)
	}
	content, err := read(message)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errMessage, err)
	}
	if !bytes.Equal(encode(content), data) {
		return nil, fmt.Errorf("%w: not in its one form", errMessage)
	}
	return content, nil
}

func read(message *pb.SignerMessage) (any, error) {
	switch body := message.GetBody().(type) {
	case *pb.SignerMessage_Announcement:
		a, seats, err := readSeats(body.Announcement)
		return announcement{a, seats}, err
	case *pb.SignerMessage_List:
		a, seats, err := readSeats(body.List)
		return list{a, seats}, err
	case *pb.SignerMessage_Result:
		a, err := readAbout(body.Result)
		if n := len(body.Result.GetSignatures()); err == nil && (n == 0 || n > maxSignatures) {
			err = fmt.Errorf("%d signatures", n)
		}
		for _, signature := range body.Result.GetSignatures() {
			if len(signature) != maxSignature {
				err = fmt.Errorf("a signature of %d bytes", len(signature))
			}
		}
		return result{a, body.Result.GetSignatures()}, err
	case *pb.SignerMessage_Bundle:
		return readBundle(body.Bundle)
	case *pb.SignerMessage_Wanted:
		m := wanted{try: body.Wanted.GetTry()}
		if len(body.Wanted.GetWallet()) != len(m.wallet) || len(body.Wanted.GetUtxo()) != len(m.utxo) || m.try == 0 {
			return m, errors.New("nothing is asked for")
		}
		copy(m.wallet[:], body.Wanted.GetWallet())
		copy(m.utxo[:], body.Wanted.GetUtxo())
		return m, nil
	case *pb.SignerMessage_Transaction:
		m := lent{raw: body.Transaction.GetRaw()}
		if n := len(m.raw); len(body.Transaction.GetWallet()) != len(m.wallet) || n == 0 || n > bitcoin.MaxTransaction {
			return m, errors.New("a transaction of no wallet, or of no length that there can be")
		}
		copy(m.wallet[:], body.Transaction.GetWallet())
		return m, nil
	default:
		return nil, errors.New("it is about something else")
	}
}

func readBundle(raw *pb.SignerBundle) (bundle, error) {
	b := bundle{round: int(raw.GetRound())}
	if len(raw.GetSession()) != len(b.session) || b.round < 1 || b.round > maxRounds || len(raw.GetParcels()) > maxParcels {
		return b, errors.New("a bundle of no session, or with too much in it")
	}
	copy(b.session[:], raw.GetSession())
	for _, p := range raw.GetParcels() {
		parcel := signer.Parcel{Data: p.GetData()}
		switch len(p.GetTo()) {
		case 0:
		case len(parcel.To):
			copy(parcel.To[:], p.GetTo())
		default:
			return b, errors.New("a parcel to nobody")
		}
		b.parcels = append(b.parcels, parcel)
	}
	return b, nil
}

// bound is what announcements, lists and results have in common.
type bound interface {
	GetWallet() []byte
	GetWindow() uint64
	GetIntent() []byte
	GetAttempt() uint32
}

func readAbout(raw bound) (about, error) {
	a := about{window: chain.Height(raw.GetWindow()), attempt: raw.GetAttempt()}
	if len(raw.GetWallet()) != len(a.wallet) || len(raw.GetIntent()) != len(a.intent) || a.attempt == 0 {
		return a, errors.New("bound to nothing")
	}
	copy(a.wallet[:], raw.GetWallet())
	copy(a.intent[:], raw.GetIntent())
	return a, nil
}

func readSeats(raw interface {
	bound
	GetSeats() []byte
},
) (about, []chain.Seat, error) {
	a, err := readAbout(raw)
	if err != nil {
		return a, nil, err
	}
	seats := make([]chain.Seat, len(raw.GetSeats()))
	for i, b := range raw.GetSeats() {
		seats[i] = chain.Seat(b)
	}
	return a, seats, signer.CheckSeats(seats)
}

func seatBytes(seats []chain.Seat) []byte {
	out := make([]byte, len(seats))
	for i, s := range seats {
		out[i] = byte(s)
	}
	return out
}

func marshal(m proto.Message) []byte {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", m, err)) // only text that is not UTF-8, and there is none in ours
	}
	return data
}
