package keygen_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/internal/wire/pb"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
)

// FuzzReadInvitation signs whatever it is given: what a stranger's key can make us read. What is read has one form.
func FuzzReadInvitation(f *testing.F) {
	signed, err := keygen.SignInvitation(secret(1), invitation(6, 4, 3, 3))
	require.NoError(f, err)
	f.Add(contentOf(f, signed), 1)
	f.Fuzz(func(t *testing.T, content []byte, seed int) {
		signed := wire.SignPubsub(secret(seed), invitationTopic, content, make([]byte, 8)).Bytes()
		inv, err := keygen.ReadInvitation(signed)
		if err != nil {
			return
		}
		again, err := keygen.SignInvitation(secret(seed), inv)
		require.NoError(t, err)
		require.Equal(t, signed, again)
	})
}

func FuzzReadAcceptance(f *testing.F) {
	signed, err := keygen.SignAcceptance(secret(1), keygen.Acceptance{Session: signer.SessionID{1}, Backend: "v", SealTo: signer.PublicKey{2}})
	require.NoError(f, err)
	f.Add(contentOf(f, signed), 1)
	f.Fuzz(func(t *testing.T, content []byte, seed int) {
		signed := wire.SignPubsub(secret(seed), acceptanceTopic, content, make([]byte, 8)).Bytes()
		a, err := keygen.ReadAcceptance(signed)
		if err != nil {
			return
		}
		again, err := keygen.SignAcceptance(secret(seed), a)
		require.NoError(t, err)
		require.Equal(t, signed, again)
	})
}

func FuzzReadAttestation(f *testing.F) {
	f.Add(contentOf(f, attestations(f, invitation(2, 2, 1), 50)[0]), 1)
	f.Fuzz(func(t *testing.T, content []byte, seed int) {
		signed := wire.SignPubsub(secret(seed), attestationTopic, content, make([]byte, 8)).Bytes()
		a, err := keygen.ReadAttestation(signed)
		if err != nil {
			return
		}
		again, err := keygen.SignAttestation(secret(seed), a)
		require.NoError(t, err)
		require.Equal(t, signed, again)
	})
}

// FuzzDocuments reads bytes that nobody signed.
func FuzzDocuments(f *testing.F) {
	inv := invitation(2, 1, 1)
	signed, err := keygen.SignInvitation(secret(1), inv)
	require.NoError(f, err)
	f.Add(signed)
	record, err := keygen.MakeRecord(inv.Roster, attestations(f, inv, 50))
	require.NoError(f, err)
	f.Add(record)
	f.Add(keygen.EncodeSigned([][]byte{signed, record}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if read, err := keygen.ReadInvitation(data); err == nil {
			require.NoError(t, read.Check())
		}
		if a, err := keygen.ReadAcceptance(data); err == nil {
			require.NotZero(t, a.SealTo)
		}
		if a, err := keygen.ReadAttestation(data); err == nil {
			require.NoError(t, a.Check())
		}
		if r, err := keygen.OpenRecord(data); err == nil {
			_, err := keygen.ReadRecord(data, r.Roster)
			require.NoError(t, err)
		}
		if r, err := keygen.ReadRecord(data, inv.Roster); err == nil {
			again, err := keygen.MakeRecord(inv.Roster, r.Signed)
			require.NoError(t, err)
			require.Equal(t, data, again)
		}
		if list, err := keygen.DecodeSigned(data); err == nil {
			back, err := keygen.DecodeSigned(keygen.EncodeSigned(list))
			require.NoError(t, err)
			require.Equal(t, list, back)
		}
	})
}

