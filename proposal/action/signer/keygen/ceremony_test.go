package keygen_test

import (
	"context"
	"io"
	"log/slog"
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
	"github.com/walletnode/walletnode/proposal/action/signer/vault"
)

// member is an operator with its node.
type member struct {
	t       *testing.T
	seed    int
	hub     *hub
	log     *memory
	shelf   *shelf
	backend *toy
	vault   vault.Config                // where a real one stands in its place
	height  func() (chain.Height, bool) // what it knows of the chain; nil is that it is there
	known   map[chain.Operator]bool     // with whom it shares a wallet
	judge   keygen.Judge
	service *keygen.Service
	// instance is its name among those that share its log, of which all others are gone; empty if none do.
	instance string
	stop     func()
}

// circle starts the operators 1 to n. It runs in a bubble.
func circle(t *testing.T, n int) (*hub, []*member) {
	h := newHub()
	var all []*member
	for i := range n {
		m := &member{t: t, seed: i + 1, hub: h, log: newMemory(), backend: newToy("backend-" + string(rune('a'+i))), judge: toyJudge}
		m.shelf = &shelf{backend: m.backend, sessions: map[signer.SessionID]string{}}
		m.start()
		all = append(all, m)
	}
	t.Cleanup(func() {
		for _, m := range all {
			m.kill()
		}
	})
	return h, all
}

func (m *member) operator() chain.Operator { return operator(m.seed) }

func (m *member) config() keygen.Config {
	return keygen.Config{
		Instance: m.instance,
		Gone:     func(_ context.Context, instance string) (bool, error) { return instance != m.instance, nil },
		Key:      secret(m.seed), ChainID: 11155111, Genesis: chain.Hash{7},
		Log: m.log, Network: port{m.hub, secret(m.seed)}, Placement: m.shelf, Registry: m.shelf,
		Term:   func(context.Context) (signer.Term, error) { return signer.Term{}, nil },
		Height: m.chainHeight,
		Judge:  func(d keygen.Dispute) (keygen.Verdict, error) { return m.judge(d) },
		Known:  func(context.Context) (map[chain.Operator]bool, error) { return m.known, nil },
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
}

func (m *member) chainHeight() (chain.Height, bool) {
	if m.height == nil {
		return 900, true
	}
	return m.height()
}

func (m *member) start() {
	service, err := keygen.New(m.config())
	require.NoError(m.t, err)
	m.service = service
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }()
	m.hub.join(m.operator(), service.Invited)
	m.stop = func() {
		cancel()
		require.NoError(m.t, <-ended)
		m.stop = nil
	}
}

// kill ends the node; what it holds in memory is lost.
func (m *member) kill() {
	if m.stop != nil {
		m.stop()
	}
}

func (m *member) restart() {
	m.kill()
	m.start()
}

func (m *member) status(session signer.SessionID) keygen.Status {
	m.t.Helper()
	st, err := m.service.Status(m.t.Context(), session)
	require.NoError(m.t, err)
	return st
}

// create has operator 1 invite, and the others accept.
func create(t *testing.T, all []*member, threshold int, seats ...int) signer.SessionID {
	t.Helper()
	session := invite(t, all, threshold, seats...)
	for _, m := range all[1:] {
		require.NoError(t, m.service.Accept(t.Context(), session))
	}
	synctest.Wait()
	return session
}

func invite(t *testing.T, all []*member, threshold int, seats ...int) signer.SessionID {
	t.Helper()
	session, err := all[0].service.Create(t.Context(), keygen.Request{Roster: rosterOf(seats...), Threshold: threshold, Scheme: signer.FROST})
	require.NoError(t, err)
	synctest.Wait()
	return session
}

