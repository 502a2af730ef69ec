package keygen_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/internal/wire/pb"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
)

// Topics of documents, as other implementations have to spell them.
const (
	invitationTopic  = "/walletnode/keygen/invitation/1"
	acceptanceTopic  = "/walletnode/keygen/acceptance/1"
	attestationTopic = "/walletnode/keygen/attestation/1"
)

// secret makes an operator's private key; equal seeds give equal keys.
func secret(seed int) *secp256k1.PrivateKey {
	return secp256k1.PrivKeyFromBytes([]byte{1, byte(seed)})
}

func operator(seed int) chain.Operator { return wire.PublicKeyOf(secret(seed)).Operator() }

// rosterOf gives the operator 1 the first number of seats, the operator 2 the next, and so on.
func rosterOf(seats ...int) []chain.Operator {
	var roster []chain.Operator
	for i, n := range seats {
		roster = append(roster, slices.Repeat([]chain.Operator{operator(i + 1)}, n)...)
	}
	return roster
}

func invitation(threshold int, seats ...int) keygen.Invitation {
	return keygen.Invitation{
		Terms: keygen.Terms{
			ChainID: 11155111, Genesis: chain.Hash{7}, Roster: rosterOf(seats...), Threshold: threshold, Scheme: signer.FROST,
		},
		Nonce:   [32]byte{9},
		Expires: time.Unix(1_800_000_000, 0),
		By:      operator(1),
	}
}

func point(seed int) [33]byte { return wire.PublicKeyOf(secret(seed)) }

// keyOf is a backend's key as a key generation of the invitation could have made it.
func keyOf(inv keygen.Invitation, seed int) signer.KeyDetail {
	group := chain.PublicKey(wire.PublicKeyOf(secret(seed)).Uncompressed())
	key := signer.KeyDetail{
		Key: signer.Key{
			Wallet: group.Hash(), Session: inv.Session(), Scheme: inv.Scheme, Threshold: inv.Threshold,
			SeatCount: len(inv.Roster), GroupKey: group[:], State: signer.KeyPending,
		},
		Roster:       inv.Roster,
		Verification: map[chain.Seat]signer.HexBytes{},
	}
	for i := range inv.Roster {
		share := point(100 + i)
		key.Verification[chain.Seat(i+1)] = share[:]
	}
	return key
}

func attestations(t testing.TB, inv keygen.Invitation, seed int) [][]byte {
	t.Helper()
	a, err := keygen.AttestationOf(inv, keyOf(inv, seed))
	require.NoError(t, err)
	var all [][]byte
	for i := range inv.Operators() {
		signed, err := keygen.SignAttestation(secret(i+1), a)
		require.NoError(t, err)
		all = append(all, signed)
	}
	return all
}

func TestInvitationIsWhatWasSigned(t *testing.T) {
	inv := invitation(6, 4, 3, 3)
	signed, err := keygen.SignInvitation(secret(1), inv)
	require.NoError(t, err)
	read, err := keygen.ReadInvitation(signed)
	require.NoError(t, err)
	require.Equal(t, inv, read)
	require.Equal(t, rosterOf(1, 1, 1), read.Operators())
	require.Equal(t, []chain.Seat{5, 6, 7}, read.SeatsOf(operator(2)))
	again, err := keygen.SignInvitation(secret(1), inv)
	require.NoError(t, err)
	require.Equal(t, signed, again, "one content has one form")
}

func TestSessionDependsOnEverythingButInviterAndTime(t *testing.T) {
	first := invitation(2, 1, 1, 1)
	seen := map[signer.SessionID]string{first.Session(): "as it was"}
	for name, change := range map[string]func(*keygen.Invitation){
		"chain":     func(inv *keygen.Invitation) { inv.ChainID++ },
		"genesis":   func(inv *keygen.Invitation) { inv.Genesis[31]++ },
		"roster":    func(inv *keygen.Invitation) { inv.Roster = rosterOf(1, 1, 1, 1) },
		"order":     func(inv *keygen.Invitation) { slices.Reverse(inv.Roster) },
		"threshold": func(inv *keygen.Invitation) { inv.Threshold++ },
		"scheme":    func(inv *keygen.Invitation) { inv.Scheme = signer.CMP },
		"nonce":     func(inv *keygen.Invitation) { inv.Nonce = keygen.NewNonce() },
	} {
		inv := invitation(2, 1, 1, 1)
		change(&inv)
		require.NotContains(t, seen, inv.Session(), name)
		seen[inv.Session()] = name
	}
	again := first
	again.By, again.Expires = operator(2), again.Expires.Add(time.Hour)
	require.Equal(t, first.Session(), again.Session(), "an invitation that is signed again is a replay")
}

