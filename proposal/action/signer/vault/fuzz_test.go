package vault

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
	"github.com/walletnode/walletnode/proposal/action/signer/scheme"
)

// edit is what fuzzing does to a real document: cut bytes out, and put others in. The documents are made anew in each process,
// so edits are what a corpus can hold.
func edit(documents [][]byte, which uint8, at, cut uint16, insert []byte) []byte {
	document := documents[int(which)%len(documents)]
	from := int(at) % (len(document) + 1)
	to := min(len(document), from+int(cut))
	return slices.Concat(document[:from], insert, document[to:])
}

func addEdits(f *testing.F, documents [][]byte) {
	f.Helper()
	for i := range documents {
		f.Add(uint8(i), uint16(0), uint16(0), []byte{})     //nolint:gosec // a few
		f.Add(uint8(i), uint16(40), uint16(4), []byte("A")) //nolint:gosec // a few
		f.Add(uint8(i), uint16(300), uint16(1), []byte{})   //nolint:gosec // a few
	}
}

func encodeRequest(t testing.TB, request any) []byte {
	t.Helper()
	data, err := json.Marshal(request)
	require.NoError(t, err)
	return data
}

// Whatever a vault is asked in a key generation, it answers or refuses, and generates no key but those that operators signed.
func FuzzGenerateRound(f *testing.F) {
	r := newRig(f, 1, 1)
	h := r.houses[0]
	r.invite(signer.FROST, 2)
	first := encodeRequest(f, signer.GenerateRound{Session: r.session, Round: 1, Open: r.openingFor(h)})
	said := r.playTo(2, nil)
	second := encodeRequest(f, signer.GenerateRound{Session: r.session, Round: 2, In: others(said, h)})
	r.invite(signer.FROST, 2)
	documents := [][]byte{first, second, encodeRequest(f, signer.GenerateRound{Session: r.session, Round: 1, Open: r.openingFor(h)})}
	addEdits(f, documents)
	f.Fuzz(func(t *testing.T, which uint8, at, cut uint16, insert []byte) {
		var request signer.GenerateRound
		if json.Unmarshal(edit(documents, which, at, cut, insert), &request) != nil {
			return
		}
		request.Term = signer.Term{} // a higher one would end the fuzzing
		reply, err := h.vault.Generate(context.Background(), request)
		if err != nil {
			require.Empty(t, reply)
			return
		}
		again, err := h.vault.Generate(context.Background(), request)
		require.NoError(t, err)
		require.Equal(t, reply, again)
	})
}

// Whatever a vault is asked to sign, it answers or refuses; a window stays bound to one intent.
func FuzzSignRound(f *testing.F) {
	r, key := threeOperators(f)
	h := r.houses[0]
	p := r.heartbeat(key, firstWindow, 1)
	_, err := p.ask(h, 1, nil)
	require.NoError(f, err)
	b, err := p.ask(r.houses[1], 1, nil)
	require.NoError(f, err)
	documents := [][]byte{
		encodeRequest(f, p.round1()),
		encodeRequest(f, r.heartbeat(key, firstWindow, 2).round1()),
		encodeRequest(f, r.redemption(key, firstWindow, coins(key, 500_000, 1), script(1)).round1()),
		encodeRequest(f, signer.SignRound{
			Session: p.session(), Round: 2, In: [][]byte{r.say(r.houses[1], signer.SigningTopic(key.Wallet), p.session(), 1, b.Out)},
		}),
	}
	addEdits(f, documents)
	f.Fuzz(func(t *testing.T, which uint8, at, cut uint16, insert []byte) {
		var request signer.SignRound
		if json.Unmarshal(edit(documents, which, at, cut, insert), &request) != nil {
			return
		}
		request.Term = signer.Term{} // a higher one would end the fuzzing
		reply, err := h.vault.Sign(context.Background(), request)
		protection, failed := h.vault.Protection(context.Background(), key.Wallet)
		require.NoError(t, failed)
		require.Equal(t, []signer.Slot{{Window: firstWindow, Intent: p.digest()}}, protection.Slots)
		require.LessOrEqual(t, protection.Signatures, uint64(1))
		if err != nil {
			require.Empty(t, reply)
			return
		}
		again, err := h.vault.Sign(context.Background(), request)
		require.NoError(t, err)
		require.Equal(t, reply, again)
	})
}

// What decodes is encoded to the same bytes: there is one form of a parcel.
func FuzzDecodeParcel(f *testing.F) {
	f.Add([]byte{})
	f.Add(encodeParcel(nil))
	f.Add(encodeParcel([]scheme.Message{{From: 1, Data: []byte("a")}, {From: 2, To: 1, Data: nil}, {From: 2, To: 3, Data: []byte("bc")}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		messages, err := decodeParcel(data)
		if err != nil {
			require.ErrorIs(t, err, errParcel)
			return
		}
		require.Equal(t, data, encodeParcel(messages))
	})
}

// A message of a session's topic is one of this session and round by an operator of it, or an error.
func FuzzReadHeard(f *testing.F) {
	r := newRig(f, 1, 1)
	r.invite(signer.FROST, 2)
	var documents [][]byte
	said := r.playTo(2, nil)
	for _, h := range r.houses {
		documents = append(documents, said[h])
	}
	addEdits(f, documents)
	f.Fuzz(func(t *testing.T, which uint8, at, cut uint16, insert []byte) {
		h, err := new(authors).readHeard(edit(documents, which, at, cut, insert), keygen.TopicOf(r.session), r.session, 1, r.houses[0].op)
		if err != nil {
			return
		}
		require.Contains(t, []chain.Operator{r.houses[0].op, r.houses[1].op}, h.by, "nobody else has signed anything")
		require.NoError(t, h.bad)
		require.NotNil(t, h.toAll)
	})
}

// An export that passes its check holds a share for each of its seats.
func FuzzExported(f *testing.F) {
	r, key := threeOperators(f)
	r.sign(key, r.redemption(key, firstWindow, coins(key, 900_000, 1), script(1)))
	file, err := r.houses[0].vault.Export(context.Background(), key.Wallet, "secret")
	require.NoError(f, err)
	plain, err := decrypt(file, "secret", maxExport)
	require.NoError(f, err)
	addEdits(f, [][]byte{plain})
	f.Fuzz(func(t *testing.T, which uint8, at, cut uint16, insert []byte) {
		var e exported
		if json.Unmarshal(edit([][]byte{plain}, which, at, cut, insert), &e) != nil || e.check() != nil {
			return
		}
		require.Len(t, e.Protection.Bonds, 1)
		require.Len(t, e.Secret.Shares, len(e.Key.Seats))
		require.Equal(t, key.Wallet, e.Key.Wallet, "nobody else's shares are there")
	})
}