func TestAllOperatorsEndWithOneActiveWallet(t *testing.T) {
	for _, test := range []struct {
		threshold int
		seats     []int
	}{{2, []int{1, 1, 1}}, {4, []int{3, 2, 2}}, {2, []int{3}}, {11, []int{4, 4, 4, 4, 4}}} {
		synctest.Test(t, func(t *testing.T) {
			h, all := circle(t, len(test.seats))
			session := create(t, all, test.threshold, test.seats...)
			require.Empty(t, h.repeated(func(m *pb.SignerMessage) bool { return m.GetBundle() != nil }), "what was said in rounds, which nobody needs now")
			require.NotEmpty(t, h.repeated(func(m *pb.SignerMessage) bool { return m.GetAttestation() != nil }), "for who was away")
			first := all[0].status(session)
			for _, m := range all {
				st := m.status(session)
				require.Equal(t, keygen.Active, st.State)
				require.Equal(t, first.Wallet, st.Wallet)
				require.Equal(t, first.Attestations, st.Attestations)
				require.Equal(t, []signer.KeyState{signer.KeyActive}, m.backend.states())
				require.Equal(t, map[signer.SessionID]string{session: "active"}, m.shelf.assigned())
				require.Len(t, m.shelf.imported(), 1)
				require.Equal(t, rosterOf(test.seats...), m.shelf.imported()[0].Roster())
				require.Len(t, st.Seats, test.seats[m.seed-1])
			}
			record, err := keygen.MakeRecord(rosterOf(test.seats...), first.Attestations)
			require.NoError(t, err)
			_, err = keygen.ReadRecord(record, rosterOf(test.seats...))
			require.NoError(t, err, "the record stands by itself")
		})
	}
}

func TestNothingIsGeneratedBeforeAllHaveAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, all := circle(t, 3)
		for _, m := range all {
			m.backend.asked = func(int) { panic("a round was asked for") }
		}
		session := invite(t, all, 2, 1, 1, 1)
		require.Equal(t, keygen.Invited, all[2].status(session).State)
		require.NoError(t, all[1].service.Accept(t.Context(), session))
		synctest.Wait()
		st := all[0].status(session)
		require.Equal(t, keygen.Accepted, st.State)
		require.Equal(t, []chain.Operator{operator(3)}, st.Progress.Awaited, "who is awaited can be seen")
		time.Sleep(25 * time.Hour)
		for _, m := range all[:2] {
			st := m.status(session)
			require.Equal(t, keygen.Failed, st.State)
			require.Contains(t, st.Detail, operator(3).String())
			require.Equal(t, map[signer.SessionID]string{session: "abandoned"}, m.shelf.assigned())
			require.Empty(t, m.shelf.imported())
		}
		_, err := all[2].service.Status(t.Context(), session)
		require.ErrorIs(t, err, keygen.ErrUnknown, "an invitation that expired is forgotten")
		require.ErrorIs(t, all[2].service.Accept(t.Context(), session), keygen.ErrUnknown)
	})
}

func TestDeclinedInvitationEndsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, all := circle(t, 3)
		session := invite(t, all, 2, 1, 1, 1)
		require.NoError(t, all[2].service.Decline(t.Context(), session))
		require.Equal(t, keygen.Declined, all[2].status(session).State)
		require.ErrorIs(t, all[2].service.Accept(t.Context(), session), keygen.ErrOtherState)

		require.NoError(t, all[1].service.Accept(t.Context(), session))
		synctest.Wait()
		require.NoError(t, all[1].service.Decline(t.Context(), session), "what has not begun can still be declined")
		synctest.Wait()
		require.Equal(t, keygen.Declined, all[1].status(session).State)
		st := all[0].status(session)
		require.Equal(t, keygen.Failed, st.State)
		require.Contains(t, st.Detail, operator(2).String()+" has ended it: the operator has declined")
	})
}