func TestInvitationRefusesImpossibleWallets(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*keygen.Invitation)
		says   string
	}{
		"no seats":          {func(inv *keygen.Invitation) { inv.Roster = nil }, "0 seats, want 1 to 255"},
		"too many seats":    {func(inv *keygen.Invitation) { inv.Roster = rosterOf(256) }, "256 seats, want 1 to 255"},
		"a seat of nobody":  {func(inv *keygen.Invitation) { inv.Roster[1] = chain.Operator{} }, "seat 2 has no operator"},
		"threshold above":   {func(inv *keygen.Invitation) { inv.Threshold = 4 }, "threshold 4 is above the 3 seats"},
		"threshold of one":  {func(inv *keygen.Invitation) { inv.Threshold = 1 }, "one seat alone could sign"},
		"threshold of zero": {func(inv *keygen.Invitation) { inv.Threshold = 0 }, "threshold 0, want 2 at least"},
		"below zero":        {func(inv *keygen.Invitation) { inv.Threshold = -1 }, "threshold -1, want 2 at least"},
		"unknown scheme":    {func(inv *keygen.Invitation) { inv.Scheme = "rsa\xff" }, `there is no "rsa`},
		"not its own":       {func(inv *keygen.Invitation) { inv.Roster = inv.Roster[1:]; inv.Threshold = 2 }, "holds no seat"},
	} {
		t.Run(name, func(t *testing.T) {
			inv := invitation(2, 1, 1, 1)
			test.change(&inv)
			_, err := keygen.SignInvitation(secret(1), inv)
			require.ErrorIs(t, err, keygen.ErrTerms)
			require.ErrorContains(t, err, test.says)
		})
	}
}

func TestInvitationExpires(t *testing.T) {
	inv := invitation(2, 1, 1)
	require.NoError(t, inv.CheckTime(inv.Expires.Add(-time.Second)))
	require.ErrorIs(t, inv.CheckTime(inv.Expires), keygen.ErrExpired)
	require.NoError(t, inv.CheckTime(inv.Expires.Add(-keygen.MaxValidity)))
	require.ErrorIs(t, inv.CheckTime(inv.Expires.Add(-keygen.MaxValidity-time.Second)), keygen.ErrTerms)
}

func TestAcceptanceIsWhatWasSigned(t *testing.T) {
	a := keygen.Acceptance{Session: signer.SessionID{1}, Backend: "vault-1", SealTo: signer.PublicKey{2}, By: operator(2)}
	signed, err := keygen.SignAcceptance(secret(2), a)
	require.NoError(t, err)
	read, err := keygen.ReadAcceptance(signed)
	require.NoError(t, err)
	require.Equal(t, a, read)
	for name, bad := range map[string]keygen.Acceptance{
		"no key":          {Backend: "v"},
		"no backend":      {SealTo: a.SealTo},
		"long name":       {SealTo: a.SealTo, Backend: string(bytes.Repeat([]byte{'a'}, 65))},
		"name of control": {SealTo: a.SealTo, Backend: "a\x1bb"},
		"name of no text": {SealTo: a.SealTo, Backend: "a\xff"},
	} {
		_, err := keygen.SignAcceptance(secret(2), bad)
		require.ErrorIs(t, err, keygen.ErrDocument, name)
	}
}

func TestAttestationIsOfTheInvitedWalletAlone(t *testing.T) {
	inv := invitation(2, 2, 1)
	a, err := keygen.AttestationOf(inv, keyOf(inv, 50))
	require.NoError(t, err)
	signed, err := keygen.SignAttestation(secret(2), a)
	require.NoError(t, err)
	read, err := keygen.ReadAttestation(signed)
	require.NoError(t, err)
	require.True(t, read.Agrees(a))
	require.Equal(t, operator(2), read.By)
	wallet, err := read.Wallet()
	require.NoError(t, err)
	require.Equal(t, inv.Roster, wallet.Roster())

	for name, change := range map[string]func(*signer.KeyDetail){
		"session":      func(k *signer.KeyDetail) { k.Session[0]++ },
		"roster":       func(k *signer.KeyDetail) { k.Roster = rosterOf(1, 2) },
		"threshold":    func(k *signer.KeyDetail) { k.Threshold++ },
		"scheme":       func(k *signer.KeyDetail) { k.Scheme = signer.CMP },
		"wallet":       func(k *signer.KeyDetail) { k.Wallet[0]++ },
		"group key":    func(k *signer.KeyDetail) { k.GroupKey = k.GroupKey[:64] },
		"share":        func(k *signer.KeyDetail) { k.Verification[2] = signer.HexBytes{2} },
		"missing seat": func(k *signer.KeyDetail) { delete(k.Verification, 3) },
	} {
		key := keyOf(inv, 50)
		change(&key)
		_, err := keygen.AttestationOf(inv, key)
		require.Error(t, err, name)
	}
	_, err = keygen.SignAttestation(secret(3), a)
	require.ErrorIs(t, err, keygen.ErrTerms, "a stranger attests nothing")
}

