package keygen_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire/pb"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
)

// bending changes what an operator says to all others in one round; round 0 is all that is no bundle.
func bending(by int, round uint32, change func(*pb.SignerMessage)) func(from, to chain.Operator, data []byte) []byte {
	return func(from, _ chain.Operator, data []byte) []byte {
		m := new(pb.SignerMessage)
		if from != operator(by) || proto.Unmarshal(data, m) != nil || m.GetBundle().GetRound() != round {
			return data
		}
		change(m)
		changed, err := proto.Marshal(m)
		if err != nil {
			return nil
		}
		return changed
	}
}

// namedByAll demands that everybody has the same culprit, with what proves it, and that nobody has a wallet.
func namedByAll(t *testing.T, all []*member, session signer.SessionID, culprit int, what string) {
	t.Helper()
	for _, m := range all {
		st := m.status(session)
		require.Equal(t, keygen.Failed, st.State)
		require.Contains(t, st.Detail, what, "operator %d", m.seed)
		require.Regexp(t, "^"+operator(culprit).String(), st.Detail, "operator %d", m.seed)
		require.NotEmpty(t, st.Proof)
		require.Empty(t, m.shelf.imported())
	}
}

// provenToAll is the same, and what is kept proves it to anybody: to nobody, if a part of it is missing.
func provenToAll(t *testing.T, all []*member, session signer.SessionID, culprit int, what string) {
	t.Helper()
	namedByAll(t, all, session, culprit, what)
	for _, m := range all {
		row, _, err := m.log.Keygen(t.Context(), session)
		require.NoError(t, err)
		who, why, err := keygen.Examine(t.Context(), row.Invitation, row.Proof, m.judge)
		require.NoError(t, err, "operator %d", m.seed)
		require.Equal(t, operator(culprit), who)
		require.Contains(t, why, what)
		for i := range row.Proof {
			_, _, err = keygen.Examine(t.Context(), row.Invitation, slices.Delete(slices.Clone(row.Proof), i, i+1), m.judge)
			require.ErrorIs(t, err, keygen.ErrUnproven, "without message %d", i+1)
			changed := slices.Clone(row.Proof)
			changed[i] = slices.Clone(changed[i])
			changed[i][len(changed[i])-1] ^= 1
			_, _, err = keygen.Examine(t.Context(), row.Invitation, changed, m.judge)
			require.Error(t, err, "with another message %d", i+1)
		}
		_, _, err = keygen.Examine(t.Context(), row.Proof[0], row.Proof, m.judge)
		require.ErrorIs(t, err, keygen.ErrDocument, "no invitation")
	}
}

func TestTheDealerOfAWrongShareIsNamedToAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, all := circle(t, 3)
		all[1].backend.badShareTo = operator(3)
		session := create(t, all, 2, 1, 1, 1)
		provenToAll(t, all, session, 2, "dealt seat 3 of "+operator(3).String()+" what it cannot use")
		for _, m := range all[:2] { // these have their shares: nobody confirms the key
			require.Equal(t, []signer.KeyState{signer.KeyPending}, m.backend.states())
		}
		time.Sleep(3 * 24 * time.Hour)
		provenToAll(t, all, session, 2, "what it cannot use")
		for _, m := range all[:2] {
			require.Equal(t, []signer.KeyState{signer.KeyFrozen}, m.backend.states())
		}
	})
}

func TestWhoComplainsFalselyIsNamedToAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, all := circle(t, 3)
		all[2].backend.accuses = operator(2)
		session := create(t, all, 2, 1, 1, 1)
		provenToAll(t, all, session, 3, "says that what seat 2 of "+operator(2).String()+" dealt it is bad, and it is right")
	})
}

// A key that opens nothing says nothing about what was sealed.
func TestWhoShowsAnotherKeyIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, all := circle(t, 3)
		all[2].backend.accuses, all[2].backend.shows = operator(2), &signer.Digest{1, 2, 3}
		session := create(t, all, 2, 1, 1, 1)
		provenToAll(t, all, session, 3, "it shows another key than it has accepted with")
	})
}

