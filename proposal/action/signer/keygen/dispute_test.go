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
		found, err := keygen.Examine(t.Context(), row.Invitation, row.Proof, m.judge)
		require.NoError(t, err, "operator %d", m.seed)
		require.Len(t, found, 1)
		require.Equal(t, operator(culprit), found[0].Culprit)
		require.Contains(t, found[0].Why, what)
		for i := range row.Proof {
			_, err = keygen.Examine(t.Context(), row.Invitation, slices.Delete(slices.Clone(row.Proof), i, i+1), m.judge)
			require.ErrorIs(t, err, keygen.ErrUnproven, "without message %d", i+1)
			changed := slices.Clone(row.Proof)
			changed[i] = slices.Clone(changed[i])
			changed[i][len(changed[i])-1] ^= 1
			_, err = keygen.Examine(t.Context(), row.Invitation, changed, m.judge)
			require.Error(t, err, "with another message %d", i+1)
		}
		_, err = keygen.Examine(t.Context(), row.Proof[0], row.Proof, m.judge)
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
		require.NoError(t, h.open(topic, secret(2)).Publish(t.Context(), keygen.EncodeBundle(session, 3, []signer.Parcel{{Data: []byte("for all")}}, nil)))
		synctest.Wait()
		key := make([]byte, 32)
		o := &pb.KeygenOpening{Dealer: 2, Receiver: 3, Round: 3, Key: key}
		for round := uint32(1); round <= 3; round++ {
			hash, ok := dealt[round]
			require.True(t, ok, "round %d", round)
			o.Hashes = append(o.Hashes, hash[:])
		}
		data, err := proto.Marshal(&pb.SignerMessage{Body: &pb.SignerMessage_Complaint{Complaint: &pb.KeygenComplaint{
			Session: session[:], Why: "it is bad", Openings: []*pb.KeygenOpening{o},
		}}})
		require.NoError(t, err)
		require.NoError(t, h.open(topic, secret(3)).Publish(t.Context(), data))
		time.Sleep(time.Hour)
		provenToAll(t, all[:2], session, 3, "it shows another key than it has accepted with")
	})
}

// A dealer signs with which keys all have accepted, and to which key it has sealed. Who names another one than the receiver's, so
// that nothing opens, is named, and nobody waits for what it may show.
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
		provenToAll(t, []*member{all[0], all[2]}, session, 2, "sealed to a key with which "+operator(3).String()+" has not accepted")
	})
}

// acceptingOtherwise has an operator accept with another key towards a second one than towards the rest.
func acceptingOtherwise(t *testing.T, by, towards int) func(from, to chain.Operator, data []byte) []byte {
	return func(from, to chain.Operator, data []byte) []byte {
		m := new(pb.SignerMessage)
		if from != operator(by) || to != operator(towards) || proto.Unmarshal(data, m) != nil || m.GetAcceptance() == nil {
			return data
		}
		a, err := keygen.ReadAcceptance(m.GetAcceptance())
		require.NoError(t, err)
		a.SealTo = publicOf(signer.Digest{9})
		other, err := keygen.SignAcceptance(secret(by), a)
		require.NoError(t, err)
		changed, err := proto.Marshal(&pb.SignerMessage{Body: &pb.SignerMessage_Acceptance{Acceptance: other}})
		require.NoError(t, err)
		return changed
	}
}

// A receiver accepts with one key towards the dealer and with another towards the rest, to open with the other: that shows
// before anything is dealt, and the two acceptances are proof.
func TestWhoAcceptsTwiceFramesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, all := circle(t, 3)
		h.bend = acceptingOtherwise(t, 3, 2)
		all[2].backend.accuses = operator(2)
		for _, m := range all {
			m.backend.asked = func(round int) { require.Less(t, round, 2, "something was dealt") }
		}
		session := create(t, all, 2, 1, 1, 1)
		provenToAll(t, all[:2], session, 3, "accepted twice, with different backends")
	})
}