func TestSilentOperatorIsNamed(t *testing.T) {
	for round := 1; round <= 3; round++ {
		synctest.Test(t, func(t *testing.T) {
			_, all := circle(t, 3)
			all[2].backend.silentIn = round
			session := create(t, all, 2, 2, 1, 1)
			st := all[0].status(session)
			if round < 3 {
				require.Equal(t, keygen.Running, st.State)
				require.Equal(t, round, st.Progress.Round)
				require.Equal(t, []chain.Operator{operator(3)}, st.Progress.Awaited)
			}
			time.Sleep(time.Hour)
			for _, m := range all[:2] {
				st := m.status(session)
				require.Equal(t, keygen.Failed, st.State)
				require.Contains(t, st.Detail, operator(3).String())
				require.NotContains(t, st.Detail, operator(2).String()+" said nothing")
				if round == 3 { // all bundles were said: the others have the key, and it is not used
					require.Equal(t, []signer.KeyState{signer.KeyPending}, m.backend.states())
				}
			}
			require.Equal(t, keygen.Failed, all[2].status(session).State)
			require.Contains(t, all[2].status(session).Detail, "our backend did not answer")
			time.Sleep(3 * 24 * time.Hour)
			for _, m := range all {
				require.Equal(t, keygen.Failed, m.status(session).State)
				require.Empty(t, m.shelf.imported())
				require.NotContains(t, m.backend.states(), signer.KeyActive)
				require.NotContains(t, m.backend.states(), signer.KeyPending)
				require.Equal(t, map[signer.SessionID]string{session: "abandoned"}, m.shelf.assigned())
			}
		})
	}
}

// An operator sends others different commitments: each side shows what it was told, and both messages are the proof.
func TestSplitCommitmentsAreProven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, all := circle(t, 4)
		h.bend = func(from, to chain.Operator, data []byte) []byte {
			m := new(pb.SignerMessage)
			if from != operator(2) || to != operator(3) || proto.Unmarshal(data, m) != nil || m.GetBundle().GetRound() != 1 {
				return data
			}
			return keygen.EncodeBundle(signer.SessionID(m.GetBundle().GetSession()), 1, []signer.Parcel{{Data: []byte("another")}}, nil)
		}
		session := create(t, all, 3, 1, 1, 1, 1)
		time.Sleep(time.Minute)
		for _, i := range []int{0, 2, 3} {
			st := all[i].status(session)
			require.Equal(t, keygen.Failed, st.State)
			require.Contains(t, st.Detail, operator(2).String()+" said two different things in round 1")
			require.Len(t, st.Proof, 2)
			requireSplit(t, session, operator(2), st.Proof)
		}
		for _, m := range all {
			require.Empty(t, m.shelf.imported())
		}
	})
}

// requireSplit demands a proof that an operator said two different things in one round: both messages, as they were signed.
func requireSplit(t *testing.T, session signer.SessionID, by chain.Operator, proof [][]byte) {
	t.Helper()
	require.Len(t, proof, 2)
	one, err := keygen.ReadBundle(session, proof[0])
	require.NoError(t, err)
	other, err := keygen.ReadBundle(session, proof[1])
	require.NoError(t, err)
	require.Equal(t, by, one.By)
	require.Equal(t, by, other.By)
	require.Equal(t, one.Round, other.Round)
	require.NotEqual(t, one.Hash, other.Hash)
}

// An operator whose two messages reach everybody is named at once.
func TestTwoDifferentBundlesAreProof(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, all := circle(t, 3)
		all[1].backend.silentIn = 2
		session := create(t, all, 2, 1, 1, 1)
		again := h.open(keygen.TopicOf(session), secret(2))
		require.NoError(t, again.Publish(t.Context(), keygen.EncodeBundle(session, 1, []signer.Parcel{{Data: []byte("another")}}, nil)))
		synctest.Wait()
		st := all[0].status(session)
		require.Equal(t, keygen.Failed, st.State)
		requireSplit(t, session, operator(2), st.Proof)
	})
}

func TestWrongAttestationIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, all := circle(t, 3)
		all[2].backend.attests = func(key *signer.KeyDetail) {
			other := point(77)
			key.Verification[1] = other[:]
		}
		session := create(t, all, 2, 1, 1, 1)
		for _, m := range all[:2] {
			st := m.status(session)
			require.Equal(t, keygen.Failed, st.State)
			require.Equal(t, operator(3).String()+" attested another key than we", st.Detail)
			require.Len(t, st.Proof, 2)
			a, err := keygen.ReadAttestation(st.Proof[1])
			require.NoError(t, err)
			require.Equal(t, operator(3), a.By)
			require.Empty(t, m.shelf.imported())
			require.Equal(t, []signer.KeyState{signer.KeyPending}, m.backend.states())
		}
		time.Sleep(3 * 24 * time.Hour)
		for _, m := range all {
			require.Equal(t, []signer.KeyState{signer.KeyFrozen}, m.backend.states())
			require.Equal(t, map[signer.SessionID]string{session: "abandoned"}, m.shelf.assigned())
		}
	})
}

// Somebody attests one thing to us and another to the rest: they use the wallet, so we do as soon as we learn of it.
func TestAttestationThatContradictsItselfKeepsNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, all := circle(t, 3)
		h.bend = func(from, to chain.Operator, data []byte) []byte {
			m := new(pb.SignerMessage)
			if from != operator(3) || to != operator(1) || proto.Unmarshal(data, m) != nil || m.GetAttestation() == nil {
				return data
			}
			a, err := keygen.ReadAttestation(m.GetAttestation())
			require.NoError(t, err)
			a.Verification[0] = point(77)
			signed, err := keygen.SignAttestation(secret(3), a)
			require.NoError(t, err)
			data, err = proto.Marshal(&pb.SignerMessage{Body: &pb.SignerMessage_Attestation{Attestation: signed}})
			require.NoError(t, err)
			return data
		}
		session := create(t, all, 2, 1, 1, 1)
		require.Equal(t, keygen.Failed, all[0].status(session).State)
		require.Equal(t, keygen.Active, all[1].status(session).State)
		h.mu.Lock()
		h.bend = nil
		h.mu.Unlock()
		all[0].restart()
		synctest.Wait()
		st := all[0].status(session)
		require.Equal(t, keygen.Active, st.State)
		require.Equal(t, all[1].status(session).Attestations, st.Attestations)
		require.Len(t, all[0].shelf.imported(), 1)
	})
}

func TestReplayedInvitationBeginsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, all := circle(t, 3)
		session := create(t, all, 2, 1, 1, 1)
		doc := all[0].status(session).Invitation
		rounds := 0
		all[1].backend.asked = func(int) { rounds++ }
		inv, err := keygen.ReadInvitation(doc)
		require.NoError(t, err)
		inv.Expires = inv.Expires.Add(time.Hour)
		again, err := keygen.SignInvitation(secret(3), inv)
		require.NoError(t, err)
		for _, d := range [][]byte{doc, again} {
			all[1].service.Invited(d)
			synctest.Wait()
			list, err := all[1].service.Statuses(t.Context())
			require.NoError(t, err)
			require.Len(t, list, 1)
			require.Equal(t, keygen.Active, list[0].State)
		}
		require.ErrorIs(t, all[1].service.Accept(t.Context(), session), keygen.ErrOtherState)
		require.Zero(t, rounds)
		time.Sleep(8 * 24 * time.Hour)
		all[1].service.Invited(doc)
		synctest.Wait()
		require.ErrorIs(t, all[1].service.Accept(t.Context(), session), keygen.ErrOtherState)
	})
}

