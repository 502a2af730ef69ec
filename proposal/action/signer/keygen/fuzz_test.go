package keygen_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/wire"
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
	f.Add(keygen.EncodeBundle(session, 2, []signer.Parcel{{Data: []byte("all")}, {To: operator(2), Data: []byte("one")}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		signed := wire.SignPubsub(secret(1), keygen.TopicOf(session), data, nil).Bytes()
		b, err := keygen.ReadBundle(session, signed)
		if err != nil {
			return
		}
		require.Equal(t, operator(1), b.By)
		require.Equal(t, keygen.BundleHash(data), b.Hash)
		again := wire.SignPubsub(secret(1), keygen.TopicOf(session), keygen.EncodeBundle(session, b.Round, b.Parcels), nil).Bytes()
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