// Nor does it in a round in which nothing was sealed, though something was in a round before it.
func TestWhoShowsAnotherKeyOfALaterRoundIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, all := circle(t, 3)
		dealt := map[uint32]signer.Digest{}
		h.bend = func(from, _ chain.Operator, data []byte) []byte {
			m := new(pb.SignerMessage)
			if b := m.GetBundle; from == operator(2) && proto.Unmarshal(data, m) == nil && b() != nil {
				dealt[b().GetRound()] = keygen.BundleHash(data)
			}
			return data
		}
		all[2].backend.silentIn = 3
		session := create(t, all, 2, 1, 1, 1)
		topic := keygen.TopicOf(session)
		require.NoError(t, h.open(topic, secret(2)).Publish(t.Context(), keygen.EncodeBundle(session, 3, []signer.Parcel{{Data: []byte("for all")}})))
		synctest.Wait()
		key := make([]byte, 32)
		o := &pb.KeygenOpening{Dealer: 2, Receiver: 3, Round: 3, Key: key}
		for round := uint32(1); round <= 3; round++ {
			hash, ok := dealt[round]
			require.True(t, ok, "round %d", round)
			o.Hashes = append(o.Hashes, hash[:])
		}
		data, err := proto.Marshal(&pb.SignerMessage{Body: &pb.SignerMessage_Complaint{Complaint: &pb.KeygenComplaint{
			Session: session[:], Why: "it is bad", Opening: o,
		}}})
		require.NoError(t, err)
		require.NoError(t, h.open(topic, secret(3)).Publish(t.Context(), data))
		time.Sleep(time.Hour)
		provenToAll(t, all[:2], session, 3, "it shows another key than it has accepted with")
	})
}

// A dealer signs to which key it has sealed. Who names another one than the receiver's, so that nothing opens, is named.
func TestWhoSealsToAnotherKeyIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, all := circle(t, 3)
		all[1].backend.badShareTo = operator(3)
		h.bend = bending(2, 2, func(m *pb.SignerMessage) {
			for _, p := range m.GetBundle().GetParcels() {
				if len(p.GetTo()) > 0 {
					p.SealedTo = []byte("another key, that nobody accepts")
				}
			}
		})
		session := create(t, all, 2, 1, 1, 1)
		time.Sleep(30 * time.Second)
		require.NotContains(t, all[0].status(session).Detail, "sealed to a key", "the dealer may still show that the receiver accepted with it")
		time.Sleep(time.Hour)
		for _, m := range []*member{all[0], all[2]} {
			require.Equal(t, operator(2).String()+" sealed to a key with which "+operator(3).String()+" has not accepted", m.status(session).Detail)
		}
	})
}

// A receiver accepts with one key towards the dealer and with another towards the rest, and opens with the other: the honest
// dealer shows what it was told, and the two acceptances are proof.
func TestWhoAcceptsTwiceFramesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, all := circle(t, 3)
		h.bend = func(from, to chain.Operator, data []byte) []byte {
			m := new(pb.SignerMessage)
			if from != operator(3) || to != operator(2) || proto.Unmarshal(data, m) != nil || m.GetAcceptance() == nil {
				return data
			}
			a, err := keygen.ReadAcceptance(m.GetAcceptance())
			require.NoError(t, err)
			a.SealTo = publicOf(signer.Digest{9})
			other, err := keygen.SignAcceptance(secret(3), a)
			require.NoError(t, err)
			changed, err := proto.Marshal(&pb.SignerMessage{Body: &pb.SignerMessage_Acceptance{Acceptance: other}})
			require.NoError(t, err)
			return changed
		}
		all[2].backend.accuses = operator(2)
		session := create(t, all, 2, 1, 1, 1)
		time.Sleep(time.Hour)
		st := all[0].status(session)
		require.Equal(t, operator(3).String()+" accepted twice, with different backends", st.Detail)
		require.Len(t, st.Proof, 2)
		require.Regexp(t, "^"+operator(3).String(), all[1].status(session).Detail)
	})
}