func TestInvitationsThatDoNotConcernUsAreIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, all := circle(t, 2)
		for name, change := range map[string]func(*keygen.Invitation){
			"another chain":   func(inv *keygen.Invitation) { inv.ChainID = 1 },
			"another genesis": func(inv *keygen.Invitation) { inv.Genesis = chain.Hash{8} },
			"without us":      func(inv *keygen.Invitation) { inv.Roster = []chain.Operator{operator(1), operator(3)} },
			"expired":         func(inv *keygen.Invitation) { inv.Expires = time.Now() },
			"for too long":    func(inv *keygen.Invitation) { inv.Expires = time.Now().Add(8 * 24 * time.Hour) },
		} {
			inv := invitation(2, 1, 1)
			inv.Nonce, inv.Expires = keygen.NewNonce(), time.Now().Add(time.Hour)
			change(&inv)
			doc, err := keygen.SignInvitation(secret(1), inv)
			require.NoError(t, err)
			all[1].service.Invited(doc)
			synctest.Wait()
			list, err := all[1].service.Statuses(t.Context())
			require.NoError(t, err)
			require.Empty(t, list, name)
		}
		all[1].service.Invited([]byte("no document"))
		synctest.Wait()
	})
}

func TestPendingInvitationsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, all := circle(t, 2)
		all[1].known = map[chain.Operator]bool{}
		for by := range 50 {
			all[1].known[operator(200+by)] = true
		}
		flood := func(by int) int {
			inv := invitation(2, 1, 1)
			inv.Roster = []chain.Operator{operator(2), operator(by)}
			inv.Nonce, inv.Expires = keygen.NewNonce(), time.Unix(time.Now().Add(time.Hour).Unix(), 0)
			doc, err := keygen.SignInvitation(secret(by), inv)
			require.NoError(t, err)
			all[1].service.Invited(doc)
			synctest.Wait()
			list, err := all[1].service.Statuses(t.Context())
			require.NoError(t, err)
			return len(list)
		}
		for range 10 {
			flood(10)
		}
		require.Equal(t, 5, flood(11), "four of one inviter, and one of another")
		for by := range 100 {
			flood(20 + by)
		}
		require.Equal(t, 32, flood(150), "whoever is not known has half of the room")
		require.Equal(t, 33, flood(200), "and those who share a wallet have theirs")
		for by := range 48 {
			flood(201 + by)
		}
		require.Equal(t, 64, flood(249))
		time.Sleep(66 * time.Minute)
		require.Equal(t, 0, func() int {
			list, err := all[1].service.Statuses(t.Context())
			require.NoError(t, err)
			return len(list)
		}(), "expired ones are forgotten")
	})
}

// A stranger who speaks on the topic is not heard, whatever it says.
func TestStrangerOnTheTopicIsNotHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, all := circle(t, 3)
		session := invite(t, all, 2, 1, 1, 1)
		stranger := h.open(keygen.TopicOf(session), secret(9))
		accept, err := keygen.SignAcceptance(secret(9), keygen.Acceptance{Session: session, Backend: "x", SealTo: signer.PublicKey{1}})
		require.NoError(t, err)
		for _, m := range []*pb.SignerMessage{
			{Body: &pb.SignerMessage_Acceptance{Acceptance: accept}},
			{Body: &pb.SignerMessage_Complaint{Complaint: &pb.KeygenComplaint{Session: session[:], Why: "no"}}},
			{Body: &pb.SignerMessage_Call{Call: []byte{1}}},
		} {
			data, err := proto.Marshal(m)
			require.NoError(t, err)
			require.NoError(t, stranger.Publish(t.Context(), data))
		}
		require.NoError(t, stranger.Publish(t.Context(), keygen.EncodeBundle(session, 1, nil, nil)))
		require.NoError(t, stranger.Publish(t.Context(), []byte{0xff}))
		for _, m := range all[1:] {
			require.NoError(t, m.service.Accept(t.Context(), session))
		}
		synctest.Wait()
		for _, m := range all {
			require.Equal(t, keygen.Active, m.status(session).State)
		}
	})
}