func TestRecordTakesEveryOperator(t *testing.T) {
	inv := invitation(3, 2, 1, 1)
	all := attestations(t, inv, 50)
	data, err := keygen.MakeRecord(inv.Roster, [][]byte{all[2], all[0], all[1], all[0]})
	require.NoError(t, err)
	r, err := keygen.ReadRecord(data, inv.Roster)
	require.NoError(t, err)
	require.Equal(t, all, r.Signed, "in the order of first seats")
	require.NoError(t, r.Matches(keyOf(inv, 50)))
	require.ErrorIs(t, r.Matches(keyOf(inv, 51)), keygen.ErrTerms)
	other := keyOf(inv, 50)
	share := point(99)
	other.Verification[4] = share[:]
	require.ErrorIs(t, r.Matches(other), keygen.ErrTerms, "one verification share is another")

	_, err = keygen.MakeRecord(inv.Roster, all[:2])
	require.ErrorContains(t, err, operator(3).String()+" has not attested it")
	different := attestations(t, inv, 51)
	_, err = keygen.MakeRecord(inv.Roster, [][]byte{all[0], all[1], different[2]})
	require.ErrorContains(t, err, "attest different keys")
	_, err = keygen.ReadRecord(data, rosterOf(1, 2, 1))
	require.ErrorIs(t, err, keygen.ErrDocument, "of another roster")
	_, err = keygen.ReadRecord(record(t, all[0], all[0], all[2]), inv.Roster)
	require.ErrorIs(t, err, keygen.ErrDocument, "one operator twice")
	_, err = keygen.ReadRecord(record(t, all[1], all[0], all[2]), inv.Roster)
	require.ErrorIs(t, err, keygen.ErrDocument, "in another order")
	_, err = keygen.ReadRecord(append(data, 0x78, 1), inv.Roster)
	require.ErrorIs(t, err, keygen.ErrDocument, "with something after it")
	_, err = keygen.ReadRecord(nil, nil)
	require.ErrorIs(t, err, keygen.ErrDocument, "of nobody")
}

func record(t *testing.T, attestations ...[]byte) []byte {
	t.Helper()
	data, err := proto.Marshal(&pb.WalletRecord{Attestations: attestations})
	require.NoError(t, err)
	return data
}

// Every document has one form: what anybody can change who hands it on is refused.
func TestDocumentsHaveOneForm(t *testing.T) {
	inv := invitation(2, 1, 1)
	signed, err := keygen.SignInvitation(secret(1), inv)
	require.NoError(t, err)
	message := new(pb.PubsubMessage)
	require.NoError(t, proto.Unmarshal(signed, message))
	content := message.GetData()
	seqno := make([]byte, 8)

	again := func(topic string, data, seqno []byte) []byte {
		return wire.SignPubsub(secret(1), topic, data, seqno).Bytes()
	}
	require.Equal(t, signed, again(invitationTopic, content, seqno))
	keyed := proto.CloneOf(message)
	keyed.Key = wire.PublicKeyOf(secret(1)).Libp2p()
	withKey, err := proto.Marshal(keyed)
	require.NoError(t, err)
	broken := proto.CloneOf(message)
	broken.Signature[10] ^= 1
	forged, err := proto.Marshal(broken)
	require.NoError(t, err)
	for name, doc := range map[string][]byte{
		"another topic":          again(acceptanceTopic, content, seqno),
		"a sequence number":      again(invitationTopic, content, []byte{0, 0, 0, 0, 0, 0, 0, 1}),
		"an unknown field":       again(invitationTopic, append(bytes.Clone(content), 0x78, 1), seqno),
		"a field twice":          again(invitationTopic, append([]byte{8, 1}, content...), seqno),
		"a key field":            withKey,
		"a changed signature":    forged,
		"something after it":     append(bytes.Clone(signed), 0x78, 1),
		"no bytes":               nil,
		"more bytes than it has": make([]byte, keygen.MaxDocument+1),
	} {
		_, err := keygen.ReadInvitation(doc)
		require.ErrorIs(t, err, keygen.ErrDocument, name)
	}
	_, err = keygen.ReadAcceptance(signed)
	require.ErrorIs(t, err, keygen.ErrDocument)
	_, err = keygen.ReadAttestation(signed)
	require.ErrorIs(t, err, keygen.ErrDocument)
}

func TestBundleIsWhatWasSaid(t *testing.T) {
	session := signer.SessionID{4}
	parcels := []signer.Parcel{{Data: []byte("all")}, {To: operator(2), Data: []byte("one")}}
	data := keygen.EncodeBundle(session, 3, parcels, nil)
	signed := wire.SignPubsub(secret(1), keygen.TopicOf(session), data, nil).Bytes()
	b, err := keygen.ReadBundle(session, signed)
	require.NoError(t, err)
	require.Equal(t, keygen.Bundle{Session: session, Round: 3, By: operator(1), Parcels: parcels, Hash: keygen.BundleHash(data)}, b)
	_, err = keygen.ReadBundle(signer.SessionID{5}, signed)
	require.ErrorIs(t, err, keygen.ErrDocument)
	for _, round := range []int{0, keygen.MaxRounds + 1} {
		signed := wire.SignPubsub(secret(1), keygen.TopicOf(session), keygen.EncodeBundle(session, round, nil, nil), nil).Bytes()
		_, err := keygen.ReadBundle(session, signed)
		require.ErrorIs(t, err, keygen.ErrDocument)
	}
}