// Who means other messages than the dealer has said must show them.
func TestWhoAccusesOfMessagesThatAreNotShownIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, all := circle(t, 3)
		all[2].backend.accuses = operator(2)
		h.bend = bending(3, 0, func(m *pb.SignerMessage) {
			if o := m.GetComplaint().GetOpening(); o != nil {
				o.Hashes[1][0] ^= 1
			}
		})
		session := create(t, all, 2, 1, 1, 1)
		require.NotContains(t, all[0].status(session).Detail, "does not show")
		time.Sleep(time.Hour)
		namedByAll(t, all[:2], session, 3, "accuses "+operator(2).String()+" of messages that it does not show")
		row, _, err := all[0].log.Keygen(t.Context(), session)
		require.NoError(t, err)
		_, _, err = keygen.Examine(t.Context(), row.Invitation, row.Proof, all[0].judge)
		require.ErrorIs(t, err, keygen.ErrUnproven, "whoever left messages out could show the same")
	})
}

// What is no opening of a share that somebody else dealt to the operator that complains is not looked at, and the complaint ends
// the key generation like any other.
func TestAnOpeningOfNothingNamesNobody(t *testing.T) {
	key := make([]byte, 32)
	hashes := [][]byte{key, key}
	for name, o := range map[string]*pb.KeygenOpening{
		"nothing":             {},
		"its own share":       {Dealer: 3, Receiver: 3, Round: 2, Key: key, Hashes: hashes},
		"another's share":     {Dealer: 2, Receiver: 1, Round: 2, Key: key, Hashes: hashes},
		"no such seat":        {Dealer: 2, Receiver: 4, Round: 2, Key: key, Hashes: hashes},
		"no such dealer":      {Dealer: 1 << 31, Receiver: 3, Round: 2, Key: key, Hashes: hashes},
		"no round":            {Dealer: 2, Receiver: 3, Key: key},
		"a round too late":    {Dealer: 2, Receiver: 3, Round: 17, Key: key, Hashes: hashes},
		"a short key":         {Dealer: 2, Receiver: 3, Round: 2, Key: key[1:], Hashes: hashes},
		"a hash too few":      {Dealer: 2, Receiver: 3, Round: 2, Key: key, Hashes: hashes[1:]},
		"a hash that is none": {Dealer: 2, Receiver: 3, Round: 2, Key: key, Hashes: [][]byte{key, {1}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, all := circle(t, 3)
				all[2].backend.silentIn = 3
				session := create(t, all, 2, 1, 1, 1)
				double := h.open(keygen.TopicOf(session), secret(3))
				data, err := proto.Marshal(&pb.SignerMessage{Body: &pb.SignerMessage_Complaint{Complaint: &pb.KeygenComplaint{
					Session: session[:], Why: "it is bad", Opening: o,
				}}})
				require.NoError(t, err)
				require.NoError(t, double.Publish(t.Context(), data))
				time.Sleep(time.Hour)
				for _, m := range all[:2] {
					st := m.status(session)
					require.Equal(t, keygen.Failed, st.State)
					require.Contains(t, st.Detail, operator(3).String()+" has ended it: it is bad")
					require.Empty(t, st.Proof)
				}
			})
		})
	}
}

// Where it cannot be told, it stays a pair: nobody is named on somebody's word.
func TestWhatCannotBeToldStaysAPair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, all := circle(t, 3)
		asked := 0
		all[0].judge = func(keygen.Dispute) (keygen.Verdict, error) { asked++; return keygen.Undecided, keygen.ErrTerms }
		all[2].backend.accuses = operator(2)
		session := create(t, all, 2, 1, 1, 1)
		time.Sleep(time.Hour)
		st := all[0].status(session)
		require.Contains(t, st.Detail, operator(3).String()+" has ended it")
		require.Contains(t, st.Detail, "pair")
		require.Empty(t, st.Proof)
		require.Equal(t, 1, asked)
	})
}