// The dealer to whom it accepted otherwise is away when the others find that out: it has dealt nothing, and is accused of nothing.
func TestADealerThatIsAwayIsNotBlamedForWhoAcceptsTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, all := circle(t, 3)
		otherwise := acceptingOtherwise(t, 3, 2)
		h.bend = func(from, to chain.Operator, data []byte) []byte { // operator 2 hears nothing any more once it has said its first round
			m := new(pb.SignerMessage)
			if to == operator(2) && proto.Unmarshal(data, m) == nil && (m.GetBundle() != nil || m.GetComplaint() != nil) {
				return nil
			}
			return otherwise(from, to, data)
		}
		all[2].backend.accuses = operator(2)
		session := create(t, all, 2, 1, 1, 1)
		all[1].kill()
		time.Sleep(time.Hour)
		st := all[0].status(session)
		require.Equal(t, keygen.Failed, st.State)
		require.Contains(t, st.Detail, "other acceptances than we were told "+operator(2).String())
		require.NotContains(t, st.Detail, "accuses")
		require.Empty(t, st.Proof)

		h.mu.Lock()
		h.bend = otherwise
		h.mu.Unlock()
		all[1].start()
		time.Sleep(time.Hour)
		st = all[1].status(session)
		require.Equal(t, keygen.Failed, st.State)
		require.Contains(t, st.Detail, "did not answer")
	})
}

// several demands that everybody names these and nobody else, each with its reason, and that the proof does so for anybody.
func several(t *testing.T, all []*member, session signer.SessionID, culprits map[int]string) {
	t.Helper()
	for _, m := range all {
		row, _, err := m.log.Keygen(t.Context(), session)
		require.NoError(t, err)
		require.Equal(t, keygen.Failed, row.State)
		found, err := keygen.Examine(t.Context(), row.Invitation, row.Proof, m.judge)
		require.NoError(t, err, "operator %d: %s", m.seed, row.Detail)
		named := map[chain.Operator]string{}
		for _, f := range found {
			named[f.Culprit] = f.Why
			require.Contains(t, row.Detail, f.Why)
		}
		require.Len(t, named, len(culprits), "operator %d: %v", m.seed, named)
		for seed, what := range culprits {
			require.Contains(t, named[operator(seed)], what, "operator %d", m.seed)
		}
	}
}

func TestTwoCheatingDealersAreNamedToAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, all := circle(t, 4)
		all[1].backend.badShareTo = operator(4)
		all[2].backend.badShareTo = operator(4)
		session := create(t, all, 3, 1, 1, 1, 2)
		several(t, all, session, map[int]string{2: "what it cannot use", 3: "what it cannot use"})
	})
}

// Each of the two complaints has ended it for the rest, and the other one is looked at none the less.
func TestAFalseAccuserAndACheatingDealerAreNamedToAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, all := circle(t, 5)
		all[1].backend.badShareTo = operator(4)
		all[2].backend.accuses = operator(1)
		session := create(t, all, 3, 1, 1, 1, 1, 1)
		several(t, all, session, map[int]string{2: "what it cannot use", 3: "and it is right"})
	})
}

// To look at a share takes a second of a processor: who complains falsely of many is looked at once.
func TestWhoComplainsFalselyOfManyIsLookedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, all := circle(t, 5)
		all[4].backend.accusesAll = true
		judged := 0
		all[0].judge = func(d keygen.Dispute) (keygen.Verdict, error) {
			judged++
			return toyJudge(d)
		}
		session := create(t, all, 3, 1, 1, 1, 1, 1)
		time.Sleep(time.Hour)
		several(t, all[:1], session, map[int]string{5: "dealt it is bad, and it is right"})
		require.Equal(t, 1+1, judged, "once live, once when the proof was examined")
	})
}

// Who means other messages than the dealer has said must show them.
func TestWhoAccusesOfMessagesThatAreNotShownIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, all := circle(t, 3)
		all[2].backend.accuses = operator(2)
		h.bend = bending(3, 0, func(m *pb.SignerMessage) {
			if o := m.GetComplaint().GetOpenings(); len(o) > 0 {
				o[0].Hashes[1][0] ^= 1
			}
		})
		session := create(t, all, 2, 1, 1, 1)
		require.NotContains(t, all[0].status(session).Detail, "does not show")
		time.Sleep(time.Hour)
		namedByAll(t, all[:2], session, 3, "accuses "+operator(2).String()+" of messages that it does not show")
		row, _, err := all[0].log.Keygen(t.Context(), session)
		require.NoError(t, err)
		_, err = keygen.Examine(t.Context(), row.Invitation, row.Proof, all[0].judge)
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
					Session: session[:], Why: "it is bad", Openings: []*pb.KeygenOpening{o},
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