// FuzzReadBundle signs whatever it is given: what one who is invited can make us read.
func FuzzReadBundle(f *testing.F) {
	session := signer.SessionID{4}
	f.Add(keygen.EncodeBundle(session, 2, []signer.Parcel{{Data: []byte("all")}, {To: operator(2), Data: []byte("one")}}, nil))
	f.Add(keygen.EncodeBundle(session, 1, []signer.Parcel{{Data: []byte("all")}}, map[chain.Operator]signer.PublicKey{operator(1): {1}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		signed := wire.SignPubsub(secret(1), keygen.TopicOf(session), data, nil).Bytes()
		b, err := keygen.ReadBundle(session, signed)
		if err != nil {
			return
		}
		require.Equal(t, operator(1), b.By)
		require.Equal(t, keygen.BundleHash(data), b.Hash)
		again := wire.SignPubsub(secret(1), keygen.TopicOf(session), keygen.EncodeBundle(session, b.Round, b.Parcels, nil), nil).Bytes()
		back, err := keygen.ReadBundle(session, again)
		require.NoError(t, err)
		require.Equal(t, b.Parcels, back.Parcels)
	})
}

func contentOf(t testing.TB, signed []byte) []byte {
	t.Helper()
	message, err := wire.ParsePubsub(signed)
	require.NoError(t, err)
	return message.Data()
}

// FuzzExamine has one operator say whatever it is given, beside what two honest ones have said: it can prove something against itself,
// and against nobody else.
func FuzzExamine(f *testing.F) {
	inv := invitation(2, 1, 1, 1)
	invited, err := keygen.SignInvitation(secret(1), inv)
	require.NoError(f, err)
	session := inv.Session()
	say := func(by int, data []byte) []byte {
		return wire.SignPubsub(secret(by), keygen.TopicOf(session), data, nil).Bytes()
	}
	keys, private := map[chain.Operator]signer.PublicKey{}, signer.Digest{7}
	var honest [][]byte
	for seed := 1; seed <= 3; seed++ {
		keys[operator(seed)] = publicOf(signer.Digest{byte(seed)})
		if seed == 3 {
			keys[operator(seed)] = publicOf(private)
		}
		accepted, err := keygen.SignAcceptance(secret(seed), keygen.Acceptance{Session: session, Backend: "x", SealTo: keys[operator(seed)]})
		require.NoError(f, err)
		honest = append(honest, accepted)
	}
	complaint := &pb.KeygenComplaint{Session: session[:], Why: "it is bad"}
	for seed := 1; seed <= 2; seed++ {
		o := &pb.KeygenOpening{Dealer: uint32(seed), Receiver: 3, Round: 2, Key: private[:]} //nolint:gosec // two
		for round := 1; round <= 2; round++ {
			parcels := []signer.Parcel{{Data: []byte("for all")}}
			if round == 2 {
				parcels = append(parcels, signer.Parcel{To: operator(3), Data: share(operator(seed), operator(3))})
			}
			data := keygen.EncodeBundle(session, round, parcels, keys)
			honest = append(honest, say(seed, data))
			hash := keygen.BundleHash(data)
			o.Hashes = append(o.Hashes, hash[:])
		}
		complaint.Openings = append(complaint.Openings, o)
	}
	for i, m := range []*pb.SignerMessage{
		{Body: &pb.SignerMessage_Complaint{Complaint: complaint}},
		{Body: &pb.SignerMessage_Complaint{Complaint: &pb.KeygenComplaint{Session: session[:], Acceptances: honest[:3], Messages: honest[3:]}}},
		{Body: &pb.SignerMessage_Invitation{Invitation: invited}},
		{Body: &pb.SignerMessage_Acceptance{Acceptance: honest[2]}},
		{Body: &pb.SignerMessage_Call{Call: []byte{1}}},
	} {
		data, err := proto.Marshal(m)
		require.NoError(f, err)
		f.Add(data, data)
		found, err := keygen.Examine(f.Context(), invited, append(slices.Clone(honest), say(3, data)), toyJudge)
		require.Equal(f, i == 0, err == nil, "a complaint of shares that are right names who complains")
		require.Len(f, found, max(0, 1-i))
	}
	f.Add(keygen.EncodeBundle(session, 1, nil, keys), keygen.EncodeBundle(session, 1, nil, nil))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		found, err := keygen.Examine(t.Context(), invited, append(slices.Clone(honest), say(3, first), say(3, second)), toyJudge)
		if err != nil {
			require.ErrorIs(t, err, keygen.ErrUnproven)
			return
		}
		require.Len(t, found, 1)
		require.Equal(t, operator(3), found[0].Culprit, found[0].Why)
	})
}