// Two acceptances of one operator would have backends seal to different keys.
func TestTwoAcceptancesAreProof(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, all := circle(t, 3)
		session := invite(t, all, 2, 1, 1, 1)
		double := h.open(keygen.TopicOf(session), secret(2))
		for i := range 2 {
			signed, err := keygen.SignAcceptance(secret(2), keygen.Acceptance{Session: session, Backend: "x", SealTo: signer.PublicKey{byte(i + 1)}})
			require.NoError(t, err)
			data, err := proto.Marshal(&pb.SignerMessage{Body: &pb.SignerMessage_Acceptance{Acceptance: signed}})
			require.NoError(t, err)
			require.NoError(t, double.Publish(t.Context(), data))
		}
		synctest.Wait()
		st := all[0].status(session)
		require.Equal(t, keygen.Failed, st.State)
		require.Contains(t, st.Detail, operator(2).String()+" accepted twice")
		require.Len(t, st.Proof, 2)
	})
}

func TestCreateRefusesWhatCannotBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, all := circle(t, 2)
		for _, r := range []keygen.Request{
			{Roster: rosterOf(1, 1), Threshold: 3, Scheme: signer.FROST},
			{Roster: rosterOf(1, 1), Threshold: 2, Scheme: "rsa"},
			{Threshold: 2, Scheme: signer.FROST},
			{Roster: []chain.Operator{operator(2), operator(3)}, Threshold: 2, Scheme: signer.FROST},
		} {
			_, err := all[0].service.Create(t.Context(), r)
			require.ErrorIs(t, err, keygen.ErrTerms)
		}
		list, err := all[0].service.Statuses(t.Context())
		require.NoError(t, err)
		require.Empty(t, list)
		for range 16 {
			invite(t, all, 2, 1, 1)
		}
		_, err = all[0].service.Create(t.Context(), keygen.Request{Roster: rosterOf(1, 1), Threshold: 2, Scheme: signer.FROST})
		require.ErrorIs(t, err, keygen.ErrTooMany)
		list, err = all[0].service.Statuses(t.Context())
		require.NoError(t, err)
		require.Len(t, list, 16, "nothing is left of the one that was refused")
	})
}

// However many wallets are made, the topics that stay open for those who were away are few.
func TestLingeringIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, all := circle(t, 2)
		var last signer.SessionID
		for range 35 {
			last = create(t, all, 2, 1, 1)
			require.Equal(t, keygen.Active, all[1].status(last).State)
		}
		open := func() (n int) {
			h.mu.Lock()
			defer h.mu.Unlock()
			for _, ends := range h.topics {
				n += len(ends)
			}
			return n
		}
		require.Equal(t, 2*32, open())
		h.mu.Lock()
		require.Len(t, h.topics[keygen.TopicOf(last)], 2, "the newest stay")
		h.mu.Unlock()
		time.Sleep(8 * 24 * time.Hour)
		require.Zero(t, open())
	})
}

func TestRosterOfSaysWhatIsWrong(t *testing.T) {
	a, b := operator(1), operator(2)
	roster, err := keygen.RosterOf([]chain.Operator{a, b}, []int{2, 1})
	require.NoError(t, err)
	require.Equal(t, []chain.Operator{a, a, b}, roster)
	for says, test := range map[string]struct {
		operators []chain.Operator
		seats     []int
	}{
		"there are no operators":         {nil, nil},
		"2 operators and 1 numbers":      {[]chain.Operator{a, b}, []int{1}},
		"stands there twice":             {[]chain.Operator{a, b, a}, []int{1, 1, 1}},
		"has 0 seats, want 1 at least":   {[]chain.Operator{a, b}, []int{1, 0}},
		"has -1 seats, want 1 at least":  {[]chain.Operator{a, b}, []int{1, -1}},
		"more than 255 seats":            {[]chain.Operator{a, b}, []int{1, 255}},
		"operator 2 is the zero address": {[]chain.Operator{a, {}}, []int{1, 1}},
	} {
		_, err := keygen.RosterOf(test.operators, test.seats)
		require.ErrorIs(t, err, keygen.ErrTerms)
		require.ErrorContains(t, err, says)
	}
	require.True(t, slices.Contains(roster, b))
}
