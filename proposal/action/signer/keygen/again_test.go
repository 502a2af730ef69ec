package keygen_test

import (
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

// losing has nothing get through from one operator to another that a rule names.
func losing(from, to int, rule func(*pb.SignerMessage) bool) func(from, to chain.Operator, data []byte) []byte {
	return func(f, t chain.Operator, data []byte) []byte {
		m := new(pb.SignerMessage)
		if f == operator(from) && t == operator(to) && proto.Unmarshal(data, m) == nil && rule(m) {
			return nil
		}
		return data
	}
}

// heal has everything get through that is said from now on, or repeated to who comes.
func (h *hub) heal() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.bend = nil
}

// Operators restart at once, one of them with its shares and one between the rounds: the first one says again what its backend
// said, with which it had nothing more to do, and nobody is taken for absent.
func TestRestartsAtOnceOfWhoIsDoneAndWhoIsNot(t *testing.T) {
	for round := uint32(1); round <= 2; round++ {
		for _, restarted := range [][]int{{1, 2}, {2, 1}, {3, 2, 1}} {
			for _, real := range []bool{false, true} {
				if real && len(restarted) < 3 { // one of them will do
					continue
				}
				synctest.Test(t, func(t *testing.T) {
					start := circle
					if real {
						start = vaulted
					}
					h, all := start(t, 3)
					h.bend = losing(1, 2, func(m *pb.SignerMessage) bool { return m.GetBundle().GetRound() == round })
					session := create(t, all, 2, 2, 1, 1)
					require.Equal(t, keygen.Running, all[1].status(session).State)
					if round == 2 {
						require.Equal(t, keygen.Attesting, all[0].status(session).State)
					}
					for _, i := range restarted {
						all[i-1].kill()
					}
					h.heal()
					for _, i := range restarted {
						all[i-1].start()
						synctest.Wait()
					}
					time.Sleep(time.Minute)
					for _, m := range all {
						require.Equal(t, keygen.Active, m.status(session).State, "operator %d: %s", m.seed, m.status(session).Detail)
						require.Len(t, m.shelf.imported(), 1)
					}
				})
			}
		}
	}
}

// So does an instance that finishes what another one has left.
func TestASiblingSaysAgainWhatTheBackendSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, all := circle(t, 3)
		h.bend = losing(1, 2, func(m *pb.SignerMessage) bool { return m.GetBundle().GetRound() == 2 })
		session := create(t, all, 2, 1, 1, 1)
		require.Equal(t, keygen.Attesting, all[0].status(session).State)
		all[0].kill()
		all[1].kill()
		h.heal()
		all[0].instance = "sibling"
		all[0].start()
		all[1].start()
		time.Sleep(6 * time.Minute)
		whole(t, all, session, keygen.Active)
		require.Equal(t, "sibling", all[0].status(session).Instance)
	})
}

// Who has heard the last acceptance says its own again after a restart: who has not heard it, and restarts as well, waits for it.
func TestRestartsAtOnceOfWhoGeneratesAndWhoStillWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, all := circle(t, 3)
		h.bend = losing(1, 2, func(m *pb.SignerMessage) bool { return m.GetAcceptance() != nil })
		session := create(t, all, 2, 1, 1, 1)
		require.Equal(t, keygen.Accepted, all[1].status(session).State)
		require.Equal(t, keygen.Running, all[0].status(session).State)
		all[0].kill()
		all[1].kill()
		h.heal()
		all[0].start()
		all[1].start()
		synctest.Wait()
		whole(t, all, session, keygen.Active)
	})
}

