package signing

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire/pb"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/bitcoin"
)

func examples() []any {
	bound := about{chain.WalletID{1}, 900, signer.Digest{2}, 3}
	return []any{
		announcement{bound, []chain.Seat{1, 7, 255}},
		list{bound, []chain.Seat{2, 3}},
		result{bound, [][]byte{make([]byte, 64), slices.Repeat([]byte{9}, 64)}},
		bundle{signer.SessionID{4}, 2, []signer.Parcel{{Data: []byte("to all")}, {To: chain.Operator{5}, Data: []byte("to one")}}},
		bundle{signer.SessionID{4}, 1, nil},
		wanted{chain.WalletID{1}, signer.Digest{5}, 7},
		lent{chain.WalletID{1}, []byte("a transaction")},
	}
}

func TestMessagesAreReadAsTheyWereWritten(t *testing.T) {
	for _, content := range examples() {
		read, err := decode(encode(content))
		require.NoError(t, err)
		require.Equal(t, content, read)
	}
}

func TestMalformedMessagesAreRefused(t *testing.T) {
	bound := about{chain.WalletID{1}, 900, signer.Digest{2}, 3}
	ok := encode(examples()[0])
	for name, data := range map[string][]byte{
		"nothing":                nil,
		"no message":             {0xff},
		"cut off":                ok[:len(ok)-1],
		"an unknown field":       append(slices.Clone(ok), 0x78, 1),
		"something else":         marshal(&pb.SignerMessage{Body: &pb.SignerMessage_Acceptance{Acceptance: []byte{1}}}),
		"no seats":               encode(announcement{bound, nil}),
		"a seat twice":           encode(announcement{bound, []chain.Seat{1, 1}}),
		"seat 0":                 encode(list{bound, []chain.Seat{0, 1}}),
		"seats out of order":     encode(list{bound, []chain.Seat{2, 1}}),
		"attempt 0":              encode(list{about{bound.wallet, 900, bound.intent, 0}, []chain.Seat{1}}),
		"no signature":           encode(result{bound, nil}),
		"a signature too short":  encode(result{bound, [][]byte{make([]byte, 63)}}),
		"signatures of a flood":  encode(result{bound, slices.Repeat([][]byte{make([]byte, 64)}, maxSignatures+1)}),
		"round 0":                encode(bundle{signer.SessionID{1}, 0, nil}),
		"a round out of reach":   encode(bundle{signer.SessionID{1}, maxRounds + 1, nil}),
		"parcels of a flood":     encode(bundle{signer.SessionID{1}, 1, slices.Repeat([]signer.Parcel{{Data: []byte{1}}}, maxParcels+1)}),
		"a parcel to nobody":     marshal(&pb.SignerMessage{Body: &pb.SignerMessage_Bundle{Bundle: &pb.SignerBundle{Session: make([]byte, 32), Round: 1, Parcels: []*pb.SignerParcel{{To: []byte{1}}}}}}),
		"a session of two bytes": marshal(&pb.SignerMessage{Body: &pb.SignerMessage_Bundle{Bundle: &pb.SignerBundle{Session: []byte{1, 2}, Round: 1}}}),
		"no try":                 encode(wanted{bound.wallet, signer.Digest{1}, 0}),
		"half a hash":            marshal(&pb.SignerMessage{Body: &pb.SignerMessage_Wanted{Wanted: &pb.SigningWanted{Wallet: make([]byte, 20), Utxo: make([]byte, 16), Try: 1}}}),
		"no transaction":         encode(lent{bound.wallet, nil}),
		"a transaction too long": encode(lent{bound.wallet, make([]byte, bitcoin.MaxTransaction+1)}),
		"nobody's transaction":   marshal(&pb.SignerMessage{Body: &pb.SignerMessage_Transaction{Transaction: &pb.SigningTransaction{Wallet: []byte{1}, Raw: []byte{1}}}}),
		"another wallet's form":  marshal(&pb.SignerMessage{Body: &pb.SignerMessage_List{List: &pb.SigningList{Wallet: []byte{1}, Intent: make([]byte, 32), Attempt: 1, Seats: []byte{1}}}}),
	} {
		_, err := decode(data)
		require.ErrorIs(t, err, errMessage, name)
	}
}

func FuzzDecode(f *testing.F) {
	for _, content := range examples() {
		f.Add(encode(content))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		content, err := decode(data)
		if err != nil {
			require.ErrorIs(t, err, errMessage)
			return
		}
		require.Equal(t, data, encode(content), "of each message there is one form")
	})
}

func FuzzCheckProof(f *testing.F) {
	w := newWorld(f, 2, 1, 1, 1)
	f.Add([]byte("one"), []byte("other"))
	for _, messages := range proofs(w) {
		f.Add(messages[0], messages[len(messages)-1])
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		by, err := CheckProof(w.wallet, [][]byte{first, second})
		if err == nil {
			require.True(t, w.wallet.Holds(by))
		}
	})
}