// Who is away is named, and accused of nothing: in no status, and in nothing that is said.
func TestWhoIsAwayIsAccusedOfNothing(t *testing.T) {
	for round := uint32(0); round <= 2; round++ {
		synctest.Test(t, func(t *testing.T) {
			h, all := circle(t, 3)
			complaints := 0
			gone := false
			h.bend = func(from, _ chain.Operator, data []byte) []byte {
				m := new(pb.SignerMessage)
				require.NoError(t, proto.Unmarshal(data, m))
				if c := m.GetComplaint(); c.GetWhy() != "" {
					complaints++
					require.Empty(t, c.GetAccused(), c.GetWhy())
					require.Empty(t, c.GetOpenings())
				}
				gone = gone || from == operator(3) && (m.GetAcceptance() != nil && round == 0 || m.GetBundle() != nil && m.GetBundle().GetRound() == round)
				if from == operator(3) && gone {
					return nil
				}
				return data
			}
			session := create(t, all, 2, 1, 1, 1)
			all[2].kill()
			time.Sleep(3 * 24 * time.Hour)
			for _, m := range all[:2] {
				st := m.status(session)
				require.Equal(t, keygen.Failed, st.State)
				require.Contains(t, st.Detail, operator(3).String()+" did not ")
				require.NotContains(t, st.Detail, "accuses")
				require.Empty(t, st.Proof)
				require.Equal(t, map[signer.SessionID]string{session: "abandoned"}, m.shelf.assigned())
			}
			require.Positive(t, complaints)
		})
	}
}

// However often somebody calls for attestations, each of the others says its own a few times.
func TestManyCallsMakeLittleTalk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, all := circle(t, 3)
		session := create(t, all, 2, 1, 1, 1)
		attested := func() int {
			return len(h.repeated(func(m *pb.SignerMessage) bool { return m.GetAttestation() != nil }))
		}
		before := attested()
		caller := h.open(keygen.TopicOf(session), secret(3))
		for i := range 100 {
			call, err := proto.Marshal(&pb.SignerMessage{Body: &pb.SignerMessage_Call{Call: []byte{byte(i)}}})
			require.NoError(t, err)
			require.NoError(t, caller.Publish(t.Context(), call))
			synctest.Wait()
		}
		require.Equal(t, before, attested(), "what was said a moment ago is repeated")
		time.Sleep(30 * time.Second)
		require.NoError(t, caller.Publish(t.Context(), []byte("not a call")))
		call, err := proto.Marshal(&pb.SignerMessage{Body: &pb.SignerMessage_Call{Call: []byte("later")}})
		require.NoError(t, err)
		require.NoError(t, caller.Publish(t.Context(), call))
		synctest.Wait()
		require.Equal(t, before+2, attested(), "the two who did not call")
	})
}

// For who was not there at the end something is repeated for a minute; whoever comes later calls for it.
func TestWhoLingersIsSilentUntilCalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, all := circle(t, 3)
		session := create(t, all, 2, 1, 1, 1)
		attested := func() [][]byte {
			return h.repeated(func(m *pb.SignerMessage) bool { return m.GetAttestation() != nil })
		}
		require.NotEmpty(t, attested())
		time.Sleep(2 * time.Minute)
		require.Empty(t, attested())
		caller := h.open(keygen.TopicOf(session), secret(3))
		call, err := proto.Marshal(&pb.SignerMessage{Body: &pb.SignerMessage_Call{Call: []byte("later")}})
		require.NoError(t, err)
		require.NoError(t, caller.Publish(t.Context(), call))
		synctest.Wait()
		require.Len(t, attested(), 2, "the two who did not call")
		time.Sleep(time.Minute)
		require.Len(t, attested(), 2, "who called once may have missed the answer")
		time.Sleep(10 * time.Minute)
		require.Empty(t, attested())
	})
}

// Somebody attests to one of the others alone: that one uses the wallet, and the rest is given what it misses, also by who was
// restarted meanwhile.
func TestAttestedToOneAloneIsPassedOn(t *testing.T) {
	for _, restarted := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			h, all := circle(t, 4)
			h.bend = func(from, to chain.Operator, data []byte) []byte {
				m := new(pb.SignerMessage)
				if from == operator(4) && to != operator(1) && proto.Unmarshal(data, m) == nil && m.GetAttestation() != nil {
					return nil
				}
				return data
			}
			session := create(t, all, 3, 1, 1, 1, 1)
			require.Equal(t, keygen.Active, all[0].status(session).State)
			require.Equal(t, keygen.Attesting, all[1].status(session).State)
			require.Equal(t, keygen.Attesting, all[2].status(session).State)
			if restarted {
				all[0].restart()
			}
			time.Sleep(time.Hour)
			whole(t, all[:3], session, keygen.Active)
		})
	}
}
